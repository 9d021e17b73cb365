//! Serves HTTP on listeners: how many connections, how long each, and what turns away the rest.

use std::io;
use std::net::TcpListener;
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, KeepAlive, Protocol};
use actix_server::ServerBuilder;
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::App;
use actix_web::dev::AppConfig;
use actix_web::rt::net::TcpStream;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::app::{Blueprint, guard};
use super::connection::{Connection, ConnectionLimits, Origin, Slots};

/// How long a connection may pause between two requests. Proxies and share servers keep an unused
/// connection for 60 s. They lose a delivery that they send just when it is closed here, so this is
/// longer, and it is theirs to close.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How long a client may take to close its side, or to read why it was rejected.
const DISCONNECT: Duration = Duration::from_secs(1);

/// How many connections there are at most, however many descriptors the system allows: each takes about
/// 20 KiB while it is idle.
const MOST_CONNECTIONS: usize = 10_000;

/// How many more connections are told why they are rejected, all at the same time.
const MOST_REJECTIONS: usize = 100;

/// Descriptors that are not for connections: files, databases, the tunnel.
const RESERVED_DESCRIPTORS: u64 = 128;

const REJECTION: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    Content-Type: application/json\r\n\
    Retry-After: 10\r\n\
    Connection: close\r\n\
    Content-Length: 68\r\n\r\n";

/// Adds what serves a listener, on all workers.
pub(super) fn serve_on(
    server: ServerBuilder,
    listener: TcpListener,
    origin: Origin,
    blueprint: Blueprint,
    slots: &(Slots, Slots),
    request_timeout: Duration,
) -> io::Result<ServerBuilder> {
    let address = listener.local_addr()?;
    let shutdown = server.graceful_shutdown_signal();
    let (slots, rejections) = slots.clone();
    let limits = ConnectionLimits { pause: KEEP_ALIVE, progress: request_timeout };
    server.listen("webhooks", listener, move || {
        let (slots, rejections) = (slots.clone(), rejections.clone());
        let shutdown = shutdown.clone();
        let blueprint = blueprint.clone();
        let app = App::new().wrap_fn(guard).configure(|app| blueprint.apply(app));
        let app = app.into_factory().map_err(|error| error.error_response());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let shutdown = shutdown.clone();
                async move { shutdown.notified().await }
            })
            // The connection has its own limits. actix-web's would expire while a function blocks the
            // thread, and end connections whose requests have arrived.
            .keep_alive(KeepAlive::Os)
            .client_request_timeout(Duration::ZERO)
            .client_disconnect_timeout(DISCONNECT)
            .local_addr(address)
            .on_connect_ext(move |connection: &Connection, data| {
                data.insert(origin);
                data.insert(connection.state().clone());
            })
            .finish(map_config(app, |()| AppConfig::default()));
        fn_service(move |stream: TcpStream| {
            let (slot, rejections) = (slots.take(), rejections.clone());
            if slot.is_none() {
                slots.report_full();
            }
            async move {
                let peer = stream.peer_addr().ok();
                match slot {
                    Some(slot) => {
                        Ok((Connection::new(stream, limits, slot), Protocol::Http1, peer))
                    }
                    None => Err(reject(stream, &rejections).await),
                }
            }
        })
        .and_then(http)
    })
}

/// The places for connections, and those for rejections.
pub(super) fn slots(descriptors_each: usize) -> (Slots, Slots) {
    let descriptors = descriptors();
    let free = descriptors - descriptors.min(RESERVED_DESCRIPTORS).min(descriptors / 4);
    let limit = usize::try_from(free).unwrap_or(usize::MAX) / descriptors_each;
    (Slots::new(limit.clamp(1, MOST_CONNECTIONS)), Slots::new(MOST_REJECTIONS))
}

/// How many descriptors this process may have open.
#[cfg(unix)]
fn descriptors() -> u64 {
    rlimit::Resource::NOFILE.get_soft().unwrap_or(1024)
}

#[cfg(not(unix))]
fn descriptors() -> u64 {
    u64::MAX
}

/// Says why this connection is not served, and closes it. The request is read for a moment: closing with
/// unread input would take the response away from its reader.
async fn reject(mut stream: TcpStream, rejections: &Slots) -> DispatchError {
    if let Some(_slot) = rejections.take() {
        let told = async {
            let error = "This server has too many open connections. Try it later.";
            stream.write_all(REJECTION).await?;
            stream.write_all(json!({ "error": error }).to_string().as_bytes()).await?;
            stream.shutdown().await?;
            let mut unread = [0; 1024];
            while stream.read(&mut unread).await? > 0 {}
            Ok::<_, io::Error>(())
        };
        // Without success there is nobody to tell.
        let _ = timeout(DISCONNECT, told).await;
    }
    DispatchError::DisconnectTimeout
}

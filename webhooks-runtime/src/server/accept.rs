//! Accepts connections on the listeners and assigns each to a worker, or rejects it when too many are open.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::net::{self, TcpStream};
use futures_util::future::{join, join_all};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};

use super::balancer::{AcceptedConnection, Balancer};
use super::open_files;
use crate::http::connection::{ConnectionLimit, Origin};
use crate::task;

/// How long a client may take to close its side, or to read a rejection.
pub(super) const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long to wait after the system could not accept a connection, usually for lack of file descriptors.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// The shortest time between two reports that the system cannot accept connections.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

/// The maximum number of connections, however many file descriptors the system allows: an idle connection takes
/// about 20 KiB.
const MAX_CONNECTIONS: usize = 10_000;

/// The maximum number of further connections that get a rejection at the same time. Others are only closed.
const MAX_REJECTIONS: usize = 100;

/// File descriptors that are reserved for files, databases and the tunnel.
const RESERVED_DESCRIPTORS: u64 = 128;

/// Accepts connections on all listeners. Returns only if it fails.
pub(super) async fn accept(
    listeners: Vec<(TcpListener, Origin)>,
    balancer: Arc<Balancer>,
    limits: (ConnectionLimit, ConnectionLimit),
) -> io::Result<()> {
    let mut accepting = Vec::new();
    for (listener, origin) in listeners {
        listener.set_nonblocking(true)?;
        let listener = net::TcpListener::from_std(listener)?;
        accepting.push(accept_on(listener, origin, &balancer, &limits));
    }
    balancer.all_ready().await;
    join(join_all(accepting), balancer.reassign_stuck()).await;
    Ok(())
}

async fn accept_on(
    listener: net::TcpListener,
    origin: Origin,
    balancer: &Balancer,
    (connections, rejections): &(ConnectionLimit, ConnectionLimit),
) {
    let mut reported: Option<Instant> = None;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let Some(permit) = connections.try_acquire() else {
                    connections.report_reached();
                    task::spawn(reject(stream, rejections.clone()));
                    continue;
                };
                // Removes the stream from this thread's event loop. An error closes the connection.
                if let Ok(stream) = stream.into_std() {
                    balancer.assign(AcceptedConnection { stream, peer, origin, permit });
                }
            }
            Err(error) if is_client_gone(&error) => {}
            Err(error) => {
                if reported.is_none_or(|at| at.elapsed() >= REPORT_INTERVAL) {
                    reported = Some(Instant::now());
                    tracing::error!(%error, "cannot accept connections at the moment");
                }
                sleep(RETRY_DELAY).await;
            }
        }
    }
}

/// Returns whether the client closed the connection before it was accepted.
fn is_client_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Returns the limits of open connections and of concurrent rejections. `descriptors_each` is the number of file
/// descriptors that a connection takes.
pub(super) fn connection_limits(descriptors_each: usize) -> (ConnectionLimit, ConnectionLimit) {
    let descriptors = open_files::limit();
    let free = descriptors - descriptors.min(RESERVED_DESCRIPTORS).min(descriptors / 4);
    let limit = usize::try_from(free).unwrap_or(usize::MAX) / descriptors_each;
    (ConnectionLimit::new(limit.clamp(1, MAX_CONNECTIONS)), ConnectionLimit::new(MAX_REJECTIONS))
}

/// Responds with 503 and closes the connection. It reads the request first, because closing a socket with unread
/// input discards the response.
async fn reject(mut stream: TcpStream, rejections: ConnectionLimit) {
    let Some(_permit) = rejections.try_acquire() else { return };
    let responding = async {
        stream.write_all(rejection().as_bytes()).await?;
        stream.shutdown().await?;
        let mut unread = [0; 1024];
        while stream.read(&mut unread).await? > 0 {}
        Ok::<_, io::Error>(())
    };
    // Best effort: the client may be gone.
    let _ = timeout(DISCONNECT_TIMEOUT, responding).await;
}

fn rejection() -> String {
    let error = "This server has too many open connections. Try again later.";
    let body = json!({ "error": error }).to_string();
    format!(
        "HTTP/1.1 503 Service Unavailable\r\n\
         Content-Type: application/json\r\n\
         Retry-After: 10\r\n\
         Connection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

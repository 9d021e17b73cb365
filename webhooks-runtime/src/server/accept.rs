//! Accepts connections on the listeners and gives each to a worker, or turns it away when there are too
//! many.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::net::{self, TcpStream};
use futures_util::future::{join, join_all};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};

use super::turns::{AcceptedConnection, Turns};
use crate::http::connection::{Origin, Slots};

/// How long a client may take to close its side, or to read why it was rejected.
pub(super) const DISCONNECT: Duration = Duration::from_secs(1);

/// How long nothing is accepted after the system has refused it, mostly for lack of descriptors.
const PAUSE: Duration = Duration::from_millis(500);

/// How often it is reported at most that the system refuses.
const REPORT_EVERY: Duration = Duration::from_secs(60);

/// How many connections there are at most, however many descriptors the system allows: each takes about
/// 20 KiB while it is idle.
const MOST_CONNECTIONS: usize = 10_000;

/// How many more connections are told why they are rejected, all at the same time.
const MOST_REJECTIONS: usize = 100;

/// Descriptors that are not for connections: files, databases, the tunnel.
const RESERVED_DESCRIPTORS: u64 = 128;

/// Accepts on all listeners, for as long as it is polled.
pub(super) async fn accept(
    listeners: Vec<(TcpListener, Origin)>,
    turns: Arc<Turns>,
    slots: (Slots, Slots),
) -> io::Result<()> {
    let mut accepting = Vec::new();
    for (listener, origin) in listeners {
        listener.set_nonblocking(true)?;
        let listener = net::TcpListener::from_std(listener)?;
        accepting.push(accept_on(listener, origin, &turns, &slots));
    }
    turns.all_open().await;
    join(join_all(accepting), turns.reassign_stuck()).await;
    Ok(())
}

async fn accept_on(
    listener: net::TcpListener,
    origin: Origin,
    turns: &Turns,
    (slots, rejections): &(Slots, Slots),
) {
    let mut reported: Option<Instant> = None;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let Some(slot) = slots.take() else {
                    slots.report_full();
                    tokio::spawn(reject(stream, rejections.clone()));
                    continue;
                };
                // A worker has a loop of events of its own. An error closes the connection.
                if let Ok(stream) = stream.into_std() {
                    turns.give(AcceptedConnection { stream, peer, origin, slot });
                }
            }
            Err(error) if concerns_connection(&error) => {}
            Err(error) => {
                if reported.is_none_or(|at| at.elapsed() >= REPORT_EVERY) {
                    reported = Some(Instant::now());
                    tracing::error!(%error, "cannot accept connections at the moment");
                }
                sleep(PAUSE).await;
            }
        }
    }
}

/// Whether the error is that of a client which was gone before it was accepted.
fn concerns_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
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
async fn reject(mut stream: TcpStream, rejections: Slots) {
    let Some(_slot) = rejections.take() else { return };
    let told = async {
        stream.write_all(rejection().as_bytes()).await?;
        stream.shutdown().await?;
        let mut unread = [0; 1024];
        while stream.read(&mut unread).await? > 0 {}
        Ok::<_, io::Error>(())
    };
    // Without success there is nobody to tell.
    let _ = timeout(DISCONNECT, told).await;
}

fn rejection() -> String {
    let error = "This server has too many open connections. Try it later.";
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

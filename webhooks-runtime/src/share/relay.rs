//! Relays connections from the internet to the local server, each on its own stream.
//!
//! The share server requests a stream for each connection, and calls it a work connection.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::forward::forward;
use super::message::{MessageError, NewWorkConn, ServerMessage, receive, send};
use super::session::{YamuxSession, YamuxStream};

/// The maximum number of open connections.
const MAX_CONNECTIONS: usize = 1_200;

/// The maximum number of pending requests. Many can be pending, because clients wait at the share server.
const MAX_REQUESTS: usize = 10_000;

/// The share server's pending requests for work connections.
#[derive(Debug)]
pub(super) struct WorkRequests(Semaphore);

impl WorkRequests {
    /// Creates an empty count.
    pub(super) fn new() -> Self {
        Self(Semaphore::new(0))
    }

    /// Counts one more request. Returns `false` if too many are pending.
    #[must_use]
    pub(super) fn add(&self) -> bool {
        let allowed = self.0.available_permits() < MAX_REQUESTS;
        if allowed {
            self.0.add_permits(1);
        }
        allowed
    }

    /// Waits for a request and removes it.
    async fn take(&self) -> bool {
        self.0.acquire().await.map(tokio::sync::SemaphorePermit::forget).is_ok()
    }
}

/// The ends that connections are relayed between.
#[derive(Clone, Debug)]
pub(super) struct RelayRoute {
    /// The session's id at the share server.
    pub(super) run_id: Arc<str>,
    /// The local listener for connections of the tunnel.
    pub(super) entrance: SocketAddr,
}

/// Opens the requested streams and relays connections on them until the session ends. When `drain` is
/// cancelled, opens no more and returns after the open connections have ended.
pub(super) async fn serve(
    session: &YamuxSession,
    requests: &WorkRequests,
    route: &RelayRoute,
    drain: &CancellationToken,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = drain.cancelled() => {
                while connections.join_next().await.is_some() {}
                return;
            }
            true = requests.take(), if connections.len() < MAX_CONNECTIONS => {
                let Some(stream) = session.open().await else { return };
                let (route, drain) = (route.clone(), drain.clone());
                let connection = async move {
                    if let Err(error) = offer(stream, &route, &drain).await {
                        tracing::debug!(%error, "a connection of the share link ended");
                    }
                };
                connections.spawn(connection.boxed());
            }
            Some(_) = connections.join_next() => {}
            else => return,
        }
    }
}

/// Offers a stream to the share server, waits for a connection on it, which can take long, and relays it.
async fn offer(
    mut stream: YamuxStream,
    route: &RelayRoute,
    drain: &CancellationToken,
) -> Result<(), MessageError> {
    send(&mut stream, &NewWorkConn { run_id: &route.run_id }).await?;
    match drain.run_until_cancelled(receive(&mut stream)).await.transpose()? {
        Some(ServerMessage::StartWorkConn(status)) if status.error.is_empty() => {}
        // The share server no longer needs the stream.
        _ => return Ok(()),
    }
    let local = TcpStream::connect(route.entrance).await?;
    local.set_nodelay(true)?;
    Ok(forward(stream.into_inner(), local, drain).await?)
}

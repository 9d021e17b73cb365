//! The connections from outside, each on a stream of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::carry::carry;
use super::message::{Incoming, MessageError, NewWorkConn, receive, send};
use super::session::{Session, Stream};

/// How many connections there may be at once.
const MOST_CONNECTIONS: usize = 1_200;

/// How many more the share server may have asked for. Visitors wait for theirs, so there may be many.
const MOST_WANTED: usize = 10_000;

/// How many streams the share server has asked for and not got yet.
#[derive(Debug)]
pub(crate) struct Wanted(Semaphore);

impl Wanted {
    pub(crate) fn none() -> Self {
        Self(Semaphore::new(0))
    }

    /// One more, unless that is more than anybody could want.
    #[must_use]
    pub(crate) fn add(&self) -> bool {
        let sensible = self.0.available_permits() < MOST_WANTED;
        if sensible {
            self.0.add_permits(1);
        }
        sensible
    }

    async fn take(&self) -> bool {
        self.0.acquire().await.map(tokio::sync::SemaphorePermit::forget).is_ok()
    }
}

/// Where the connections go, and how.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    /// The session's name at the share server.
    pub(crate) run_id: Arc<str>,
    /// Where the server listens for them.
    pub(crate) entrance: SocketAddr,
}

/// Opens the streams that are wanted and carries connections on them, until the session has ended or
/// `finish` is cancelled; then those that are under way are carried to their end.
pub(crate) async fn serve(
    session: &Session,
    wanted: &Wanted,
    route: &Route,
    finish: &CancellationToken,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = finish.cancelled() => {
                while connections.join_next().await.is_some() {}
                return;
            }
            true = wanted.take(), if connections.len() < MOST_CONNECTIONS => {
                let Some(stream) = session.open().await else { return };
                let (route, finish) = (route.clone(), finish.clone());
                connections.spawn(async move {
                    if let Err(error) = offer(stream, &route, &finish).await {
                        tracing::debug!(%error, "a connection of the share link ended");
                    }
                });
            }
            Some(_) = connections.join_next() => {}
            else => return,
        }
    }
}

/// Offers a stream to the share server and waits, which may be long, for a connection to carry.
async fn offer(
    mut stream: Stream,
    route: &Route,
    finish: &CancellationToken,
) -> Result<(), MessageError> {
    send(&mut stream, &NewWorkConn { run_id: &route.run_id }).await?;
    match finish.run_until_cancelled(receive(&mut stream)).await.transpose()? {
        Some(Incoming::StartWorkConn(outcome)) if outcome.error.is_empty() => {}
        // The stream isn't wanted after all.
        _ => return Ok(()),
    }
    let local = TcpStream::connect(route.entrance).await?;
    local.set_nodelay(true)?;
    Ok(carry(stream.into_inner(), local, finish).await?)
}

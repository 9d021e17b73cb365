//! The connections from outside, each on a stream of its own.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional_with_sizes};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::cipher::{CipherStream, Key};
use super::compression::CompressedStream;
use super::identity::random;
use super::message::{Incoming, MessageError, NewWorkConn, receive, send};
use super::session::{MOST_STREAMS, Session, Stream};

/// How many connections there may be at once; the other streams are for the control and what closes.
const MOST_CONNECTIONS: usize = MOST_STREAMS - 64;

/// How much of a connection is held on its way, in bytes for each direction.
const PIECE: usize = 4 * 1024;

/// What is done to the bytes of a connection between client and share server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) encrypted: bool,
    pub(crate) compressed: bool,
}

/// How many streams the share server has asked for and not got yet.
#[derive(Debug)]
pub(crate) struct Wanted(Semaphore);

impl Wanted {
    pub(crate) fn none() -> Self {
        Self(Semaphore::new(0))
    }

    /// One more. What nobody could ever want is forgotten.
    pub(crate) fn add(&self) {
        if self.0.available_permits() < MOST_CONNECTIONS {
            self.0.add_permits(1);
        }
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
    pub(crate) form: Form,
    /// Where the server listens for them.
    pub(crate) entrance: SocketAddr,
}

/// Opens the streams that are wanted and carries connections on them, for as long as the session
/// lives.
pub(crate) async fn serve(session: &Session, wanted: &Wanted, route: &Route) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            true = wanted.take(), if connections.len() < MOST_CONNECTIONS => {
                let Some(stream) = session.open().await else { return };
                let route = route.clone();
                connections.spawn(async move {
                    if let Err(error) = offer(stream, &route).await {
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
async fn offer(mut stream: Stream, route: &Route) -> Result<(), MessageError> {
    send(&mut stream, &NewWorkConn { run_id: &route.run_id }).await?;
    match receive(&mut stream).await? {
        Incoming::StartWorkConn(outcome) if outcome.error.is_empty() => {}
        // It doesn't want the stream after all.
        _ => return Ok(()),
    }
    let key = Key::of_token(b"");
    let entrance = route.entrance;
    let carried = match route.form {
        Form { encrypted: false, compressed: false } => carry(stream, entrance).await,
        Form { encrypted: true, compressed: false } => {
            let stream = CipherStream::new(stream, &key, random()?);
            Box::pin(carry(stream, entrance)).await
        }
        Form { encrypted: false, compressed: true } => {
            Box::pin(carry(CompressedStream::new(stream), entrance)).await
        }
        Form { encrypted: true, compressed: true } => {
            let stream = CipherStream::new(stream, &key, random()?);
            Box::pin(carry(CompressedStream::new(stream), entrance)).await
        }
    };
    Ok(carried?)
}

/// Carries one connection both ways, each until its end.
async fn carry<S>(mut stream: S, entrance: SocketAddr) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut local = TcpStream::connect(entrance).await?;
    local.set_nodelay(true)?;
    copy_bidirectional_with_sizes(&mut stream, &mut local, PIECE, PIECE).await?;
    Ok(())
}

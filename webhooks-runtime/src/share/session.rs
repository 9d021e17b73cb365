//! Many streams over one connection: yamux.
//!
//! <https://github.com/hashicorp/yamux/blob/master/spec.md>

use std::future::poll_fn;
use std::task::{Poll, ready};

use crate::network;
use tokio::io::{AsyncRead, AsyncWrite, BufStream};
use tokio::sync::{mpsc, oneshot};
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt, TokioAsyncReadCompatExt};
use yamux::{Config, Connection, ConnectionError, Mode};

/// How many streams there may be at once. One more would end the session, so this is far more than are
/// ever used: a stream counts until all of it is sent, which may be long after it is dropped.
const MOST_STREAMS: usize = 8_191;

/// What the other side may send on a stream before it is read, in bytes: the protocol's initial
/// window, which then doesn't grow.
const WINDOW: usize = 256 * 1024;

/// How much is read and written at once, in bytes.
const PIECE: usize = 32 * 1024;

/// A stream of a session.
pub(crate) type Stream = Compat<yamux::Stream>;

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    #[error("it closed the connection")]
    Closed,
    #[error("it opened a stream, which only the client may do")]
    Uninvited,
    #[error("{}", network::reason(.0))]
    Io(std::io::Error),
    #[error("it does not speak the protocol of share servers")]
    Protocol,
}

impl From<ConnectionError> for SessionError {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::Closed => Self::Closed,
            ConnectionError::Io(error) => Self::Io(error),
            error => {
                tracing::debug!(%error, "the session with the share server ended");
                Self::Protocol
            }
        }
    }
}

/// The side that opens streams.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    wanted: mpsc::Sender<oneshot::Sender<Stream>>,
}

impl Session {
    /// Starts a session over a connection. It lives for as long as the future is polled, which ends
    /// with the reason for its end, and when nobody holds the session any more.
    pub(crate) fn start<T>(transport: T) -> (Self, impl Future<Output = SessionError>)
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let (wanted, requests) = mpsc::channel(16);
        (Self { wanted }, drive(transport, requests))
    }

    /// Opens a stream; `None` when the session has ended.
    pub(crate) async fn open(&self) -> Option<Stream> {
        let (opened, stream) = oneshot::channel();
        self.wanted.send(opened).await.ok()?;
        stream.await.ok()
    }
}

async fn drive<T>(
    transport: T,
    mut requests: mpsc::Receiver<oneshot::Sender<Stream>>,
) -> SessionError
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let mut config = Config::default();
    config.set_max_connection_receive_window(Some(MOST_STREAMS * WINDOW));
    config.set_max_num_streams(MOST_STREAMS);
    let transport = BufStream::with_capacity(PIECE, PIECE, transport);
    let mut connection = Connection::new(transport.compat(), config, Mode::Client);
    let mut wanted = None;
    poll_fn(move |context| {
        loop {
            match connection.poll_next_inbound(context) {
                Poll::Ready(Some(Ok(_))) => return Poll::Ready(SessionError::Uninvited),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(error.into()),
                Poll::Ready(None) => return Poll::Ready(SessionError::Closed),
                Poll::Pending => {}
            }
            if wanted.is_none() {
                wanted = ready!(requests.poll_recv(context));
            }
            if wanted.is_none() {
                // Nobody is left who could want a stream: what is queued is sent, and all ends.
                return connection.poll_close(context).map(|_| SessionError::Closed);
            }
            let stream = match ready!(connection.poll_new_outbound(context)) {
                Ok(stream) => stream,
                Err(error) => return Poll::Ready(error.into()),
            };
            if let Some(wanted) = wanted.take() {
                // Who wanted it may be gone; then it is closed again.
                let _ = wanted.send(stream.compat());
            }
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::io::{AsyncReadExt, duplex};

    use super::*;

    #[tokio::test]
    async fn a_session_that_nobody_holds_ends_without_a_stream() {
        let (near, mut far) = duplex(1024);
        let (session, driver) = Session::start(near);
        drop(session);
        let ended = driver.now_or_never();
        assert!(matches!(ended, Some(SessionError::Closed)), "{ended:?}");
        let mut sent = [0; 64];
        let read = far.read(&mut sent).now_or_never().unwrap().unwrap();
        // A ping, by which yamux measures the way, and that it goes away.
        assert_eq!((read, sent[1], sent[13]), (24, 2, 3));
    }
}

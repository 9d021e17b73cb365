//! Multiplexes streams over one connection, with the yamux protocol.
//!
//! <https://github.com/hashicorp/yamux/blob/master/spec.md>

use std::future::poll_fn;
use std::task::{Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, BufStream};
use tokio::sync::{mpsc, oneshot};
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt, TokioAsyncReadCompatExt};
use yamux::{Config, Connection, ConnectionError, Mode};

use crate::network;

/// The maximum number of open streams. One more would end the session, so this is far above the number of
/// connections: a stream counts until all of its bytes are sent, which may be long after it is dropped.
const MAX_STREAMS: usize = 8_191;

/// The receive window of a stream, in bytes. It is the protocol's initial window, and does not grow.
const WINDOW: usize = 256 * 1024;

/// The size of the read and write buffers, in bytes.
const BUFFER: usize = 32 * 1024;

/// A stream of a session.
pub(super) type YamuxStream = Compat<yamux::Stream>;

/// The reason why a session ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    #[error("it closed the connection")]
    Closed,
    #[error("it opened a stream, which only the client may do")]
    UnexpectedStream,
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

/// The handle that opens streams of a session.
#[derive(Clone, Debug)]
pub(super) struct YamuxSession {
    requests: mpsc::Sender<oneshot::Sender<YamuxStream>>,
}

impl YamuxSession {
    /// Starts a session over a connection.
    ///
    /// The returned future drives the session. It completes when the session ends, or when all handles are
    /// dropped, and returns the reason.
    pub(super) fn start<T>(transport: T) -> (Self, impl Future<Output = SessionError>)
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let (requests, receiver) = mpsc::channel(16);
        (Self { requests }, drive(transport, receiver))
    }

    /// Opens a stream, or returns `None` if the session has ended.
    pub(super) async fn open(&self) -> Option<YamuxStream> {
        let (opened, stream) = oneshot::channel();
        self.requests.send(opened).await.ok()?;
        stream.await.ok()
    }
}

async fn drive<T>(
    transport: T,
    mut requests: mpsc::Receiver<oneshot::Sender<YamuxStream>>,
) -> SessionError
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let mut config = Config::default();
    config.set_max_connection_receive_window(Some(MAX_STREAMS * WINDOW));
    config.set_max_num_streams(MAX_STREAMS);
    let transport = BufStream::with_capacity(BUFFER, BUFFER, transport);
    let mut connection = Connection::new(transport.compat(), config, Mode::Client);
    let mut request = None;
    poll_fn(move |context| {
        loop {
            match connection.poll_next_inbound(context) {
                Poll::Ready(Some(Ok(_))) => return Poll::Ready(SessionError::UnexpectedStream),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(error.into()),
                Poll::Ready(None) => return Poll::Ready(SessionError::Closed),
                Poll::Pending => {}
            }
            if request.is_none() {
                request = ready!(requests.poll_recv(context));
            }
            if request.is_none() {
                // All handles are dropped: send what is queued, then end the session.
                return connection.poll_close(context).map(|_| SessionError::Closed);
            }
            let stream = match ready!(connection.poll_new_outbound(context)) {
                Ok(stream) => stream,
                Err(error) => return Poll::Ready(error.into()),
            };
            if let Some(request) = request.take() {
                // If the caller is gone, the stream is dropped here, which closes it.
                let _ = request.send(stream.compat());
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
    async fn a_session_without_handles_ends_without_a_stream() {
        let (near, mut far) = duplex(1024);
        let (session, driver) = YamuxSession::start(near);
        drop(session);
        let ended = driver.now_or_never();
        assert!(matches!(ended, Some(SessionError::Closed)), "{ended:?}");
        let mut sent = [0; 64];
        let read = far.read(&mut sent).now_or_never().unwrap().unwrap();
        // The sent frames: a ping, with which yamux measures the round trip, and "go away".
        assert_eq!((read, sent[1], sent[13]), (24, 2, 3));
    }
}

//! Carries the bytes of one connection both ways, and holds none while there are none to carry.
//!
//! tokio's copying has a buffer for each direction and each connection. Thousands of connections that
//! wait for an answer, or for the next request, would need most of the program's memory for that.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use futures_util::{AsyncWrite as _, Stream as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::patience::Patience;

/// How much is read from the local server at once, in bytes.
const PIECE: usize = 16 * 1024;

/// Carries until both directions have ended. The end of one is passed on, and the other goes on; only
/// when `finish` is cancelled, nothing more is waited for after the end of the answers.
pub(crate) async fn carry(
    mut stream: yamux::Stream,
    mut local: TcpStream,
    finish: &CancellationToken,
) -> io::Result<()> {
    let mut finished = pin!(finish.cancelled());
    let mut inward = Inward::Reading;
    let mut outward = Outward::Reading;
    let mut patience = Patience::default();
    poll_fn(move |context| {
        let inward = inward.poll(context, &mut stream, &mut local)?;
        let outward = outward.poll(context, &mut stream, &mut local, &mut patience)?;
        match (inward, outward) {
            (Poll::Ready(()), Poll::Ready(())) => Poll::Ready(Ok(())),
            (Poll::Pending, Poll::Ready(())) => finished.as_mut().poll(context).map(Ok),
            _ => Poll::Pending,
        }
    })
    .await
}

/// From the stream to the local server.
enum Inward {
    Reading,
    /// What came, and how much of it is written.
    Writing(yamux::Packet, usize),
    Ending,
    Ended,
}

impl Inward {
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        stream: &mut yamux::Stream,
        local: &mut TcpStream,
    ) -> Poll<io::Result<()>> {
        loop {
            match self {
                Self::Reading => {
                    *self = match ready!(Pin::new(&mut *stream).poll_next(context)?) {
                        Some(packet) => Self::Writing(packet, 0),
                        None => Self::Ending,
                    };
                }
                Self::Writing(packet, written) => {
                    while let Some(rest @ [_, ..]) = packet.as_ref().get(*written..) {
                        match ready!(Pin::new(&mut *local).poll_write(context, rest))? {
                            0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                            more => *written += more,
                        }
                    }
                    *self = Self::Reading;
                }
                Self::Ending => {
                    // It may have closed already, which is an error of no interest.
                    let _ = ready!(Pin::new(&mut *local).poll_shutdown(context));
                    *self = Self::Ended;
                }
                Self::Ended => return Poll::Ready(Ok(())),
            }
        }
    }
}

/// From the local server to the stream.
enum Outward {
    Reading,
    /// What the stream didn't take at once, and how much of it is written.
    Writing(Vec<u8>, usize),
    Ending,
    Ended,
}

impl Outward {
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        stream: &mut yamux::Stream,
        local: &mut TcpStream,
        patience: &mut Patience,
    ) -> Poll<io::Result<()>> {
        loop {
            match self {
                Self::Reading => {
                    let mut piece = [const { MaybeUninit::uninit() }; PIECE];
                    let mut piece = ReadBuf::uninit(&mut piece);
                    ready!(Pin::new(&mut *local).poll_read(context, &mut piece))?;
                    let read = piece.filled();
                    if read.is_empty() {
                        *self = Self::Ending;
                        continue;
                    }
                    let written = match Pin::new(&mut *stream).poll_write(context, read)? {
                        Poll::Ready(written) => written,
                        Poll::Pending => 0,
                    };
                    if written < read.len() {
                        *self = Self::Writing(read[written..].to_vec(), 0);
                    }
                }
                Self::Writing(piece, written) => {
                    while let Some(rest @ [_, ..]) = piece.get(*written..) {
                        let step = Pin::new(&mut *stream).poll_write(context, rest);
                        match ready!(patience.poll(context, step))? {
                            0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                            more => *written += more,
                        }
                    }
                    *self = Self::Reading;
                }
                Self::Ending => {
                    ready!(Pin::new(&mut *stream).poll_close(context))?;
                    *self = Self::Ended;
                }
                Self::Ended => return Poll::Ready(Ok(())),
            }
        }
    }
}

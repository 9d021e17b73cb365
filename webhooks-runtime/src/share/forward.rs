//! Forwards the bytes of one connection in both directions, without a buffer while it is idle.
//!
//! `tokio::io::copy_bidirectional` has a buffer per direction. With thousands of connections that wait for a
//! response or for the next request, those buffers would be most of the program's memory.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use futures_util::{AsyncWrite as _, Stream as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::write_timeout::WriteTimeout;

/// How many bytes to read from the local server at once.
const CHUNK: usize = 16 * 1024;

/// Forwards until both directions have ended. When one ends, its end is passed on and the other continues.
/// Once `drain` is cancelled, the end of the responses is enough.
pub(super) async fn forward(
    mut stream: yamux::Stream,
    mut local: TcpStream,
    drain: &CancellationToken,
) -> io::Result<()> {
    let mut draining = pin!(drain.cancelled());
    let mut inbound = Inbound::Reading;
    let mut outbound = Outbound::Reading;
    let mut timeout = WriteTimeout::default();
    poll_fn(move |context| {
        let inbound = inbound.poll(context, &mut stream, &mut local)?;
        let outbound = outbound.poll(context, &mut stream, &mut local, &mut timeout)?;
        match (inbound, outbound) {
            (Poll::Ready(()), Poll::Ready(())) => Poll::Ready(Ok(())),
            (Poll::Pending, Poll::Ready(())) => draining.as_mut().poll(context).map(Ok),
            _ => Poll::Pending,
        }
    })
    .await
}

/// The state of the direction from the stream to the local server.
enum Inbound {
    Reading,
    /// The packet that was read, and how many of its bytes are written.
    Writing(yamux::Packet, usize),
    Closing,
    Closed,
}

impl Inbound {
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
                        None => Self::Closing,
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
                Self::Closing => {
                    // An error says that the local server has already closed the connection.
                    let _ = ready!(Pin::new(&mut *local).poll_shutdown(context));
                    *self = Self::Closed;
                }
                Self::Closed => return Poll::Ready(Ok(())),
            }
        }
    }
}

/// The state of the direction from the local server to the stream.
enum Outbound {
    Reading,
    /// The bytes that the stream did not accept at once, and how many of them are written.
    Writing(Vec<u8>, usize),
    Closing,
    Closed,
}

impl Outbound {
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        stream: &mut yamux::Stream,
        local: &mut TcpStream,
        timeout: &mut WriteTimeout,
    ) -> Poll<io::Result<()>> {
        loop {
            match self {
                Self::Reading => {
                    let mut chunk = [const { MaybeUninit::uninit() }; CHUNK];
                    let mut chunk = ReadBuf::uninit(&mut chunk);
                    ready!(Pin::new(&mut *local).poll_read(context, &mut chunk))?;
                    let read = chunk.filled();
                    if read.is_empty() {
                        *self = Self::Closing;
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
                Self::Writing(chunk, written) => {
                    while let Some(rest @ [_, ..]) = chunk.get(*written..) {
                        let write = Pin::new(&mut *stream).poll_write(context, rest);
                        match ready!(timeout.poll(context, write))? {
                            0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                            more => *written += more,
                        }
                    }
                    *self = Self::Reading;
                }
                Self::Closing => {
                    ready!(Pin::new(&mut *stream).poll_close(context))?;
                    *self = Self::Closed;
                }
                Self::Closed => return Poll::Ready(Ok(())),
            }
        }
    }
}

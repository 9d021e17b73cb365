//! Bytes that are ready and not sent yet.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

/// Sends `bytes`, of which the first `sent` have gone out, and empties them when all have.
pub(crate) fn poll_send<S: AsyncWrite + Unpin>(
    stream: &mut S,
    context: &mut Context<'_>,
    bytes: &mut Vec<u8>,
    sent: &mut usize,
) -> Poll<io::Result<()>> {
    while let Some(rest @ [_, ..]) = bytes.get(*sent..) {
        match ready!(Pin::new(&mut *stream).poll_write(context, rest))? {
            0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            more => *sent += more,
        }
    }
    bytes.clear();
    *sent = 0;
    Poll::Ready(Ok(()))
}

//! The compression of a stream: Snappy's framing format.
//!
//! <https://github.com/google/snappy/blob/main/framing_format.txt>

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use snap::read::FrameDecoder;
use snap::write::FrameEncoder;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::outbox::poll_send;

/// The type and the length of a chunk, in bytes.
const CHUNK_HEAD: usize = 4;

/// The longest chunk that the format has, in bytes: 64 KiB that don't compress, and their checksum.
const LONGEST_CHUNK: usize = 76_490;

/// How much is read at once, in bytes.
const PIECE: usize = 4 * 1024;

/// A stream whose bytes are compressed in both directions.
pub(crate) struct CompressedStream<S> {
    stream: S,
    decoder: FrameDecoder<Whole>,
    encoder: FrameEncoder<Vec<u8>>,
    /// How much of the encoder's output was sent.
    sent: usize,
}

/// The chunks that are here whole. The decoder cannot wait in the middle of one, so it never sees the
/// rest.
#[derive(Default)]
struct Whole {
    bytes: VecDeque<u8>,
    /// How many bytes at the front are whole chunks.
    whole: usize,
}

impl Whole {
    /// Counts the chunk after the whole ones as whole, if it is. `Err` when it is longer than any.
    fn advance(&mut self) -> io::Result<bool> {
        let byte = |at: usize| self.bytes.get(self.whole + at).copied().map(usize::from);
        let (Some(low), Some(middle), Some(high)) = (byte(1), byte(2), byte(3)) else {
            return Ok(false);
        };
        let length = low | middle << 8 | high << 16;
        if length > LONGEST_CHUNK {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a chunk is too long"));
        }
        let end = self.whole + CHUNK_HEAD + length;
        let there = end <= self.bytes.len();
        if there {
            self.whole = end;
        }
        Ok(there)
    }
}

impl Read for Whole {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let limit = buffer.len().min(self.whole);
        let read = self.bytes.read(&mut buffer[..limit])?;
        self.whole -= read;
        Ok(read)
    }
}

impl<S> CompressedStream<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            decoder: FrameDecoder::new(Whole::default()),
            encoder: FrameEncoder::new(Vec::new()),
            sent: 0,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for CompressedStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            let read = this.decoder.read(buffer.initialize_unfilled())?;
            if read > 0 || buffer.remaining() == 0 {
                buffer.advance(read);
                return Poll::Ready(Ok(()));
            }
            if this.decoder.get_mut().advance()? {
                continue;
            }
            let mut piece = [0; PIECE];
            let mut piece = ReadBuf::new(&mut piece);
            ready!(Pin::new(&mut this.stream).poll_read(context, &mut piece))?;
            let waiting = &mut this.decoder.get_mut().bytes;
            match piece.filled() {
                [] if waiting.is_empty() => return Poll::Ready(Ok(())),
                [] => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                read => waiting.extend(read),
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> CompressedStream<S> {
    /// Sends what waits to be sent.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        poll_send(&mut self.stream, context, self.encoder.get_mut(), &mut self.sent)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for CompressedStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        // One piece at a time, so that no more than one waits.
        ready!(this.poll_send(context))?;
        let taken = bytes.len().min(LONGEST_CHUNK / 2);
        this.encoder.write_all(&bytes[..taken])?;
        this.encoder.flush()?;
        // What doesn't go out now goes with the next write or flush.
        let _ = this.poll_send(context)?;
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_send(context))?;
        Pin::new(&mut this.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_send(context))?;
        Pin::new(&mut this.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    fn now<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(future)
    }

    /// Reads a compressed stream that consists of `bytes`, sent in small pieces.
    fn read(bytes: &[u8]) -> io::Result<Vec<u8>> {
        now(async {
            let (mut near, far) = duplex(7);
            let mut far = CompressedStream::new(far);
            let write = async {
                // The reader may have given up.
                let _ = near.write_all(bytes).await;
                drop(near);
                Ok(())
            };
            let read = async move {
                let mut read = Vec::new();
                far.read_to_end(&mut read).await.map(|_| read)
            };
            tokio::try_join!(write, read).map(|((), read)| read)
        })
    }

    #[test]
    fn bytes_that_are_no_chunks_are_an_error() {
        let stream = *b"\xff\x06\0\0sNaPpY";
        assert_eq!(read(&stream).unwrap(), b"");
        for bad in [&b"GET /"[..], b"\xff\xff\xff\xff", b"\xff\x06\0\0sNaPpX", b"\0\x03\0\0abc"] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
        for cut in 1..stream.len() {
            assert_eq!(read(&stream[..cut]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_in_any_pieces_is_read(
            pieces in prop::collection::vec(prop::collection::vec(0_u8..4, 1..3000), 0..20),
            repeat in 1_usize..40,
            pipe in 1_usize..5000,
        ) {
            let whole = pieces.concat().repeat(repeat);
            let (near, far) = duplex(pipe);
            let (mut near, mut far) = (CompressedStream::new(near), CompressedStream::new(far));
            let read = now(async {
                let write = async {
                    for piece in whole.chunks(100_000) {
                        near.write_all(piece).await?;
                    }
                    near.shutdown().await
                };
                let mut bytes = Vec::new();
                tokio::try_join!(write, far.read_to_end(&mut bytes)).map(|_| bytes)
            });
            prop_assert_eq!(read.unwrap(), whole);
        }

        #[test]
        fn any_bytes_end_in_text_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            let _ = read(&[&b"\xff\x06\0\0sNaPpY"[..], &bytes].concat());
        }
    }
}

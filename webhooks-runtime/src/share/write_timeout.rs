//! Times out writes to a client that no longer reads.
//!
//! The share server reports a client that has disconnected in the same way as one that has only finished
//! sending: as the end of its stream. Without a timeout, the rest of a response would wait forever.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

/// How long a write may make no progress.
const LIMIT: Duration = Duration::from_secs(30);

/// The timeout of a sequence of writes. It starts over with each write that makes progress.
#[derive(Default)]
pub(super) struct WriteTimeout(Option<Pin<Box<Sleep>>>);

impl WriteTimeout {
    /// Returns the result of a write, or an error if writes have been pending for too long.
    pub(super) fn poll<T>(
        &mut self,
        context: &mut Context<'_>,
        write: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if write.is_ready() {
            self.0 = None;
            return write;
        }
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep(LIMIT)));
        sleep.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, AsyncWrite, duplex};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_nothing_times_out_and_one_that_reads_slowly_does_not() {
        let (mut near, mut far) = duplex(1);
        let write = tokio::spawn(async move {
            let mut timeout = WriteTimeout::default();
            let mut write = async |byte| {
                poll_fn(|context| {
                    let write = Pin::new(&mut near).poll_write(context, &[byte]);
                    timeout.poll(context, write)
                })
                .await
            };
            for byte in *b"abcdef" {
                write(byte).await?;
            }
            Ok::<_, io::Error>(())
        });
        let start = Instant::now();
        for _ in 0..4 {
            sleep(LIMIT / 2).await;
            far.read_u8().await.unwrap();
        }
        let error = write.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed(), LIMIT * 3);
    }
}

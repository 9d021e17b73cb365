//! An end to waiting for somebody who takes nothing any more.
//!
//! A visitor who has gone away looks to the client like one who has said all and reads on: the share
//! server tells both in the same way. What is then still to be sent would wait for ever.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

/// How long nothing at all may be taken.
const LIMIT: Duration = Duration::from_secs(30);

/// Watches one kind of waiting, from its start to its end.
#[derive(Default)]
pub(crate) struct Patience(Option<Pin<Box<Sleep>>>);

impl Patience {
    /// Passes on how a step went. One that has waited too long is an error.
    pub(crate) fn poll<T>(
        &mut self,
        context: &mut Context<'_>,
        step: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if step.is_ready() {
            self.0 = None;
            return step;
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
    async fn who_takes_nothing_is_given_up_and_who_takes_little_is_not() {
        let (mut near, mut far) = duplex(1);
        let write = tokio::spawn(async move {
            let mut patience = Patience::default();
            let mut write = async |byte| {
                poll_fn(|context| {
                    let step = Pin::new(&mut near).poll_write(context, &[byte]);
                    patience.poll(context, step)
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

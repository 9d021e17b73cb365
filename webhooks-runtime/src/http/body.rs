//! Reads a request's body: all of it, within a size and a time.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::web::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::time::timeout;

/// Why a body wasn't read.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// It is larger than the limit.
    TooLarge,
    /// It broke off, or isn't encoded as it says.
    Broken,
    /// It took too long.
    Timeout,
}

impl From<PayloadError> for ReadError {
    fn from(_: PayloadError) -> Self {
        Self::Broken
    }
}

/// Reads a body of at most `limit` bytes, for no longer than `time`.
pub(crate) async fn read(
    payload: Payload,
    limit: usize,
    time: Duration,
) -> Result<Bytes, ReadError> {
    let mut reading = pin!(collect(payload, limit));
    match with_its_head(reading.as_mut()).await {
        Some(body) => body,
        // In a box, as it is seldom needed and as large as the rest.
        None => Box::pin(timeout(time, reading)).await.unwrap_or(Err(ReadError::Timeout)),
    }
}

/// A body that comes in one piece, as most do, is taken as it is. actix-web's own extractor makes a
/// buffer for each and copies.
async fn collect(mut payload: Payload, limit: usize) -> Result<Bytes, ReadError> {
    let Some(first) = payload.next().await.transpose()? else {
        return Ok(Bytes::new());
    };
    if first.len() > limit {
        return Err(ReadError::TooLarge);
    }
    let Some(mut piece) = payload.next().await.transpose()? else {
        return Ok(first);
    };
    let mut body = BytesMut::from(first);
    loop {
        if body.len() + piece.len() > limit {
            return Err(ReadError::TooLarge);
        }
        body.extend_from_slice(&piece);
        match payload.next().await.transpose()? {
            Some(next) => piece = next,
            None => return Ok(body.freeze()),
        }
    }
}

/// What is read if it came together with the head; a body that did needs no timer, which would cost
/// as much as the reading.
async fn with_its_head<F: Future>(mut reading: Pin<&mut F>) -> Option<F::Output> {
    let mut looked = false;
    poll_fn(|context| match reading.as_mut().poll(context) {
        Poll::Ready(read) => Poll::Ready(Some(read)),
        Poll::Pending if looked => Poll::Ready(None),
        Poll::Pending => {
            // actix-web calls the service when it has the head, and takes the body out of the same
            // buffer right after that.
            looked = true;
            context.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await
}

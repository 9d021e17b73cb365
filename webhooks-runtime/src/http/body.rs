//! Reads a whole request body, with a limit on its size and a timeout.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::rejection::Rejection;

/// The error of a body that could not be read.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The body is larger than the limit.
    TooLarge,
    /// The body is incomplete, or its chunks are malformed.
    Broken,
    /// The body did not arrive in time.
    Timeout,
}

impl ReadError {
    /// Returns the rejection of the request. `was_blocked` tells whether a function has blocked the thread meanwhile.
    pub(super) fn rejection(self, limit: usize, was_blocked: impl FnOnce() -> bool) -> Rejection {
        match self {
            Self::TooLarge => Rejection::too_large(limit),
            Self::Broken => {
                let text = "The body is incomplete or malformed.";
                Rejection::new(StatusCode::BAD_REQUEST, text)
            }
            // Not the client's fault: the blocked thread did not read what it sent.
            Self::Timeout if was_blocked() => Rejection::blocked(),
            Self::Timeout => {
                let text = "The body took too long to arrive.";
                Rejection::new(StatusCode::REQUEST_TIMEOUT, text)
            }
        }
    }
}

impl From<PayloadError> for ReadError {
    fn from(_: PayloadError) -> Self {
        Self::Broken
    }
}

/// Reads a body of at most `limit` bytes within `time`.
pub(crate) async fn read(
    payload: Payload,
    limit: usize,
    time: Duration,
) -> Result<Bytes, ReadError> {
    let mut reading = pin!(collect(payload, limit));
    match poll_twice(reading.as_mut()).await {
        Some(body) => body,
        // Boxed, because it is rarely needed and would double the size of this future.
        None => Box::pin(timeout(time, reading)).await.unwrap_or(Err(ReadError::Timeout)),
    }
}

/// Collects the pieces of a body. Most bodies arrive in one piece, which is returned without a copy, unlike in
/// actix-web's extractor.
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

/// Returns the body if it arrived together with the head, and `None` otherwise. Such a body needs no timer, which
/// would take as long as reading it.
async fn poll_twice<F: Future>(mut reading: Pin<&mut F>) -> Option<F::Output> {
    let mut polled = false;
    poll_fn(|context| match reading.as_mut().poll(context) {
        Poll::Ready(read) => Poll::Ready(Some(read)),
        Poll::Pending if polled => Poll::Ready(None),
        Poll::Pending => {
            // actix-web calls the service as soon as it has the head, and then decodes the body from the same
            // buffer.
            polled = true;
            context.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await
}

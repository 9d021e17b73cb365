//! What passes between the server and a function.

use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::time::{Instant, SystemTime};

use actix_web::dev::Payload;
use actix_web::http::header::HeaderName;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;

use super::fault::BodyFaults;
pub(crate) use super::log::DELIVERY;

/// The header that names a delivery; its retries carry the same id.
pub(crate) const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");

/// How long a delivery\'s id may be, in bytes.
const LONGEST_ID: usize = 512;

/// A request on its way to a function: past the secret, with its body read.
#[derive(Debug)]
pub struct Call {
    pub(crate) request: HttpRequest,
    pub(crate) body: Bytes,
    /// When the request's head had arrived.
    pub(crate) received: Instant,
}

impl Call {
    /// The `Webhook-Id` header. One that no Hub sends, empty or too long to be kept in an index, counts as
    /// none.
    pub(crate) fn webhook_id(&self) -> Option<&str> {
        let id = self.request.headers().get(WEBHOOK_ID)?.to_str().ok()?;
        (1..=LONGEST_ID).contains(&id.len()).then_some(id)
    }

    /// When the request's head had arrived, by the clock that people have.
    pub(crate) fn received_at(&self) -> SystemTime {
        let now = SystemTime::now();
        now.checked_sub(self.received.elapsed()).unwrap_or(now)
    }

    /// The body as an extractor wants it: the whole of it each time.
    pub(crate) fn payload(&self) -> Payload {
        in_one_piece(self.body.clone())
    }
}

/// A body as a stream of one piece.
pub(crate) fn in_one_piece(body: Bytes) -> Payload {
    Payload::Stream { payload: Box::pin(stream::iter([Ok(body)])) }
}

/// Why there is no answer from the function.
#[derive(Debug)]
pub enum Failure {
    /// The body isn't what the function takes.
    Body(BodyFaults),
    /// Another argument could not be taken from the request.
    Argument(actix_web::Error),
    /// The function returned an error.
    Function(Box<dyn StdError>),
    /// The function returned a response that holds an error, which might tell the cause.
    Response(Box<HttpResponse>),
}

/// An answer, or why there is none.
pub(crate) type CallResult = Result<HttpResponse, Failure>;

/// A call that is under way. It stays on the worker's thread, so it needn't be `Send`.
pub type CallFuture<'a> = Pin<Box<dyn Future<Output = CallResult> + 'a>>;

/// Calls a function: takes its arguments from the request and makes an answer of what it returns.
pub(crate) type CallFn = fn(Call) -> CallFuture<'static>;

//! A call of a function: the request on its way there, and the result on its way back.

use std::cell::RefCell;
use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use actix_web::dev::Payload;
use actix_web::http::header::HeaderName;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;

use super::extract::body::BodyFaults;
pub(crate) use super::log::DELIVERY;
use super::shared::SharedData;
use crate::payload::TolerantPayload;

/// The header with a delivery's id. Retries have the same id.
pub(crate) const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");

/// The most bytes of a delivery's id.
const LONGEST_ID: usize = 512;

/// A request on its way to a function. Its secret is checked, and its body is read.
#[derive(Debug)]
pub struct Call {
    pub(crate) request: HttpRequest,
    pub(crate) body: Bytes,
    /// The payload, if the endpoint's filter has parsed it, until an argument takes it.
    parsed: RefCell<Option<Box<TolerantPayload>>>,
    /// When the request's head had arrived.
    pub(crate) received: Instant,
}

impl Call {
    pub(crate) fn new(
        request: HttpRequest,
        body: Bytes,
        parsed: Option<Box<TolerantPayload>>,
        received: Instant,
    ) -> Self {
        Self { request, body, parsed: RefCell::new(parsed), received }
    }

    /// Returns the payload that the filter has parsed, to the first argument that asks for it.
    pub(crate) fn take_parsed(&self) -> Option<Box<TolerantPayload>> {
        self.parsed.take()
    }

    /// Returns a value that a part of the server provides to functions.
    pub(crate) fn provided<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.request.app_data::<Arc<SharedData>>()?.provided()
    }

    /// Returns the `Webhook-Id` header. One that the Hub does not send, empty or too long for an index, is
    /// ignored.
    pub(crate) fn webhook_id(&self) -> Option<&str> {
        let id = self.request.headers().get(WEBHOOK_ID)?.to_str().ok()?;
        (1..=LONGEST_ID).contains(&id.len()).then_some(id)
    }

    /// Returns when the request's head had arrived, as wall-clock time.
    pub(crate) fn received_at(&self) -> SystemTime {
        let now = SystemTime::now();
        now.checked_sub(self.received.elapsed()).unwrap_or(now)
    }

    /// Returns the body for an extractor: all of it, each time.
    pub(crate) fn payload(&self) -> Payload {
        in_one_piece(self.body.clone())
    }
}

/// Turns a body into a stream of one piece.
pub(crate) fn in_one_piece(body: Bytes) -> Payload {
    Payload::Stream { payload: Box::pin(stream::iter([Ok(body)])) }
}

/// Why there is no response of the function.
#[derive(Debug)]
pub enum Failure {
    /// The body cannot be read as an argument.
    Body(BodyFaults),
    /// Another argument cannot be extracted from the request.
    Argument(actix_web::Error),
    /// The function returned an error.
    Function(Box<dyn StdError>),
    /// The function returned a response with an error, whose body may reveal the cause.
    Response(Box<HttpResponse>),
}

/// A response, or why there is none.
pub(crate) type CallResult = Result<HttpResponse, Failure>;

/// A running call. It stays on the worker's thread, so it need not be `Send`.
pub type CallFuture<'a> = Pin<Box<dyn Future<Output = CallResult> + 'a>>;

/// Calls a function: extracts its arguments from the request, and makes a response of what it returns.
pub(crate) type CallFn = fn(Call) -> CallFuture<'static>;

//! Defines the outcome of a request, and the observers that are notified of it, such as the log and the dashboard.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderValue;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use uuid::Uuid;

use super::connection::{ConnectionState, Origin};
use super::watchdog::record_last_poll;
use crate::endpoint::call::WEBHOOK_ID;
use crate::payload::cut;
use crate::trace::{ActiveSpan, RequestStart, SpanEnd, Tracer};

/// The outcome of a request: its response, and details for the observers.
pub(crate) struct Outcome {
    pub(crate) response: HttpResponse,
    /// Why the function was not called, or why it failed.
    pub(crate) reason: Option<Reason>,
    /// The note of the attempt that a test ran within the request.
    pub(crate) note: Option<String>,
    /// The background delivery that the request created or duplicates.
    pub(crate) delivery: Option<Uuid>,
    /// The sequence number of the delivery in this process, from 1; 0 if the request is not a delivery.
    pub(crate) number: u64,
}

/// A reason for the log and for tests. Only that of a skipped delivery is sent. It contains nothing from the request.
#[derive(Clone, Debug)]
pub(crate) enum Reason {
    /// The server or the function rejected the request.
    Rejected(Cow<'static, str>),
    /// The request does not fit the filter or an argument of the function, which was not called.
    BadArgument(Cow<'static, str>),
    /// The delivery does not match the endpoint's filter. The sender gets this reason.
    Skipped(Arc<str>),
    /// The function failed with this error, including its causes, or with this panic.
    Failed(String),
}

impl Outcome {
    /// Creates the outcome of a rejected request.
    pub(crate) fn rejected(response: HttpResponse, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: Some(Reason::Rejected(reason.into())), ..response.into() }
    }

    /// Creates the outcome of a request that does not fit the filter or an argument of the function.
    pub(super) fn bad_argument(
        response: HttpResponse,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { reason: Some(Reason::BadArgument(reason.into())), ..response.into() }
    }

    /// Creates the outcome of a delivery that does not match the endpoint's filter.
    pub(super) fn skipped(response: HttpResponse, reason: Arc<str>) -> Self {
        Self { reason: Some(Reason::Skipped(reason)), ..response.into() }
    }

    /// Returns why the delivery was skipped; `None` if it was not.
    pub(crate) fn skip_reason(&self) -> Option<&str> {
        match &self.reason {
            Some(Reason::Skipped(reason)) => Some(reason),
            Some(Reason::Rejected(_) | Reason::BadArgument(_) | Reason::Failed(_)) | None => None,
        }
    }

    /// Creates the outcome of a function that failed. Some failures have no description.
    pub(crate) fn failed(response: HttpResponse, cause: Option<String>) -> Self {
        Self { reason: cause.map(Reason::Failed), ..response.into() }
    }

    /// Returns the outcome and a copy of the response's body, or `None` if the body is a stream.
    pub(super) fn with_response_body(self) -> (Self, Option<Bytes>) {
        let (head, body) = self.response.into_parts();
        let (body, bytes) = match body.try_into_bytes() {
            Ok(bytes) => (BoxBody::new(bytes.clone()), Some(bytes)),
            Err(stream) => (stream, None),
        };
        (Self { response: head.set_body(body), ..self }, bytes)
    }
}

impl From<HttpResponse> for Outcome {
    fn from(response: HttpResponse) -> Self {
        Self { response, reason: None, note: None, delivery: None, number: 0 }
    }
}

/// The request of a delivery, as observers see it.
pub(crate) struct DeliveryRequest<'a> {
    /// The sequence number of the delivery in this process, from 1.
    pub(crate) number: u64,
    pub(crate) request: &'a HttpRequest,
    /// The endpoint's path.
    pub(crate) endpoint: &'a Arc<str>,
    /// When the request's head arrived.
    pub(crate) received: Instant,
    /// Whether the sender is known: by the right secret, or as an authorized viewer of the page.
    pub(crate) trusted: bool,
    /// Whether an authorized viewer of the page has sent it.
    pub(crate) by_viewer: bool,
    /// Its span, once its sender is authorized, if deliveries have spans.
    pub(super) span: Option<ActiveSpan>,
}

impl<'a> DeliveryRequest<'a> {
    pub(super) fn new(number: u64, request: &'a HttpRequest, endpoint: &'a Arc<str>) -> Self {
        let connection = request.conn_data::<Rc<ConnectionState>>();
        let received = connection.map_or_else(Instant::now, |connection| connection.received_at());
        Self { number, request, endpoint, received, trusted: false, by_viewer: false, span: None }
    }

    /// Returns the connection, or `None` in a test.
    pub(super) fn connection(&self) -> Option<&'a Rc<ConnectionState>> {
        self.request.conn_data()
    }

    /// Returns when bytes last arrived.
    pub(super) fn last_read(&self) -> Instant {
        self.connection().map_or_else(Instant::now, |connection| connection.received_at())
    }

    /// Starts the request's span.
    pub(super) fn start_span(&self, tracer: &dyn Tracer, authorized: bool) -> ActiveSpan {
        let header = |name| self.request.headers().get(name)?.to_str().ok();
        tracer.start_request(&RequestStart {
            endpoint: self.endpoint,
            received: self.received,
            traceparent: header("traceparent"),
            tracestate: header("tracestate"),
            authorized,
        })
    }

    /// Ends the request's span, which a request of an unauthorized sender has none of yet.
    pub(super) fn end_span(&mut self, tracer: &dyn Tracer, status: StatusCode) {
        let span = self.span.take();
        let span = span.unwrap_or_else(|| self.start_span(tracer, false));
        span.end(SpanEnd::Response(status.as_u16()));
    }

    /// Records the end of the delivery, and returns its duration. Everything that needs the time shares one reading
    /// of the clock, which takes about half a percent of the time of a whole request.
    pub(super) fn finish(&self) -> Duration {
        let now = Instant::now();
        record_last_poll(now);
        if let Some(connection) = self.connection() {
            connection.set_responded_at(now);
        }
        now.duration_since(self.received)
    }

    /// Returns whether the request arrived through the tunnel.
    pub(super) fn came_through_tunnel(&self) -> bool {
        self.request.conn_data() == Some(&Origin::Tunnel)
    }

    /// Returns the `Webhook-Id` header, if it is text.
    pub(crate) fn webhook_id(&self) -> Option<&'a str> {
        self.request.headers().get(WEBHOOK_ID).and_then(|id: &HeaderValue| id.to_str().ok())
    }

    /// Returns the `Webhook-Id` header cut to the length of a log line.
    pub(super) fn short_webhook_id(&self) -> Option<&'a str> {
        self.webhook_id().map(cut)
    }
}

/// A delivery with its outcome, as observers see it.
pub(crate) struct Observation<'a> {
    pub(crate) delivery: &'a DeliveryRequest<'a>,
    /// The request's body; `None` if the request was rejected before its body was read.
    pub(crate) body: Option<&'a [u8]>,
    pub(crate) outcome: &'a Outcome,
    /// The response's body; `None` if it is a stream.
    pub(crate) response_body: Option<&'a [u8]>,
    /// The time from the request's head to the response.
    pub(crate) duration: Duration,
}

/// An observer of deliveries. It is called for each one, before the response is sent.
pub(crate) trait Observer: Send + Sync {
    fn observe(&self, observation: &Observation<'_>);
}

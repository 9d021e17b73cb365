//! The outcome of a request, and the observers that see it: the log, the dashboard's activity.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::http::header::HeaderValue;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use uuid::Uuid;

use super::connection::{ConnectionState, Origin};
use super::watchdog::poll_ended;
use crate::endpoint::call::WEBHOOK_ID;
use crate::payload::cut;

/// The end of a request's way: its response, and what is reported about it.
pub(crate) struct Outcome {
    pub(crate) response: HttpResponse,
    /// Why the function was not called, or why it failed.
    pub(crate) reason: Option<Reason>,
    /// The background delivery that the request made, or is a duplicate of.
    pub(crate) delivery: Option<Uuid>,
    /// The number of the request among this process's deliveries; 0 where it is not a delivery.
    pub(crate) number: u64,
}

/// A reason for the log and for tests. It is never sent, and holds nothing of the request.
#[derive(Clone, Debug)]
pub(crate) enum Reason {
    /// The server or the function rejected the request.
    Rejected(Cow<'static, str>),
    /// The function failed: its error with all causes, or its panic.
    Failed(String),
}

impl Outcome {
    pub(crate) fn rejected(response: HttpResponse, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: Some(Reason::Rejected(reason.into())), ..response.into() }
    }

    /// An outcome whose function failed. Some failures have no description.
    pub(crate) fn failed(response: HttpResponse, cause: Option<String>) -> Self {
        Self { reason: cause.map(Reason::Failed), ..response.into() }
    }

    /// Returns the outcome and a copy of the response's body; `None` when it is a stream, which comes later.
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
        Self { response, reason: None, delivery: None, number: 0 }
    }
}

/// A delivery on its way to an endpoint, as observers see it.
pub(crate) struct DeliveryRequest<'a> {
    /// Counts the deliveries of this process, from 1.
    pub(crate) number: u64,
    pub(crate) request: &'a HttpRequest,
    /// The endpoint's path.
    pub(crate) endpoint: &'a Arc<str>,
    /// When the request's head had arrived.
    pub(crate) received: Instant,
    /// Whether the sender is known: by the right secret, or as an authorized viewer of the page.
    pub(crate) trusted: bool,
}

impl<'a> DeliveryRequest<'a> {
    pub(super) fn new(number: u64, request: &'a HttpRequest, endpoint: &'a Arc<str>) -> Self {
        let connection = request.conn_data::<Rc<ConnectionState>>();
        let received = connection.map_or_else(Instant::now, |connection| connection.received_at());
        Self { number, request, endpoint, received, trusted: false }
    }

    /// Returns the connection; a test has none.
    pub(super) fn connection(&self) -> Option<&'a Rc<ConnectionState>> {
        self.request.conn_data()
    }

    /// Returns when bytes last arrived.
    pub(super) fn last_read(&self) -> Instant {
        self.connection().map_or_else(Instant::now, |connection| connection.received_at())
    }

    /// Ends the delivery, and returns how long it took. The clock is read once for all that want the time:
    /// each reading takes about half a percent of the time of a whole request.
    pub(super) fn finish(&self) -> Duration {
        let now = Instant::now();
        poll_ended(now);
        if let Some(connection) = self.connection() {
            connection.set_responded_at(now);
        }
        now.duration_since(self.received)
    }

    pub(super) fn came_through_tunnel(&self) -> bool {
        self.request.conn_data() == Some(&Origin::Tunnel)
    }

    /// Returns the `Webhook-Id` header, or its beginning.
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
    /// The request's body; `None` when it was rejected unread.
    pub(crate) body: Option<&'a [u8]>,
    pub(crate) outcome: &'a Outcome,
    /// The response's body; `None` when it is a stream.
    pub(crate) response_body: Option<&'a [u8]>,
    /// From the request's head to the response.
    pub(crate) duration: Duration,
}

/// Sees the outcome of each delivery, before the response is sent.
pub(crate) trait Observer: Send + Sync {
    fn observe(&self, observation: &Observation<'_>);
}

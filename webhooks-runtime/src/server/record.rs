//! What became of a delivery: one line in the log, and one entry in the activity.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
#[cfg(feature = "page")]
use actix_web::body::{BoxBody, MessageBody};
use actix_web::http::header::HeaderValue;
use tracing::Level;

use super::connection::{ConnectionState, Origin};
use super::outcome::{Outcome, Reason};
#[cfg(feature = "page")]
use crate::activity::{Activity, Seen};
use crate::endpoint::arg::WEBHOOK_ID;
use crate::endpoint::call::DELIVERY;
use crate::payload::{Summary, cut};

/// How long the Hub waits for a response.
const HUB_PATIENCE: Duration = Duration::from_secs(30);

/// A delivery on its way.
pub(crate) struct Record<'a> {
    endpoint: &'a Arc<str>,
    webhook_id: Option<HeaderValue>,
    /// Whether it came through the tunnel.
    tunnelled: bool,
    /// The connection, if there is one: a test has none.
    connection: Option<Rc<ConnectionState>>,
    /// When its head had arrived.
    pub(crate) started: Instant,
}

impl<'a> Record<'a> {
    pub(crate) fn new(endpoint: &'a Arc<str>, request: &HttpRequest) -> Self {
        let webhook_id = request.headers().get(WEBHOOK_ID).cloned();
        let tunnelled = request.conn_data() == Some(&Origin::Tunnel);
        let connection = request.conn_data::<Rc<ConnectionState>>().cloned();
        let started = connection.as_ref().map_or_else(Instant::now, |state| state.received_at());
        Self { endpoint, webhook_id, tunnelled, connection, started }
    }

    /// Returns how long the delivery took. The clock is read once: each reading takes about half a percent
    /// of the time of a whole request.
    pub(crate) fn finish(&self) -> Duration {
        let now = Instant::now();
        if let Some(connection) = &self.connection {
            connection.set_responded_at(now);
        }
        now.duration_since(self.started)
    }

    pub(crate) fn webhook_id(&self) -> Option<&str> {
        self.webhook_id.as_ref().and_then(|id| id.to_str().ok()).map(cut)
    }

    pub(crate) fn endpoint(&self) -> &Arc<str> {
        self.endpoint
    }

    /// Whether the request waited behind a blocked thread until its time was over.
    pub(crate) fn has_waited(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.has_waited())
    }

    /// Writes the line. `body` is read for it only where the line is wanted, and is empty when the
    /// request was refused before. Texts from outside are written in quotes and escaped, so that none
    /// can make a line of its own.
    pub(crate) fn log(&self, body: &[u8], outcome: &Outcome, duration: Duration) {
        let status = outcome.response.status();
        let delivery = outcome.delivery.map(tracing::field::display);
        // A failure has a line of its own.
        let reason = match &outcome.reason {
            Some(Reason::Rejected(reason)) => Some(&**reason),
            Some(Reason::Failed(_)) | None => None,
        };
        let is_gone = self.connection.as_ref().is_some_and(|connection| connection.is_gone());
        macro_rules! line {
            ($level:expr) => {
                if tracing::enabled!(target: DELIVERY, $level) {
                    let summary = Summary::read(body);
                    let event = summary.as_ref().map(Summary::event);
                    tracing::event!(
                        target: DELIVERY,
                        $level,
                        endpoint = &**self.endpoint,
                        via = self.tunnelled.then_some("tunnel"),
                        webhook_id = self.webhook_id(),
                        delivery,
                        event,
                        repo = summary.as_ref().map(Summary::repo),
                        status = status.as_u16(),
                        reason,
                        client = is_gone.then_some("disconnected"),
                        ?duration,
                    );
                }
            };
        }
        if duration >= HUB_PATIENCE && !status.is_server_error() {
            tracing::warn!(
                target: DELIVERY,
                endpoint = &**self.endpoint,
                webhook_id = self.webhook_id(),
                "the Hub has given up on this delivery: it waits 30 s for a response. Let the function \
                 run after its response: #[webhook_endpoint(background)]"
            );
        }
        // The level of an event is part of its static description, so there is one for each.
        if status.is_server_error() {
            line!(Level::ERROR);
        } else if status.is_client_error() {
            line!(Level::WARN);
        } else {
            line!(Level::INFO);
        }
    }

    /// Keeps the delivery for people to look at. `body` is `None` when it was rejected unread.
    #[cfg(feature = "page")]
    pub(crate) fn keep(
        &self,
        activity: &Activity,
        query: &str,
        body: Option<&[u8]>,
        outcome: Outcome,
        duration: Duration,
    ) -> Outcome {
        let (response, answer) = outcome.response.into_parts();
        let seen = |answer| Seen {
            endpoint: self.endpoint,
            webhook_id: self.webhook_id.as_ref().and_then(|id| id.to_str().ok()),
            query: without_secret(query),
            duration,
            status: response.status().as_u16(),
            body,
            answer,
        };
        let (number, answer) = match answer.try_into_bytes() {
            Ok(bytes) => (activity.record(&seen(Some(&bytes))), BoxBody::new(bytes)),
            // It comes later, and isn't waited for.
            Err(stream) => (activity.record(&seen(None)), stream),
        };
        Outcome { response: response.set_body(answer), entry: Some(number), ..outcome }
    }
}

/// A query without the secret that it may bring; `None` when nothing is left.
#[cfg(feature = "page")]
fn without_secret(query: &str) -> Option<String> {
    if query.is_empty() {
        return None;
    }
    let mut pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).ok()?;
    pairs.retain(|(name, _)| name != "secret");
    serde_urlencoded::to_string(pairs).ok().filter(|query| !query.is_empty())
}

#[cfg(all(test, feature = "page"))]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_kept_without_its_secret() {
        assert_eq!(without_secret("a=1&s%65cret=hush&b=%26").as_deref(), Some("a=1&b=%26"));
        assert_eq!(without_secret("secret=hush"), None);
        assert_eq!(without_secret(""), None);
    }
}

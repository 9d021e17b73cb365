//! The observer that writes the log line of each delivery.

use std::sync::Arc;
use std::time::Duration;

use tracing::Level;

use super::outcome::{Observation, Observer, Reason};
use super::rejections::RejectionCounts;
use crate::endpoint::call::DELIVERY;
use crate::payload::Summary;

/// How long the Hub waits for a response.
const HUB_TIMEOUT: Duration = Duration::from_secs(30);

/// Writes one line for each delivery. Rejected requests of unknown senders share a few lines a minute.
#[derive(Debug, Default)]
pub(super) struct DeliveryLog {
    rejections: Arc<RejectionCounts>,
}

impl Observer for DeliveryLog {
    fn observe(&self, observation: &Observation<'_>) {
        let status = observation.outcome.response.status();
        let trusted = observation.delivery.trusted;
        if trusted || !status.is_client_error() || self.rejections.count(status) {
            write_line(observation);
        }
    }
}

impl DeliveryLog {
    /// Logs how many rejections had no line so far.
    pub(super) fn finish(&self) {
        self.rejections.report();
    }
}

/// Writes the line. The body is parsed for it only where the line is wanted. Texts from outside are quoted
/// and escaped, so that none of them can begin a line of its own.
fn write_line(observation: &Observation<'_>) {
    let Observation { delivery, outcome, duration, .. } = observation;
    let status = outcome.response.status();
    let stored = outcome.delivery.map(tracing::field::display);
    // A failure has a line of its own.
    let reason = match &outcome.reason {
        Some(Reason::Rejected(reason)) => Some(&**reason),
        Some(Reason::Failed(_)) | None => None,
    };
    let is_gone = delivery.connection().is_some_and(|connection| connection.is_gone());
    macro_rules! line {
        ($level:expr) => {
            if tracing::enabled!(target: DELIVERY, $level) {
                let summary = Summary::read(observation.body.unwrap_or_default());
                let event = summary.as_ref().map(Summary::event);
                tracing::event!(
                    target: DELIVERY,
                    $level,
                    endpoint = &**delivery.endpoint,
                    via = delivery.came_through_tunnel().then_some("tunnel"),
                    webhook_id = delivery.short_webhook_id(),
                    delivery = stored,
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
    if *duration >= HUB_TIMEOUT && !status.is_server_error() {
        tracing::warn!(
            target: DELIVERY,
            endpoint = &**delivery.endpoint,
            webhook_id = delivery.short_webhook_id(),
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

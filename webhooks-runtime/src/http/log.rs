//! Writes one log line for each delivery.

use std::sync::Arc;
use std::time::Duration;

use tracing::Level;

use super::log_limit::LogLimit;
use super::outcome::{Observation, Observer, Reason};
use crate::endpoint::call::DELIVERY;
use crate::payload::Summary;

/// How long the Hub waits for a response.
const HUB_TIMEOUT: Duration = Duration::from_secs(30);

/// Writes one line for each delivery. Rejected requests of unknown senders are limited to a few lines per minute.
#[derive(Debug, Default)]
pub(super) struct DeliveryLog {
    rejections: Arc<LogLimit>,
}

impl Observer for DeliveryLog {
    fn observe(&self, observation: &Observation<'_>) {
        let status = observation.outcome.response.status();
        let trusted = observation.delivery.trusted;
        if trusted || !status.is_client_error() || self.rejections.allow(status) {
            write_line(observation);
        }
    }
}

impl DeliveryLog {
    /// Logs how many rejections have no line so far.
    pub(super) fn finish(&self) {
        self.rejections.report();
    }
}

/// Writes the line. The body is parsed only if the line is enabled. Texts from outside are quoted and escaped, so
/// that none of them can forge a line.
fn write_line(observation: &Observation<'_>) {
    let Observation { delivery, outcome, duration, .. } = observation;
    let status = outcome.response.status();
    let stored = outcome.delivery.map(tracing::field::display);
    // The reason of a failure is logged separately.
    let reason = match &outcome.reason {
        Some(Reason::Rejected(reason) | Reason::BadArgument(reason)) => Some(&**reason),
        Some(Reason::Skipped(_) | Reason::Failed(_)) | None => None,
    };
    let skipped = outcome.skip_reason();
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
                    skipped,
                    client = is_gone.then_some("disconnected"),
                    ?duration,
                );
            }
        };
    }
    // Without a connection, nobody waits.
    let is_waited_for = delivery.connection().is_some();
    if is_waited_for && *duration >= HUB_TIMEOUT && !status.is_server_error() {
        tracing::warn!(
            target: DELIVERY,
            endpoint = &**delivery.endpoint,
            webhook_id = delivery.short_webhook_id(),
            "the Hub has given up on this delivery, because it waits at most 30 s for a response: run the \
             function in the background with #[webhook_endpoint(background)]"
        );
    }
    // The level of a tracing event is static, so each level needs its own event.
    if status.is_server_error() {
        line!(Level::ERROR);
    } else if status.is_client_error() {
        line!(Level::WARN);
    } else if skipped.is_some() {
        // A webhook may watch more than the function is for.
        line!(Level::DEBUG);
    } else {
        line!(Level::INFO);
    }
}

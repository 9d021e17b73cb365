//! Writes the log line of each attempt that has ended.

use std::fmt;
use std::time::Duration;

use super::state::Transition;
use crate::endpoint::call::DELIVERY;

/// An attempt that has ended.
pub(super) struct EndedAttempt<'a> {
    pub(super) path: &'a str,
    pub(super) id: &'a dyn fmt::Display,
    pub(super) webhook_id: Option<&'a str>,
    pub(super) attempt: u32,
    pub(super) duration: Duration,
    /// What happens to the delivery next.
    pub(super) next: Transition,
    /// Whether the function was not called, because the delivery is not for it.
    pub(super) error: Option<&'a str>,
    pub(super) note: Option<&'a str>,
}

impl EndedAttempt<'_> {
    /// Logs how the attempt ended.
    pub(super) fn log(&self) {
        let retry_in = match self.next {
            Transition::Retry { after }
            | Transition::Wait { after }
            | Transition::Snooze { after } => Some(tracing::field::debug(after)),
            _ => None,
        };
        macro_rules! line {
            ($level:ident, $text:literal) => {
                tracing::$level!(
                    target: DELIVERY,
                    endpoint = self.path,
                    delivery = %self.id,
                    webhook_id = self.webhook_id.map(crate::payload::cut),
                    attempt = self.attempt,
                    state = %self.next.state(),
                    duration = ?self.duration,
                    retry_in,
                    error = self.error,
                    note = self.note,
                    $text
                )
            };
        }
        // The level is part of an event's static description, so each level needs a line.
        match self.next {
            Transition::Skipped => line!(info, "the delivery was skipped"),
            Transition::Done => line!(info, "the function succeeded"),
            Transition::Retry { .. } => line!(warn, "the function failed"),
            Transition::Dead => line!(error, "the function failed and will not be retried"),
            Transition::Wait { .. } => line!(info, "the delivery waits"),
            Transition::Snooze { .. } => line!(info, "the function is to be called again later"),
            Transition::Cancelled => line!(info, "the delivery was cancelled"),
            Transition::Released => line!(info, "shutting down: the delivery was released"),
        }
    }
}

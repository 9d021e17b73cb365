//! Writes the log line of each attempt that has ended.

use std::fmt;
use std::time::Duration;

use super::state::{State, Transition};
use crate::endpoint::call::DELIVERY;

/// An attempt that has ended.
pub(super) struct EndedAttempt<'a> {
    pub(super) path: &'a str,
    pub(super) id: &'a dyn fmt::Display,
    pub(super) webhook_id: Option<&'a str>,
    pub(super) attempt: u32,
    pub(super) duration: Duration,
    /// What happens to the delivery next, as far as the attempt decides.
    pub(super) next: Transition,
    /// The state of the delivery: one that would be queued may have been cancelled or superseded meanwhile.
    pub(super) state: State,
    pub(super) error: Option<&'a str>,
    pub(super) note: Option<&'a str>,
}

impl EndedAttempt<'_> {
    /// Logs how the attempt ended.
    pub(super) fn log(&self) {
        let retry_in = match self.next {
            Transition::Retry { after }
            | Transition::Wait { after }
            | Transition::Snooze { after }
            | Transition::CountedSnooze { after } => Some(tracing::field::debug(after)),
            _ => None,
        };
        let retry_in = retry_in.filter(|_| self.state == State::Queued);
        macro_rules! line {
            ($level:ident, $text:literal) => {
                tracing::$level!(
                    target: DELIVERY,
                    endpoint = self.path,
                    delivery = %self.id,
                    webhook_id = self.webhook_id.map(crate::payload::cut),
                    attempt = self.attempt,
                    state = %self.state,
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
            Transition::Retry { .. } | Transition::CountedSnooze { .. } => {
                line!(warn, "the function failed");
            }
            _ if self.state == State::Superseded => {
                line!(info, "a newer delivery replaces this one");
            }
            _ if self.state == State::Cancelled => line!(info, "the delivery was cancelled"),
            Transition::Skipped => line!(info, "the delivery was skipped"),
            Transition::Done => line!(info, "the function succeeded"),
            Transition::Dead => line!(error, "the function failed and will not be retried"),
            Transition::Wait { .. } => line!(info, "the delivery waits"),
            Transition::Snooze { .. } => line!(info, "the function is to be called again later"),
            // The newer delivery that it was stopped for is gone.
            Transition::Cancelled => line!(info, "the delivery was stopped and runs again"),
            Transition::Released => line!(info, "shutting down: the delivery was released"),
        }
    }
}

//! Writes the log line of each attempt that has ended.

use uuid::Uuid;

use super::running::RunningAttempt;
use crate::endpoint::call::DELIVERY;
use crate::jobs::state::Transition;

/// The maximum length of a stored error, in bytes.
const MAX_ERROR: usize = 4096;

/// Logs how an attempt ended.
pub(super) fn attempt_ended(
    path: &str,
    id: Uuid,
    running: &RunningAttempt,
    next: Transition,
    error: Option<&str>,
) {
    let retry_in = match next {
        Transition::Retry { after } => Some(tracing::field::debug(after)),
        _ => None,
    };
    macro_rules! line {
        ($level:ident, $text:literal) => {
            tracing::$level!(
                target: DELIVERY,
                endpoint = path,
                delivery = %id,
                webhook_id = running.webhook_id.as_deref().map(crate::payload::cut),
                attempt = running.attempt,
                state = %next.state(),
                duration = ?running.started.elapsed(),
                retry_in,
                error,
                $text
            )
        };
    }
    // The level is part of an event's static description, so each level needs a line.
    match next {
        Transition::Done => line!(info, "the function succeeded"),
        Transition::Retry { .. } => line!(warn, "the function failed"),
        Transition::Dead => line!(error, "the function failed and will not be retried"),
        Transition::Released => line!(info, "shutting down: the delivery was released"),
    }
}

/// Cuts an error to the length that is stored, at a character boundary.
pub(super) fn truncate(error: &str) -> String {
    let end = (0..=MAX_ERROR.min(error.len())).rev().find(|end| error.is_char_boundary(*end));
    error[..end.unwrap_or(0)].to_owned()
}

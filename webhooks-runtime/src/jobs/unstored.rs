//! Runs a delivery that no store has: at once, and with all its attempts.

use std::future::pending;
use std::time::SystemTime;

use actix_web::web::Bytes;
use tokio::time::{Instant, sleep};

use super::delivery::DeliveryOrigin;
use super::log::EndedAttempt;
use super::outcome::AttemptOutcome;
use super::run::{Attempt, AttemptEnd, BackgroundHandler};
use super::state::Transition;
use crate::random;

/// A background delivery that is not stored. It is lost when the process ends.
#[derive(Clone, Debug)]
pub(crate) struct UnstoredDelivery {
    pub(crate) id: String,
    pub(crate) webhook_id: Option<String>,
    pub(crate) received_at: SystemTime,
    pub(crate) body: Bytes,
}

/// How a delivery that is not stored has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UnstoredEnd {
    Done,
    /// It is not for the function, for this reason.
    Skipped(String),
}

/// How often in a row a delivery waits until it can be decided whether to call the function: for about half an hour. A
/// Job has to be paid while it waits.
const MAX_WAITS: u32 = 10;

impl BackgroundHandler {
    /// Runs a delivery until an attempt succeeds.
    ///
    /// # Errors
    ///
    /// Returns the error of the last attempt when no further one follows, or why it could not be decided whether to
    /// call the function.
    pub(crate) async fn run_unstored(
        &self,
        delivery: UnstoredDelivery,
    ) -> Result<UnstoredEnd, String> {
        let (mut attempt, mut waits, mut snoozes) = (1, 0, 0);
        loop {
            let UnstoredDelivery { id, webhook_id, received_at, body } = delivery.clone();
            let started = Instant::now();
            let running = Attempt {
                id,
                webhook_id,
                attempt,
                waits,
                snoozes,
                received_at,
                origin: DeliveryOrigin::Webhook,
                body,
                merged: Vec::new(),
                log: None,
                span: None,
            };
            // Never stopped.
            let AttemptEnd { outcome, note } = self.run(running, pending()).await;
            let outcome = outcome.unwrap_or(AttemptOutcome::Lost);
            let next = outcome.transition(&self.background.policy, attempt, random::fraction());
            let ended = EndedAttempt {
                path: &self.path,
                id: &delivery.id,
                webhook_id: delivery.webhook_id.as_deref(),
                attempt,
                duration: started.elapsed(),
                next,
                state: next.state(),
                error: outcome.error(),
                note: note.as_deref(),
            };
            ended.log();
            match next {
                Transition::Skipped => {
                    return Ok(UnstoredEnd::Skipped(note.unwrap_or_default()));
                }
                Transition::Done => return Ok(UnstoredEnd::Done),
                Transition::Retry { after } => {
                    sleep(after).await;
                    (attempt, waits, snoozes) = (attempt + 1, 0, 0);
                }
                Transition::Wait { .. } if waits >= MAX_WAITS => {
                    return Err(note.unwrap_or_default());
                }
                Transition::Wait { after } => {
                    sleep(after).await;
                    waits += 1;
                }
                Transition::Snooze { after } => {
                    sleep(after).await;
                    (waits, snoozes) = (0, snoozes + 1);
                }
                Transition::CountedSnooze { after } => {
                    sleep(after).await;
                    (attempt, waits, snoozes) = (attempt + 1, 0, snoozes + 1);
                }
                Transition::Dead | Transition::Released | Transition::Cancelled => {
                    return Err(outcome.error().unwrap_or_default().to_owned());
                }
            }
        }
    }
}

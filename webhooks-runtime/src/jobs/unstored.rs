//! Runs a delivery that no store has: at once, and with all its attempts.

use std::future::pending;
use std::time::SystemTime;

use actix_web::web::Bytes;
use tokio::time::{Instant, sleep};

use super::log::EndedAttempt;
use super::run::{Attempt, AttemptEnd, BackgroundHandler};
use super::state::{AttemptOutcome, Transition};

/// A background delivery that is not stored. It is lost when the process ends.
#[derive(Clone, Debug)]
pub(crate) struct UnstoredDelivery {
    pub(crate) id: String,
    pub(crate) webhook_id: Option<String>,
    pub(crate) received_at: SystemTime,
    pub(crate) body: Bytes,
}

impl BackgroundHandler {
    /// Runs a delivery until an attempt succeeds.
    ///
    /// # Errors
    ///
    /// Returns the error of the last attempt when no further one follows.
    pub(crate) async fn run_unstored(&self, delivery: UnstoredDelivery) -> Result<(), String> {
        let (mut attempt, mut waits) = (1, 0);
        loop {
            let UnstoredDelivery { id, webhook_id, received_at, body } = delivery.clone();
            let started = Instant::now();
            let running = Attempt { id, webhook_id, attempt, waits, received_at, body };
            // Never stopped.
            let AttemptEnd { outcome, note } = self.run(running, pending()).await;
            let outcome = outcome.unwrap_or(AttemptOutcome::Lost);
            let next = outcome.transition(&self.background.policy, attempt, fastrand::f64());
            let ended = EndedAttempt {
                path: &self.path,
                id: &delivery.id,
                webhook_id: delivery.webhook_id.as_deref(),
                attempt,
                duration: started.elapsed(),
                next,
                is_skipped: outcome == AttemptOutcome::Skipped,
                error: outcome.error(),
                note: note.as_deref(),
            };
            ended.log();
            match next {
                Transition::Done => return Ok(()),
                Transition::Retry { after } => {
                    sleep(after).await;
                    (attempt, waits) = (attempt + 1, 0);
                }
                Transition::Wait { after } => {
                    sleep(after).await;
                    waits += 1;
                }
                Transition::Dead | Transition::Released => {
                    return Err(outcome.error().unwrap_or_default().to_owned());
                }
            }
        }
    }
}

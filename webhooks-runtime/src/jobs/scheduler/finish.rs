//! Finishes attempts that have ended: frees their slots, and queues their results for the store.

use std::time::Duration;

use super::Scheduler;
use super::running::{ClaimKey, RunningAttempt};
use crate::endpoint::call::DELIVERY;
use crate::jobs::delivery::Completion;
use crate::jobs::log::EndedAttempt;
use crate::jobs::outcome::AttemptOutcome;
use crate::jobs::run::FinishedAttempt;
use crate::text::beginning;

/// The maximum length of a stored error or note, in bytes.
const MAX_TEXT: usize = 4096;

impl Scheduler {
    /// Finishes all attempts that have ended by now.
    pub(super) fn finish_ended(&mut self) {
        while let Ok(finished) = self.finished.1.try_recv() {
            self.finish(finished);
        }
    }

    /// Frees the slot of an attempt that has ended, and queues its result for the store.
    pub(super) fn finish(&mut self, finished: FinishedAttempt) {
        let claim = (finished.id, finished.fencing_token);
        let Some(running) = self.running.remove(claim) else {
            return;
        };
        self.wakeups.mark(running.endpoint);
        if running.owned {
            let lease_expiries = *self.lease_expiries.borrow();
            if running.outlived_lease(lease_expiries) && finished.end.outcome.is_some() {
                tracing::warn!(
                    target: DELIVERY,
                    endpoint = self.handlers[running.endpoint].path,
                    delivery = %finished.id,
                    "the function ended after this replica's lease may have expired: the result is discarded \
                     if another replica now owns the delivery"
                );
            }
            let timeout = self.timeout(running.endpoint);
            let outcome = finished
                .end
                .outcome
                .unwrap_or_else(|| running.interrupted(timeout, lease_expiries));
            self.complete(claim, &running, &outcome, finished.end.note.as_deref());
        }
    }

    /// Returns the timeout of an endpoint's attempts.
    pub(super) fn timeout(&self, endpoint: usize) -> Duration {
        self.handlers[endpoint].background.policy.timeout
    }

    /// Queues the result of an attempt for the store, and logs it.
    pub(super) fn complete(
        &mut self,
        claim: ClaimKey,
        running: &RunningAttempt,
        outcome: &AttemptOutcome,
        note: Option<&str>,
    ) {
        let (id, fencing_token) = claim;
        let handler = &self.handlers[running.endpoint];
        let next = outcome.transition(&handler.background.policy, running.attempt, fastrand::f64());
        let error = outcome.error();
        let ended = EndedAttempt {
            path: &handler.path,
            id: &id,
            webhook_id: running.webhook_id.as_deref(),
            attempt: running.attempt,
            duration: running.started.elapsed(),
            next,
            error,
            note: note.or(outcome.note()),
        };
        ended.log();
        let stored = |text: &str| beginning(text, MAX_TEXT).to_owned();
        let (error, note) = (error.map(stored), note.or(outcome.note()).map(stored));
        let log = running.log.close();
        self.completions.push(Completion { id, fencing_token, next, error, note, log });
    }
}

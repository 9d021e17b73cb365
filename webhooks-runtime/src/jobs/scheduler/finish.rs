//! Finishes attempts that have ended: frees their slots, and queues their results for the store.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::Scheduler;
use super::running::RunningAttempt;
use crate::endpoint::call::DELIVERY;
use crate::jobs::delivery::{ClaimId, Claimed, Completion};
use crate::jobs::log::EndedAttempt;
use crate::jobs::observer::AttemptResult;
use crate::jobs::outcome::AttemptOutcome;
use crate::jobs::run::FinishedAttempt;
use crate::jobs::state::{State, Transition};
use crate::random;
use crate::text::beginning;
use crate::trace::SpanEnd;

/// An attempt that has ended, for the log.
pub(super) struct AttemptSummary {
    id: Uuid,
    running: RunningAttempt,
    duration: Duration,
    next: Transition,
    error: Option<String>,
    note: Option<String>,
}

/// How long ends of attempts are gathered for one round. The heartbeats share this thread, and must not wait until each of
/// many thousands of attempts has ended.
const MAX_GATHERING: Duration = Duration::from_millis(10);

/// The maximum length of a stored error or note, in bytes.
const MAX_TEXT: usize = 4096;

impl Scheduler {
    /// Finishes all attempts that have ended by now.
    pub(super) fn finish_ended(&mut self) {
        while let Ok(finished) = self.finished.1.try_recv() {
            self.finish(finished);
        }
    }

    /// Finishes an attempt, and lets the worker threads run for as long as others end. Those that were claimed together and
    /// do little end together, but the first one wakes the scheduler, and each round waits for the disk.
    pub(super) fn finish_with_others(&mut self, finished: FinishedAttempt) {
        self.finish(finished);
        let until = Instant::now() + MAX_GATHERING;
        let mut running = usize::MAX;
        while (1..running).contains(&self.running.len()) && Instant::now() < until {
            running = self.running.len();
            std::thread::yield_now();
            self.finish_ended();
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
            self.complete(claim, running, &outcome, finished.end.note.as_deref());
        }
    }

    /// Gives up deliveries that were claimed, but not started before this replica's lease ended: another replica may own
    /// them by now. If none does, they count as lost.
    pub(super) fn give_up(&mut self, claimed: Vec<Claimed>) {
        for Claimed { id, fencing_token, endpoint, attempt, .. } in claimed {
            tracing::warn!(
                target: DELIVERY,
                endpoint = self.handlers[endpoint].path,
                delivery = %id,
                "this replica's lease ended before the function was called: another replica may call it"
            );
            self.wakeups.mark(endpoint);
            let policy = &self.handlers[endpoint].background.policy;
            let next = AttemptOutcome::Lost.transition(policy, attempt, random::fraction());
            let error = AttemptOutcome::Lost.error().map(str::to_owned);
            let log = Default::default();
            self.completions.push(Completion { id, fencing_token, next, error, note: None, log });
        }
    }

    /// Returns the timeout of an endpoint's attempts.
    pub(super) fn timeout(&self, endpoint: usize) -> Duration {
        self.handlers[endpoint].background.policy.timeout
    }

    /// Queues the result of an attempt for the store, and logs it, unless the store decides first what happens to the
    /// delivery.
    pub(super) fn complete(
        &mut self,
        claim: ClaimId,
        running: RunningAttempt,
        outcome: &AttemptOutcome,
        note: Option<&str>,
    ) {
        let (id, fencing_token) = claim;
        let policy = &self.handlers[running.endpoint].background.policy;
        let next = outcome.transition(policy, running.attempt, random::fraction());
        let is_undecided = next == Transition::Cancelled
            || next.state() == State::Queued && (policy.supersedes() || running.cancelled);
        let (error, note) = (outcome.error(), note.or(outcome.note()));
        let end = AttemptSummary {
            id,
            duration: running.started.elapsed(),
            running,
            next,
            error: error.map(str::to_owned),
            note: note.map(str::to_owned),
        };
        let stored = |text: &str| beginning(text, MAX_TEXT).to_owned();
        let (error, note) = (error.map(stored), note.map(stored));
        let log = end.running.log.close();
        if is_undecided {
            self.undecided.push(end);
        } else {
            self.log(&end, next.state());
        }
        self.completions.push(Completion { id, fencing_token, next, error, note, log });
    }

    /// Drops the results that the store has answered, and logs the attempts that it had to decide about. `stale` has the
    /// deliveries whose results it discarded, and `diverted` the states that differ from those of the attempts'
    /// transitions.
    pub(super) fn confirm_completions(&mut self, stale: &[Uuid], diverted: &[(Uuid, State)]) {
        let mut diverted: HashMap<_, _> = diverted.iter().copied().collect();
        let dead = self.completions.iter().filter(|completion| {
            let state = diverted.get(&completion.id).copied();
            state.unwrap_or(completion.next.state()) == State::Dead
                && !stale.contains(&completion.id)
        });
        self.observers.deliveries_died(dead.map(|completion| completion.id));
        self.completions.clear();
        for id in stale {
            tracing::warn!(
                target: DELIVERY,
                delivery = %id,
                "discarding the result of this attempt: another replica now owns the delivery"
            );
        }
        for end in std::mem::take(&mut self.undecided) {
            if !stale.contains(&end.id) {
                let state = diverted.remove(&end.id).unwrap_or(end.next.state());
                self.log(&end, state);
            }
        }
        // They were cancelled while their functions failed, which is in the log already.
        for (id, state) in diverted {
            tracing::info!(target: DELIVERY, delivery = %id, %state, "the delivery was cancelled");
        }
    }

    /// Drops the results that the store does not have. What happens to their deliveries is not known here.
    pub(super) fn discard_completions(&mut self) {
        self.completions.clear();
        self.undecided.clear();
    }

    fn log(&self, end: &AttemptSummary, state: State) {
        let AttemptSummary { id, running, duration, next, error, note } = end;
        let path = &self.handlers[running.endpoint].path;
        let result = AttemptResult::of(*next, state);
        self.observers.attempt_ended(path, result, *duration);
        if let Some(span) = &running.span {
            let (result, failed) = (result.name(), result.is_failure());
            span.end(SpanEnd::Attempt { result, failed, duration: *duration });
        }
        let ended = EndedAttempt {
            path,
            id,
            webhook_id: running.webhook_id.as_deref(),
            attempt: running.attempt,
            duration: *duration,
            next: *next,
            state,
            error: error.as_deref(),
            note: note.as_deref(),
        };
        ended.log();
    }
}

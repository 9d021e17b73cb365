//! A small model of the queues of keys, which `interleavings` compares with the stores.
//!
//! Its time is that of the test: the seconds that it has skipped, and the number of the step. The seconds that it skips
//! are many more than a test takes, and no sum of waits is a multiple of them, so that it is never in doubt whether a
//! delivery is due. `arrival` has what happens when deliveries arrive.

mod arrival;

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::endpoint::background::Policy;
use crate::jobs::state::{CancelReason, State, Transition};
use crate::payload::MergeScope;

pub(super) use self::arrival::Arrival;

/// The skipped seconds, and the number of the step.
pub(super) type ModelTime = (u64, u64);

/// A delivery in the model, in order of arrival.
#[derive(Clone, Debug)]
pub(super) struct ModelDelivery {
    pub(super) id: Uuid,
    pub(super) key: usize,
    /// `None` is a barrier.
    pub(super) scope: Option<MergeScope>,
    pub(super) state: State,
    pub(super) superseded_by: Option<Uuid>,
    /// The indexes of the deliveries that it carries.
    pub(super) carries: BTreeSet<usize>,
    /// How many bytes it would add to a body.
    bytes: u64,
    run_at: ModelTime,
    accepted_at: ModelTime,
    /// When its last attempt started, or when it arrived if it had none.
    since: ModelTime,
    /// Since when its key waits for quiet.
    debounce_since: Option<ModelTime>,
    pub(super) attempt: u32,
    /// How often in a row its function asked to run it again later.
    pub(super) snoozes: u32,
    /// Who requests that it is stopped.
    pub(super) stop: Option<CancelReason>,
    /// Whether it ended without a run of its function, or was superseded by one that had been done already.
    pub(super) is_unseen: bool,
    /// Whether a person queued it again. If it is due since another one arrived, either may run first.
    is_requeued: bool,
    /// Which `Webhook-Id` it has.
    pub(super) webhook: usize,
}

#[derive(Debug)]
pub(super) struct Model {
    pub(super) policy: Policy,
    pub(super) body_limit: u64,
    pub(super) now: ModelTime,
    pub(super) deliveries: Vec<ModelDelivery>,
    pub(super) is_paused: bool,
}

impl Model {
    pub(super) fn new(policy: Policy, body_limit: u64) -> Self {
        Self { policy, body_limit, now: (0, 0), deliveries: Vec::new(), is_paused: false }
    }

    pub(super) fn with_state(&self, state: State) -> Vec<usize> {
        let all = self.deliveries.iter().enumerate();
        all.filter(|(_, it)| it.state == state).map(|(at, _)| at).collect()
    }

    pub(super) fn position(&self, id: Uuid) -> usize {
        self.deliveries.iter().position(|it| it.id == id).unwrap()
    }

    fn later(&self, seconds: u64) -> ModelTime {
        (self.now.0 + seconds, self.now.1)
    }

    /// Returns the queued and running deliveries of a key, oldest first.
    fn live(&self, key: usize) -> Vec<usize> {
        let all = self.deliveries.iter().enumerate();
        all.filter(|(_, it)| it.key == key && !it.state.is_final()).map(|(at, _)| at).collect()
    }

    /// Returns the delivery of a key that runs next, if none runs now.
    fn head(&self, key: usize) -> Option<usize> {
        let live = self.live(key);
        let runs = live.iter().any(|at| self.deliveries[*at].state == State::Running);
        live.into_iter().filter(|_| !runs).min_by_key(|at| (self.deliveries[*at].run_at, *at))
    }

    fn heads(&self) -> Vec<usize> {
        let keys: BTreeSet<_> = self.deliveries.iter().map(|it| it.key).collect();
        keys.into_iter().filter_map(|key| self.head(key)).collect()
    }

    /// Supersedes a delivery by a newer one.
    fn join(&mut self, older: usize, newer: usize) {
        let by = self.deliveries[newer].id;
        let is_late = self.deliveries[newer].state == State::Done;
        let it = &mut self.deliveries[older];
        (it.state, it.superseded_by, it.is_unseen) = (State::Superseded, Some(by), is_late);
        it.debounce_since = None;
        let (mut carried, bytes) = (std::mem::take(&mut it.carries), it.bytes);
        if is_late {
            for at in &carried {
                self.deliveries[*at].is_unseen = true;
            }
        }
        carried.insert(older);
        self.deliveries[newer].carries.extend(carried);
        self.deliveries[newer].bytes += bytes;
    }

    /// Checks that exactly these deliveries are claimed now, in this order. Of deliveries that are due since the same time,
    /// any may be first.
    pub(super) fn claim(&mut self, claimed: &[Uuid], slots: usize) {
        let mut due = self.heads();
        due.retain(|at| self.deliveries[*at].run_at <= self.now && !self.is_paused);
        due.sort_by_key(|at| (self.deliveries[*at].run_at, *at));
        let running = self.with_state(State::Running).len();
        let free = (self.policy.concurrency as usize).saturating_sub(running).min(slots);
        let claimed: Vec<_> = claimed.iter().map(|id| self.position(*id)).collect();
        let keys: BTreeSet<_> = claimed.iter().map(|at| self.deliveries[*at].key).collect();
        assert_eq!(keys.len(), claimed.len(), "two of one key");
        let is_next = |at: &usize| {
            let it = &self.deliveries[*at];
            let is_like = |other: &ModelDelivery| {
                (it.key, it.run_at) == (other.key, other.run_at)
                    && (it.is_requeued || other.is_requeued)
            };
            due.contains(at) || due.iter().any(|other| is_like(&self.deliveries[*other]))
        };
        assert!(claimed.iter().all(is_next), "{claimed:?} of {due:?}: {self:#?}");
        let since = |all: &[usize]| -> Vec<_> {
            all.iter().take(free).map(|at| self.deliveries[*at].run_at).collect()
        };
        assert_eq!(since(&claimed), since(&due), "{claimed:?} of {due:?}: {self:#?}");
        assert!(claimed.len() <= free, "more than the concurrency");
        for at in claimed {
            let it = &mut self.deliveries[at];
            (it.state, it.stop, it.debounce_since) = (State::Running, None, None);
            it.since = self.now;
            it.attempt += 1;
        }
    }

    /// Returns in how many seconds the next delivery is due that can run then.
    pub(super) fn next_due(&self) -> Option<u64> {
        let all = self.heads().into_iter().map(|at| self.deliveries[at].run_at);
        all.filter(|run_at| *run_at > self.now).map(|run_at| run_at.0 - self.now.0).min()
    }

    /// Ends an attempt.
    pub(super) fn complete(&mut self, at: usize, next: Transition) {
        let stop = self.deliveries[at].stop.take();
        let state = match (next.state(), stop) {
            (State::Queued, Some(CancelReason::Person)) => State::Cancelled,
            (State::Cancelled, None | Some(CancelReason::Newer)) => State::Queued,
            (state, _) => state,
        };
        let run_at = match next {
            Transition::Retry { after }
            | Transition::Wait { after }
            | Transition::Snooze { after }
            | Transition::CountedSnooze { after } => self.later(after.as_secs()),
            _ => self.deliveries[at].run_at,
        };
        let counts = !matches!(
            next,
            Transition::Released | Transition::Wait { .. } | Transition::Snooze { .. }
        ) && (next != Transition::Cancelled || state == State::Cancelled);
        let it = &mut self.deliveries[at];
        (it.state, it.run_at) = (state, run_at);
        it.attempt -= u32::from(!counts);
        it.snoozes = match next {
            Transition::Snooze { .. } | Transition::CountedSnooze { .. } => it.snoozes + 1,
            Transition::Released | Transition::Wait { .. } => it.snoozes,
            _ => 0,
        };
        it.is_unseen = next == Transition::Skipped;
        let (key, scope, bytes) = (it.key, it.scope, it.bytes);
        if scope.is_none() || !self.policy.supersedes() {
            return;
        }
        let live = self.live(key);
        if state == State::Queued {
            let newer = live.into_iter().find(|other| *other > at);
            let newer = newer.filter(|newer| {
                let it = &self.deliveries[*newer];
                it.scope == scope && it.bytes + bytes <= self.body_limit
            });
            if let Some(newer) = newer {
                self.join(at, newer);
            }
        } else if next == Transition::Done {
            for older in live.into_iter().filter(|other| *other < at) {
                if self.deliveries[older].scope == scope {
                    self.join(older, at);
                }
            }
        }
    }

    pub(super) fn cancel(&mut self, at: usize) {
        let it = &mut self.deliveries[at];
        match it.state {
            State::Queued => {
                (it.state, it.debounce_since) = (State::Cancelled, None);
            }
            State::Running => it.stop = Some(CancelReason::Person),
            _ => {}
        }
    }

    /// Returns the ended deliveries that may be queued again. Not one whose `Webhook-Id` arrived in another one later: which
    /// of the two a third one repeats is not promised.
    pub(super) fn rerunnable(&self) -> Vec<usize> {
        let all = self.deliveries.iter().enumerate();
        let ended = all.filter(|(_, it)| it.state.is_final());
        let is_latest = |at: usize, webhook| {
            self.deliveries[at + 1..].iter().all(|later| later.webhook != webhook)
        };
        ended.filter(|(at, it)| is_latest(*at, it.webhook)).map(|(at, _)| at).collect()
    }

    /// Queues an ended delivery again.
    pub(super) fn rerun(&mut self, at: usize) {
        if self.deliveries[at].state == State::Superseded {
            for other in &mut self.deliveries {
                other.carries.remove(&at);
            }
            self.deliveries[at].carries.clear();
        }
        let it = &mut self.deliveries[at];
        (it.state, it.scope, it.superseded_by) = (State::Queued, None, None);
        (it.is_unseen, it.is_requeued) = (false, true);
        (it.attempt, it.snoozes, it.run_at) = (0, 0, it.since);
    }

    /// Returns the delivery that has run, or not, for this one in the end.
    pub(super) fn end_of(&self, at: usize) -> &ModelDelivery {
        let carrier = self.deliveries.iter().find(|it| it.carries.contains(&at));
        carrier.unwrap_or(&self.deliveries[at])
    }
}

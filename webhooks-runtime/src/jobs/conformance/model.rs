//! A small model of the queues of keys, which `interleavings` compares with the stores. It has no clock: it follows which
//! deliveries a store claims, and checks that it may.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::endpoint::background::{Latest, Policy};
use crate::jobs::state::{CancelReason, State, Transition};
use crate::payload::MergeScope;

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
    /// Who has it stopped.
    pub(super) stop: Option<CancelReason>,
    /// Whether it waits for its first attempt since it arrived.
    pub(super) is_fresh: bool,
    /// Whether it was superseded by one that had been done already.
    pub(super) is_late: bool,
}

#[derive(Debug)]
pub(super) struct Model {
    pub(super) policy: Policy,
    pub(super) deliveries: Vec<ModelDelivery>,
    pub(super) is_paused: bool,
}

impl Model {
    pub(super) fn new(policy: Policy) -> Self {
        Self { policy, deliveries: Vec::new(), is_paused: false }
    }

    pub(super) fn with_state(&self, state: State) -> Vec<usize> {
        let all = self.deliveries.iter().enumerate();
        all.filter(|(_, it)| it.state == state).map(|(at, _)| at).collect()
    }

    pub(super) fn position(&self, id: Uuid) -> usize {
        self.deliveries.iter().position(|it| it.id == id).unwrap()
    }

    /// Returns the queued and running deliveries of a key, oldest first.
    fn live(&self, key: usize) -> Vec<usize> {
        let all = self.deliveries.iter().enumerate();
        all.filter(|(_, it)| it.key == key && !it.state.is_final()).map(|(at, _)| at).collect()
    }

    fn runs(&self, key: usize) -> bool {
        self.live(key).into_iter().any(|at| self.deliveries[at].state == State::Running)
    }

    pub(super) fn accept(&mut self, id: Uuid, key: usize, scope: Option<MergeScope>) {
        let at = self.deliveries.len();
        let live = self.live(key);
        self.deliveries.push(ModelDelivery {
            id,
            key,
            scope,
            state: State::Queued,
            superseded_by: None,
            carries: BTreeSet::new(),
            stop: None,
            is_fresh: true,
            is_late: false,
        });
        if scope.is_none() || !self.policy.supersedes() {
            return;
        }
        // Everything that arrived after the last barrier.
        let since_barrier =
            live.into_iter().rev().take_while(|at| self.deliveries[*at].scope == scope);
        let (queued, running): (Vec<_>, Vec<_>) =
            since_barrier.partition(|at| self.deliveries[*at].state == State::Queued);
        if let [newest, ..] = queued[..] {
            self.join(newest, at);
        }
        if self.policy.latest == Latest::Cancel {
            for running in running {
                self.deliveries[running].stop.get_or_insert(CancelReason::Newer);
            }
        }
    }

    /// Supersedes a delivery by a newer one.
    fn join(&mut self, older: usize, newer: usize) {
        let by = self.deliveries[newer].id;
        let is_late = self.deliveries[newer].state == State::Done;
        let it = &mut self.deliveries[older];
        (it.state, it.superseded_by, it.is_late) = (State::Superseded, Some(by), is_late);
        let mut carried = std::mem::take(&mut it.carries);
        if is_late {
            for at in &carried {
                self.deliveries[*at].is_late = true;
            }
        }
        carried.insert(older);
        self.deliveries[newer].carries.extend(carried);
    }

    /// Checks that these deliveries may be claimed now, in this order, and that none is missing.
    pub(super) fn claim(&mut self, claimed: &[Uuid], slots: usize) {
        let free = (self.policy.concurrency as usize)
            .saturating_sub(self.with_state(State::Running).len())
            .min(slots);
        let keys: BTreeSet<_> = self.deliveries.iter().map(|it| it.key).collect();
        let waiting = |model: &Self, key| {
            let mut live = model.live(key).into_iter();
            live.find(|at| model.deliveries[*at].is_fresh && !model.runs(key))
        };
        let due: Vec<_> = keys.into_iter().filter(|key| waiting(self, *key).is_some()).collect();
        assert!(claimed.len() <= free, "more than the concurrency");
        assert!(claimed.is_empty() || !self.is_paused, "paused");
        for id in claimed {
            let at = self.position(*id);
            let key = self.deliveries[at].key;
            assert_eq!(self.deliveries[at].state, State::Queued);
            assert!(!self.runs(key), "two of one key");
            if self.deliveries[at].is_fresh {
                assert_eq!(waiting(self, key), Some(at), "not in order of arrival");
            }
            let it = &mut self.deliveries[at];
            (it.state, it.is_fresh, it.stop) = (State::Running, false, None);
        }
        // Deliveries that wait for quiet may be due or not.
        if claimed.len() < free && !self.is_paused && self.policy.debounce.is_none() {
            assert!(due.into_iter().all(|key| self.runs(key)), "one that is due was not claimed");
        }
    }

    /// Ends an attempt.
    pub(super) fn complete(&mut self, at: usize, next: Transition) {
        let stop = self.deliveries[at].stop.take();
        let state = match (next.state(), stop) {
            (State::Queued, Some(CancelReason::Person)) => State::Cancelled,
            (State::Cancelled, Some(CancelReason::Newer)) => State::Queued,
            (state, _) => state,
        };
        self.deliveries[at].state = state;
        let (key, scope) = (self.deliveries[at].key, self.deliveries[at].scope);
        if scope.is_none() || !self.policy.supersedes() {
            return;
        }
        let live = self.live(key);
        if state == State::Queued {
            let newer = live.into_iter().find(|other| *other > at);
            if let Some(newer) = newer.filter(|newer| self.deliveries[*newer].scope == scope) {
                self.join(at, newer);
            }
        } else if state == State::Done {
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
            State::Queued => it.state = State::Cancelled,
            State::Running => it.stop = Some(CancelReason::Person),
            _ => {}
        }
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
        (it.is_late, it.is_fresh) = (false, false);
    }

    /// Returns the delivery that has run, or not, for this one in the end.
    pub(super) fn end_of(&self, at: usize) -> &ModelDelivery {
        let carrier = self.deliveries.iter().find(|it| it.carries.contains(&at));
        carrier.unwrap_or(&self.deliveries[at])
    }
}

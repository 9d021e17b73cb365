//! Arrivals in the model: new deliveries, duplicates, and dead ones that arrive again.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{Model, ModelDelivery};
use crate::endpoint::background::Latest;
use crate::jobs::delivery::Accepted;
use crate::jobs::state::{CancelReason, State};
use crate::payload::MergeScope;

/// A new delivery.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Arrival {
    pub(in super::super) id: Uuid,
    /// Which `Webhook-Id` it has.
    pub(in super::super) webhook: usize,
    pub(in super::super) key: usize,
    pub(in super::super) scope: Option<MergeScope>,
    /// The length of its body.
    pub(in super::super) length: u64,
    /// The length of its changes.
    pub(in super::super) bytes: u64,
}

impl Model {
    /// Accepts a new delivery.
    pub(in super::super) fn accept(&mut self, new: Arrival) {
        let Arrival { id, webhook, key, scope, length, bytes } = new;
        let (at, now) = (self.deliveries.len(), self.now);
        let live = self.live(key);
        self.deliveries.push(ModelDelivery {
            id,
            key,
            scope,
            state: State::Queued,
            superseded_by: None,
            carries: BTreeSet::new(),
            bytes,
            run_at: now,
            accepted_at: now,
            since: now,
            debounce_since: None,
            attempt: 0,
            snoozes: 0,
            stop: None,
            is_unseen: false,
            is_requeued: false,
            webhook,
        });
        if !self.policy.supersedes() {
            return;
        }
        // Everything that arrived after the last barrier.
        let since_barrier = live
            .iter()
            .rev()
            .copied()
            .take_while(|at| scope.is_some() && self.deliveries[*at].scope == scope);
        let (queued, running): (Vec<_>, Vec<_>) =
            since_barrier.partition(|at| self.deliveries[*at].state == State::Queued);
        if queued.is_empty() {
            for at in live {
                let it = &mut self.deliveries[at];
                // One that is due already keeps the time since when it waits.
                let waits = it.state == State::Queued && it.run_at > now;
                if waits && it.debounce_since.take().is_some() {
                    it.run_at = now;
                }
            }
        }
        let mut since = now;
        if let [newest, ..] = queued[..] {
            let older = &self.deliveries[newest];
            let (run_at, waits_since) = (older.run_at, older.debounce_since);
            if older.bytes + length <= self.body_limit {
                self.deliveries[at].run_at = run_at.min(now);
                since = waits_since.unwrap_or(now);
                self.join(newest, at);
            }
        }
        if let Some(debounce) = self.policy.debounce.filter(|_| scope.is_some()) {
            let at_most = (since.0 + debounce.at_most.as_secs(), since.1);
            let quiet = self.later(debounce.quiet.as_secs());
            let it = &mut self.deliveries[at];
            (it.run_at, it.debounce_since) = (quiet.min(at_most), Some(since));
        }
        if self.policy.latest == Latest::Cancel && !self.is_paused {
            for running in running {
                self.deliveries[running].stop.get_or_insert(CancelReason::Newer);
            }
        }
    }

    /// Returns what the store responds to another delivery with the `Webhook-Id` of this one; `None` when it accepts it as
    /// a new one.
    pub(in super::super) fn duplicate(&self, at: usize) -> Option<Accepted> {
        let webhook = self.deliveries[at].webhook;
        let it = self.deliveries.iter().rfind(|it| it.webhook == webhook).unwrap();
        let is_recent = it.accepted_at.0 == self.now.0;
        let is_carried =
            it.state == State::Superseded && !self.end_of(self.position(it.id)).state.is_final();
        match it.state {
            State::Dead => Some(Accepted::Queued(it.id)),
            state if !state.is_final() || is_carried || is_recent => {
                Some(Accepted::Duplicate(it.id, state))
            }
            _ => None,
        }
    }

    /// Queues a dead delivery because its `Webhook-Id` arrived again.
    pub(in super::super) fn revive(&mut self, id: Uuid) {
        let (at, now) = (self.position(id), self.now);
        let it = &mut self.deliveries[at];
        (it.state, it.scope, it.attempt, it.snoozes) = (State::Queued, None, 0, 0);
        (it.run_at, it.accepted_at) = (now, now);
    }
}

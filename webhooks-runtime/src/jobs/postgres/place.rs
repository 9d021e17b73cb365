//! Decides the places of new deliveries in the queue of their key, and which older ones they replace.

use uuid::Uuid;

use super::super::delivery::MAX_MERGED;
use super::super::state::{CancelReason, State};
use super::convert;
use crate::endpoint::background::{Latest, Policy};

/// The place of a delivery in the queue of its key. Times are in microseconds of the server's Unix time.
#[derive(Clone, Debug)]
pub(super) struct QueuePlace {
    pub(super) id: Uuid,
    pub(super) state: State,
    /// The number of its arrival; `None` if it was stored before.
    pub(super) arrival: Option<i64>,
    pub(super) scope: Option<i64>,
    pub(super) group: Option<Uuid>,
    pub(super) merged: i32,
    /// How many bytes a merge takes from it and from all that it carries.
    pub(super) bytes: i64,
    pub(super) debounce_since: Option<i64>,
    pub(super) run_at: i64,
    pub(super) superseded_by: Option<Uuid>,
    /// Why it is to be stopped.
    pub(super) stop: Option<CancelReason>,
    /// Whether it was stored before and is different now.
    pub(super) is_changed: bool,
}

impl QueuePlace {
    /// Ends the wait for newer ones, because none can replace it any more.
    fn end_debounce(&mut self, now: i64) {
        if self.debounce_since.take().is_some() && self.run_at > now {
            self.run_at = now;
            self.is_changed = true;
        }
    }

    /// Becomes superseded by a newer one, which takes over its group and its place.
    fn give_way(&mut self, newer: &mut Self, policy: &Policy, now: i64) {
        let group = self.group.unwrap_or(self.id);
        newer.group = Some(group);
        newer.merged = self.merged + 1;
        newer.bytes = newer.bytes.saturating_add(self.bytes);
        if policy.debounce.is_some() {
            newer.debounce_since = self.debounce_since.or(newer.debounce_since);
        } else {
            // Unless it waits for its retry.
            newer.run_at = self.run_at.min(now);
        }
        self.group = Some(group);
        self.state = State::Superseded;
        self.superseded_by = Some(newer.id);
        self.debounce_since = None;
        self.is_changed = true;
    }
}

/// The queue of a key.
#[derive(Debug, Default)]
pub(super) struct KeyTail {
    /// The deliveries since the last barrier, in order of arrival: all of one scope, and at most one of them runs.
    tail: Vec<QueuePlace>,
    /// The deliveries that no new one can replace.
    passed: Vec<QueuePlace>,
}

impl KeyTail {
    /// Adds a stored delivery of the tail, in order of arrival.
    pub(super) fn restore(&mut self, stored: QueuePlace) {
        self.tail.push(stored);
    }

    /// Adds a new delivery, whose body has this length. No merged body gets longer than `body_limit`.
    pub(super) fn add(
        &mut self,
        mut new: QueuePlace,
        policy: &Policy,
        now: i64,
        length: usize,
        body_limit: u64,
    ) {
        if new.scope.is_none() || self.tail.first().is_some_and(|older| older.scope != new.scope) {
            self.tail.iter_mut().for_each(|older| older.end_debounce(now));
            self.passed.append(&mut self.tail);
        }
        if new.scope.is_none() || !policy.supersedes() {
            self.tail.push(new);
            return;
        }
        if policy.debounce.is_some() {
            new.debounce_since = Some(now);
        }
        let newest = self.tail.iter().rposition(|older| older.state == State::Queued);
        if let Some(newest) = newest {
            let older = &mut self.tail[newest];
            let bytes = older.bytes.saturating_add(length as i64).unsigned_abs();
            if older.merged < MAX_MERGED.cast_signed() && bytes <= body_limit {
                older.give_way(&mut new, policy, now);
                self.passed.push(self.tail.remove(newest));
            }
        }
        if let Some((debounce, since)) = policy.debounce.zip(new.debounce_since) {
            let quiet = now.saturating_add(convert::microseconds(debounce.quiet));
            new.run_at = quiet.min(since.saturating_add(convert::microseconds(debounce.at_most)));
        }
        if policy.latest == Latest::Cancel {
            for running in self.tail.iter_mut().filter(|older| older.state == State::Running) {
                running.stop = Some(CancelReason::Newer);
                running.is_changed = true;
            }
        }
        self.tail.push(new);
    }

    /// Returns all deliveries.
    pub(super) fn into_places(self) -> impl Iterator<Item = QueuePlace> {
        self.passed.into_iter().chain(self.tail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATEST: Policy = Policy::DEFAULT.latest(Latest::Supersede);
    const DEBOUNCED: Policy = Policy::DEFAULT.debounce(10, 15);

    fn place(scope: Option<i64>, arrival: i64) -> QueuePlace {
        QueuePlace {
            id: Uuid::now_v7(),
            state: State::Queued,
            arrival: Some(arrival),
            scope,
            group: None,
            merged: 0,
            bytes: 10,
            debounce_since: None,
            run_at: arrival,
            superseded_by: None,
            stop: None,
            is_changed: false,
        }
    }

    /// Adds deliveries at these times with these scopes, and returns them in order of arrival.
    fn arranged(policy: &Policy, body_limit: u64, new: &[(i64, Option<i64>)]) -> Vec<QueuePlace> {
        let mut queue = KeyTail::default();
        for (time, scope) in new {
            queue.add(place(*scope, *time), policy, *time, 20, body_limit);
        }
        let mut all: Vec<_> = queue.into_places().collect();
        all.sort_by_key(|it| it.arrival);
        all
    }

    #[test]
    fn a_newer_one_takes_over_the_group_and_the_place_of_the_older_one() {
        let all = arranged(&LATEST, 1000, &[(1, Some(0)), (2, Some(0)), (3, Some(0))]);
        assert_eq!(all[0].superseded_by, Some(all[1].id));
        assert_eq!(all[1].superseded_by, Some(all[2].id));
        assert_eq!((all[2].state, all[2].merged, all[2].bytes), (State::Queued, 2, 30));
        assert!(all.iter().all(|it| it.group == Some(all[0].id)));
        assert_eq!(all[2].run_at, 1);
    }

    #[test]
    fn nothing_replaces_what_arrived_before_a_barrier() {
        for barrier in [None, Some(1)] {
            let all = arranged(&LATEST, 1000, &[(1, Some(0)), (2, barrier), (3, Some(0))]);
            assert!(all.iter().all(|it| it.state == State::Queued && it.group.is_none()));
        }
        let all = arranged(&Policy::DEFAULT, 1000, &[(1, Some(0)), (2, Some(0))]);
        assert!(all.iter().all(|it| it.state == State::Queued));
    }

    #[test]
    fn beyond_the_limit_of_a_body_a_new_group_begins() {
        let new = [(1, Some(0)), (2, Some(0)), (3, Some(0)), (4, Some(0))];
        let all = arranged(&LATEST, 40, &new);
        let merged: Vec<_> = all.iter().map(|it| (it.state, it.merged)).collect();
        let (queued, superseded) = (State::Queued, State::Superseded);
        // Two of 10 bytes and a body of 20 fit; three do not.
        assert_eq!(merged, [(superseded, 0), (superseded, 1), (queued, 2), (queued, 0)]);
    }

    #[test]
    fn a_debounced_one_waits_for_quiet_but_not_too_long() {
        let all = arranged(&DEBOUNCED, 1000, &[(1000, Some(0)), (2000, Some(0))]);
        assert_eq!((all[0].run_at, all[1].run_at), (11_000, 12_000));
        let all = arranged(&DEBOUNCED, 1000, &[(1000, Some(0)), (8000, Some(0))]);
        assert_eq!((all[1].run_at, all[1].debounce_since), (16_000, Some(1000)));
        // A barrier waits for nothing, and ends the wait.
        let all = arranged(&DEBOUNCED, 1000, &[(1000, Some(0)), (2000, None)]);
        assert_eq!((all[0].run_at, all[1].run_at), (2000, 2000));
    }

    #[test]
    fn a_running_one_is_stopped_only_on_request() {
        for (latest, stop) in
            [(Latest::Supersede, None), (Latest::Cancel, Some(CancelReason::Newer))]
        {
            let mut queue = KeyTail::default();
            let running = QueuePlace { state: State::Running, arrival: None, ..place(Some(0), 1) };
            queue.restore(running);
            queue.add(place(Some(0), 2), &Policy::DEFAULT.latest(latest), 2, 20, 1000);
            let all: Vec<_> = queue.into_places().collect();
            assert_eq!((all[0].state, all[0].stop), (State::Running, stop));
            assert_eq!(all[1].group, None);
        }
    }
}

//! Accepts deliveries, unless they are duplicates of stored ones.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use rusqlite::OptionalExtension;
use uuid::Uuid;

use super::dedup_index::DedupHash;
use super::keys::KeyQueue;
use super::writer::{Changes, Writer};
use crate::jobs::clock::{millis, to_millis};
use crate::jobs::delivery::{Accepted, NewDelivery};
use crate::jobs::state::State;

/// A stored delivery with the `Webhook-Id` of a new one.
struct ExistingDelivery {
    seq: i64,
    id: Uuid,
    state: State,
    accepted_at: i64,
}

impl Writer {
    pub(super) fn accept(
        &mut self,
        batch: &[NewDelivery],
        changes: &mut Changes,
    ) -> Result<Vec<Accepted>, rusqlite::Error> {
        let now = self.clock.now();
        self.bytes = self.bytes_in_use()?;
        self.notice_others(changes)?;
        let mut accepted = Vec::with_capacity(batch.len());
        let mut inserted = Vec::with_capacity(batch.len());
        // The ids of this batch, which a query would not find yet.
        let mut arrived: HashMap<(usize, &str), Uuid, RandomState> = HashMap::default();
        for new in batch {
            let hash = new.webhook_id.as_deref().map(|id| (id, self.hash_of(new.endpoint, id)));
            if let Some((id, hash)) = hash {
                if let Some(first) = arrived.get(&(new.endpoint, id)) {
                    accepted.push(Accepted::Duplicate(*first, State::Queued));
                    continue;
                }
                if let Some(stored) = self.find_duplicate(new.endpoint, id, hash, changes)? {
                    let window = millis(self.endpoints[new.endpoint].endpoint.policy.dedup_window);
                    let is_recent = now - stored.accepted_at < window && !new.force;
                    match stored.state {
                        State::Queued | State::Running => {
                            accepted.push(Accepted::Duplicate(stored.id, stored.state));
                            continue;
                        }
                        State::Superseded if self.is_carried(stored.seq)? => {
                            accepted.push(Accepted::Duplicate(stored.id, stored.state));
                            continue;
                        }
                        State::Done | State::Superseded | State::Cancelled if is_recent => {
                            accepted.push(Accepted::Duplicate(stored.id, stored.state));
                            continue;
                        }
                        State::Done | State::Superseded | State::Cancelled => {
                            changes.removed.push((hash, stored.seq));
                        }
                        State::Dead => {
                            if let Some(full) = self.limit_reached(changes) {
                                accepted.push(full);
                                continue;
                            }
                            self.revive(stored.seq, new, now)?;
                            changes.backlog += 1;
                            accepted.push(Accepted::Queued(stored.id));
                            continue;
                        }
                    }
                }
            }
            if let Some(full) = self.limit_reached(changes) {
                accepted.push(full);
                continue;
            }
            changes.rows += 1;
            changes.backlog += 1;
            self.bytes = self.bytes.saturating_add(new.body.len() as u64);
            let seq = self.newest + changes.rows;
            if let Some((id, hash)) = hash {
                changes.added.push((hash, seq));
                arrived.insert((new.endpoint, id), new.id);
            }
            match &new.key {
                // At once, because it may replace another one of this batch.
                Some(key) => self.insert_with_key(seq, new, key, now, changes)?,
                None => inserted.push((seq, new)),
            }
            accepted.push(Accepted::Queued(new.id));
        }
        self.insert(&inserted, now)?;
        Ok(accepted)
    }

    /// Returns the limit that has been reached, if any.
    fn limit_reached(&self, changes: &Changes) -> Option<Accepted> {
        if self.bytes >= self.limits.bytes {
            return Some(Accepted::StoreFull);
        }
        let backlog = self.backlog.saturating_add_signed(changes.backlog);
        (backlog >= self.limits.deliveries).then_some(Accepted::BacklogFull)
    }

    fn hash_of(&self, endpoint: usize, webhook_id: &str) -> DedupHash {
        self.dedup.hash(self.endpoints[endpoint].id, webhook_id)
    }

    /// Inserts deliveries with their row numbers.
    fn insert(&self, inserted: &[(i64, &NewDelivery)], now: i64) -> Result<(), rusqlite::Error> {
        let mut delivery = self.connection.prepare_cached(
            "INSERT INTO deliveries
             (seq, id, endpoint, webhook_id, event, repo, received_at, accepted_at, run_at, origin, trace)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9, ?10)",
        )?;
        let mut payload = self
            .connection
            .prepare_cached("INSERT INTO payloads (delivery, body) VALUES (?, ?)")?;
        for (seq, new) in inserted {
            let endpoint = self.endpoints[new.endpoint].id;
            let received_at = to_millis(new.received_at);
            delivery.execute((
                seq,
                new.id,
                endpoint,
                &new.webhook_id,
                &new.event,
                &new.repo,
                received_at,
                now,
                new.origin.code(),
                &new.trace,
            ))?;
            payload.execute((seq, &*new.body))?;
        }
        Ok(())
    }

    /// Returns the newest stored delivery of an endpoint with this id.
    fn find_duplicate(
        &mut self,
        endpoint: usize,
        webhook_id: &str,
        hash: DedupHash,
        changes: &Changes,
    ) -> Result<Option<ExistingDelivery>, rusqlite::Error> {
        let committed = self.dedup.find(hash, self.newest);
        // From earlier commands of the same transaction.
        let uncommitted =
            changes.added.iter().filter(|(other, _)| *other == hash).map(|(_, seq)| *seq);
        let mut rows: Vec<_> = committed.chain(uncommitted).collect();
        rows.sort_unstable();
        for seq in rows.into_iter().rev() {
            let stored = self
                .connection
                .prepare_cached(
                    "SELECT id, state, accepted_at FROM deliveries
                     WHERE seq = ? AND endpoint = ? AND webhook_id = ?",
                )?
                .query_row((seq, self.endpoints[endpoint].id, webhook_id), |row| {
                    let state = State::from_code(row.get(1)?).unwrap_or(State::Done);
                    Ok(ExistingDelivery { seq, id: row.get(0)?, state, accepted_at: row.get(2)? })
                })
                .optional()?;
            if stored.is_some() {
                return Ok(stored);
            }
        }
        Ok(None)
    }

    /// Queues a dead delivery as if it had arrived now, as a barrier of its key.
    fn revive(&self, seq: i64, new: &NewDelivery, now: i64) -> Result<(), rusqlite::Error> {
        let key = new.key.as_ref().map(|key| key.text.clone());
        self.execute(
            "UPDATE deliveries
             SET state = 0, attempt = 0, releases = 0, waits = 0, snoozes = 0, note = NULL, received_at = ?3,
                 accepted_at = ?2, run_at = ?2, ended_at = NULL, owner = NULL, event = ?4, repo = ?5, key = ?6,
                 merge_scope = NULL, trace = ?7
             WHERE seq = ?1",
            (seq, now, to_millis(new.received_at), &new.event, &new.repo, &key, &new.trace),
        )?;
        self.execute("UPDATE payloads SET body = ? WHERE delivery = ?", (&*new.body, seq))?;
        let queue = KeyQueue::of(self.endpoints[new.endpoint].id, key);
        queue.map_or(Ok(()), |queue| self.find_head(&queue))
    }

    /// Returns whether a superseded delivery is carried by one that has not ended.
    fn is_carried(&self, seq: i64) -> Result<bool, rusqlite::Error> {
        self.connection
            .prepare_cached(
                "SELECT 1 FROM deliveries AS it JOIN deliveries AS newer ON newer.merge_group = it.merge_group
                 WHERE it.seq = ? AND newer.state IN (0, 1)",
            )?
            .exists([seq])
    }

    /// Reads the ids of all deliveries that a new one may be a duplicate of.
    pub(super) fn load_dedup_index(&mut self) -> Result<(), rusqlite::Error> {
        let since = self.dedup_since();
        for query in [
            "SELECT seq, endpoint, webhook_id FROM deliveries WHERE state = 0 AND key IS NULL AND ?1 >= 0",
            "SELECT seq, endpoint, webhook_id FROM deliveries WHERE state = 0 AND key IS NOT NULL AND ?1 >= 0",
            "SELECT seq, endpoint, webhook_id FROM deliveries WHERE state = 1 AND ?1 >= 0",
            "SELECT seq, endpoint, webhook_id FROM deliveries WHERE state = 3 AND ?1 >= 0",
            "SELECT seq, endpoint, webhook_id FROM deliveries WHERE state = 2 AND ended_at >= ?1",
            "SELECT seq, endpoint, webhook_id FROM deliveries WHERE state = 5 AND ended_at >= ?1",
            // The deliveries that one of the others carries.
            "SELECT it.seq, it.endpoint, it.webhook_id
             FROM deliveries AS newer JOIN deliveries AS it ON it.merge_group = newer.merge_group
             WHERE newer.merge_group IS NOT NULL AND newer.state IN (0, 1, 2, 3, 5)
                 AND (newer.state = 3 OR coalesce(newer.ended_at, ?1) >= ?1) AND it.state = 4",
        ] {
            let mut statement = self.connection.prepare(query)?;
            let mut rows = statement.query([since])?;
            while let Some(row) = rows.next()? {
                if let Some(id) = row.get_ref(2)?.as_str_or_null()? {
                    let hash = self.dedup.hash(row.get(1)?, id);
                    self.dedup.insert(hash, row.get(0)?);
                }
            }
        }
        self.forgotten = [(since - 1, i64::MAX); 2];
        Ok(())
    }
}

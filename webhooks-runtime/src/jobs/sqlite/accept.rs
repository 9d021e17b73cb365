//! Keeps what arrives, unless it is a retry of what is there.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use rusqlite::OptionalExtension;
use uuid::Uuid;

use super::keys::Key;
use super::writer::{Changes, Writer};
use crate::jobs::clock::{millis, to_millis};
use crate::jobs::state::State;
use crate::jobs::store::{Accepted, New};

/// A delivery that is kept and has the key of one that arrives.
struct Twin {
    seq: i64,
    id: Uuid,
    state: State,
    accepted_at: i64,
}

impl Writer {
    pub(super) fn accept(
        &mut self,
        batch: &[New],
        changes: &mut Changes,
    ) -> Result<Vec<Accepted>, rusqlite::Error> {
        let now = self.clock.now();
        self.bytes = self.bytes_in_use()?;
        let mut accepted = Vec::with_capacity(batch.len());
        let mut fresh = Vec::with_capacity(batch.len());
        // Those of this batch, which no look into the file would find yet.
        let mut arrived: HashMap<(usize, &str), Uuid, RandomState> = HashMap::default();
        for new in batch {
            let key = new.webhook_id.as_deref().map(|id| (id, self.key_of(new.endpoint, id)));
            if let Some((id, key)) = key {
                if let Some(first) = arrived.get(&(new.endpoint, id)) {
                    accepted.push(Accepted::Known(*first, State::Queued));
                    continue;
                }
                if let Some(twin) = self.twin(new.endpoint, id, key, changes)? {
                    let window = millis(self.endpoints[new.endpoint].known.policy.dedup_window);
                    let is_just_done = now - twin.accepted_at < window && !new.insists;
                    match twin.state {
                        State::Queued | State::Running => {
                            accepted.push(Accepted::Known(twin.id, twin.state));
                            continue;
                        }
                        State::Done if is_just_done => {
                            accepted.push(Accepted::Known(twin.id, twin.state));
                            continue;
                        }
                        State::Done => changes.dropped_keys.push((key, twin.seq)),
                        State::Dead => {
                            if let Some(full) = self.full(changes) {
                                accepted.push(full);
                                continue;
                            }
                            self.revive(twin.seq, new, now)?;
                            changes.backlog += 1;
                            accepted.push(Accepted::Queued(twin.id));
                            continue;
                        }
                    }
                }
            }
            if let Some(full) = self.full(changes) {
                accepted.push(full);
                continue;
            }
            changes.rows += 1;
            changes.backlog += 1;
            self.bytes = self.bytes.saturating_add(new.body.len() as u64);
            let seq = self.newest + changes.rows;
            if let Some((id, key)) = key {
                changes.keys.push((key, seq));
                arrived.insert((new.endpoint, id), new.id);
            }
            fresh.push((seq, new));
            accepted.push(Accepted::Queued(new.id));
        }
        self.insert(&fresh, now)?;
        Ok(accepted)
    }

    /// Why nothing more is accepted, if so.
    fn full(&self, changes: &Changes) -> Option<Accepted> {
        if self.bytes >= self.limits.bytes {
            return Some(Accepted::StoreFull);
        }
        let backlog = self.backlog.saturating_add_signed(changes.backlog);
        (backlog >= self.limits.deliveries).then_some(Accepted::BacklogFull)
    }

    fn key_of(&self, endpoint: usize, webhook_id: &str) -> Key {
        self.keys.key(self.endpoints[endpoint].id, webhook_id)
    }

    /// Keeps deliveries, each with its row's number.
    fn insert(&self, fresh: &[(i64, &New)], now: i64) -> Result<(), rusqlite::Error> {
        let mut delivery = self.connection.prepare_cached(
            "INSERT INTO deliveries
             (seq, id, endpoint, webhook_id, event, repo, received_at, accepted_at, run_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)",
        )?;
        let mut payload = self
            .connection
            .prepare_cached("INSERT INTO payloads (delivery, body) VALUES (?, ?)")?;
        for (seq, new) in fresh {
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
            ))?;
            payload.execute((seq, &*new.body))?;
        }
        Ok(())
    }

    /// The newest delivery of an endpoint with this id.
    fn twin(
        &mut self,
        endpoint: usize,
        webhook_id: &str,
        key: Key,
        changes: &Changes,
    ) -> Result<Option<Twin>, rusqlite::Error> {
        let in_memory = self.keys.find(key, self.newest);
        // In the same transaction.
        let just_now = changes.keys.iter().filter(|(other, _)| *other == key).map(|(_, seq)| *seq);
        let mut rows: Vec<_> = in_memory.chain(just_now).collect();
        rows.sort_unstable();
        for seq in rows.into_iter().rev() {
            let twin = self
                .connection
                .prepare_cached(
                    "SELECT id, state, accepted_at FROM deliveries
                     WHERE seq = ? AND endpoint = ? AND webhook_id = ?",
                )?
                .query_row((seq, self.endpoints[endpoint].id, webhook_id), |row| {
                    let state = State::of_code(row.get(1)?).unwrap_or(State::Done);
                    Ok(Twin { seq, id: row.get(0)?, state, accepted_at: row.get(2)? })
                })
                .optional()?;
            if twin.is_some() {
                return Ok(twin);
            }
        }
        Ok(None)
    }

    /// Queues a dead delivery as it came now.
    fn revive(&self, seq: i64, new: &New, now: i64) -> Result<(), rusqlite::Error> {
        self.execute(
            "UPDATE deliveries
             SET state = 0, attempt = 0, releases = 0, received_at = ?3, accepted_at = ?2,
                 run_at = ?2, ended_at = NULL, owner = NULL, event = ?4, repo = ?5
             WHERE seq = ?1",
            (seq, now, to_millis(new.received_at), &new.event, &new.repo),
        )?;
        self.execute("UPDATE payloads SET body = ? WHERE delivery = ?", (&*new.body, seq))?;
        Ok(())
    }

    /// Reads the ids of all deliveries that one may be a retry of.
    pub(super) fn learn_keys(&mut self) -> Result<(), rusqlite::Error> {
        let since = self.known_since();
        for (state, since) in
            [(State::Queued, 0), (State::Running, 0), (State::Dead, 0), (State::Done, since)]
        {
            let query = match state {
                State::Queued => {
                    "SELECT seq, endpoint, webhook_id FROM deliveries WHERE state = 0 AND ?1 >= 0"
                }
                State::Running => {
                    "SELECT seq, endpoint, webhook_id FROM deliveries WHERE state = 1 AND ?1 >= 0"
                }
                State::Dead => {
                    "SELECT seq, endpoint, webhook_id FROM deliveries WHERE state = 3 AND ?1 >= 0"
                }
                State::Done => {
                    "SELECT seq, endpoint, webhook_id FROM deliveries WHERE state = 2 AND ended_at >= ?1"
                }
            };
            let mut statement = self.connection.prepare(query)?;
            let mut rows = statement.query([since])?;
            while let Some(row) = rows.next()? {
                if let Some(id) = row.get_ref(2)?.as_str_or_null()? {
                    let key = self.keys.key(row.get(1)?, id);
                    self.keys.insert(key, row.get(0)?);
                }
            }
        }
        self.forgotten = (since - 1, i64::MAX);
        Ok(())
    }
}

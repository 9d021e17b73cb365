//! Deletes deliveries: those whose retention has ended, and those that a person purges.

use std::time::Duration;

use rusqlite::Params;

use super::command::{CHUNK, PurgeStep};
use super::dedup_index::DedupHash;
use super::writer::{Changes, Writer};
use crate::jobs::clock::millis;
use crate::jobs::inspect::Purge;
use crate::jobs::state::State;
use crate::jobs::store::Retention;

/// A row that may be deleted.
struct DeletableRow {
    seq: i64,
    hash: Option<DedupHash>,
    ended_at: i64,
}

impl Writer {
    /// Deletes a chunk of the deliveries whose retention has ended.
    pub(super) fn purge_expired(
        &mut self,
        retention: Retention,
        changes: &mut Changes,
    ) -> Result<PurgeStep, rusqlite::Error> {
        let forgotten = self.forget_expired_ids(changes)?;
        let done = self.delete(State::Done, retention.done, changes)?;
        let dead = match retention.dead {
            Some(age) => self.delete(State::Dead, age, changes)?,
            None => 0,
        };
        let is_complete = [forgotten, done, dead].iter().all(|count| *count < CHUNK);
        Ok(PurgeStep { deleted: done + dead, is_complete })
    }

    /// Removes a chunk of ids from the index whose deduplication window has ended.
    fn forget_expired_ids(&mut self, changes: &mut Changes) -> Result<u64, rusqlite::Error> {
        let until = self.dedup_since();
        let rows = self.deletable_rows(
            "SELECT seq, endpoint, webhook_id, ended_at FROM deliveries
             WHERE state = 2 AND (ended_at, seq) > (?, ?) AND ended_at <= ?
             ORDER BY ended_at, seq LIMIT ?",
            (self.forgotten.0, self.forgotten.1, until, CHUNK.cast_signed()),
        )?;
        if let Some(last) = rows.last() {
            self.forgotten = (last.ended_at, last.seq);
        }
        changes.removed.extend(rows.iter().filter_map(|row| Some((row.hash?, row.seq))));
        Ok(rows.len() as u64)
    }

    fn deletable_rows(
        &self,
        query: &str,
        values: impl Params,
    ) -> Result<Vec<DeletableRow>, rusqlite::Error> {
        let mut statement = self.connection.prepare_cached(query)?;
        let rows = statement.query_map(values, |row| {
            let (endpoint, id) = (row.get(1)?, row.get_ref(2)?.as_str_or_null()?);
            Ok(DeletableRow {
                seq: row.get(0)?,
                hash: id.map(|id| self.dedup.hash(endpoint, id)),
                ended_at: row.get(3)?,
            })
        })?;
        rows.collect()
    }

    /// Deletes a chunk of the deliveries that a person purges.
    pub(super) fn purge(
        &mut self,
        purge: &Purge,
        changes: &mut Changes,
    ) -> Result<u64, rusqlite::Error> {
        // One query per state, so that each uses its own index. A queued delivery has no end, but its id must be
        // forgotten as well.
        let query = match purge.state {
            State::Queued => {
                "SELECT d.seq, d.endpoint, d.webhook_id, d.accepted_at FROM deliveries AS d
                     INDEXED BY queued JOIN endpoints AS e ON e.id = d.endpoint
                 WHERE d.state = 0 AND (?1 IS NULL OR e.path = ?1) AND d.accepted_at <= ?2 LIMIT ?3"
            }
            _ => {
                "SELECT d.seq, d.endpoint, d.webhook_id, d.ended_at FROM deliveries AS d
                     INDEXED BY dead JOIN endpoints AS e ON e.id = d.endpoint
                 WHERE d.state = 3 AND (?1 IS NULL OR e.path = ?1) AND d.ended_at <= ?2 LIMIT ?3"
            }
        };
        let until = self.clock.now().saturating_sub(millis(purge.older_than));
        let rows = self.deletable_rows(query, (&purge.endpoint, until, CHUNK.cast_signed()))?;
        self.delete_rows(&rows, changes)?;
        if purge.state == State::Queued {
            changes.backlog -= rows.len() as i64;
        }
        Ok(rows.len() as u64)
    }

    fn delete(
        &mut self,
        state: State,
        older_than: Duration,
        changes: &mut Changes,
    ) -> Result<u64, rusqlite::Error> {
        // The state is a literal, so that SQLite uses its partial index.
        let query = match state {
            State::Dead => {
                "SELECT seq, endpoint, webhook_id, ended_at FROM deliveries
                 WHERE state = 3 AND ended_at <= ? LIMIT ?"
            }
            _ => {
                "SELECT seq, endpoint, webhook_id, ended_at FROM deliveries
                 WHERE state = 2 AND ended_at <= ? LIMIT ?"
            }
        };
        let until = self.clock.now().saturating_sub(millis(older_than));
        let rows = self.deletable_rows(query, (until, CHUNK.cast_signed()))?;
        self.delete_rows(&rows, changes)?;
        Ok(rows.len() as u64)
    }

    fn delete_rows(
        &self,
        rows: &[DeletableRow],
        changes: &mut Changes,
    ) -> Result<(), rusqlite::Error> {
        for row in rows {
            for statement in [
                "DELETE FROM payloads WHERE delivery = ?",
                "DELETE FROM attempts WHERE delivery = ?",
                "DELETE FROM deliveries WHERE seq = ?",
            ] {
                self.execute(statement, [row.seq])?;
            }
            changes.removed.extend(row.hash.map(|hash| (hash, row.seq)));
        }
        Ok(())
    }
}

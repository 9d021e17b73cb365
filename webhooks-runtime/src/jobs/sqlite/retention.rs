//! Deletes deliveries: those whose retention has ended, and those that a person purges. Each takes its group with it.

use std::time::Duration;

use rusqlite::{Params, Row};

use super::command::{CHUNK, LINES, PurgeStep};
use super::dedup_index::DedupHash;
use super::keys::KeyQueue;
use super::writer::{Changes, Writer};
use crate::jobs::clock::millis;
use crate::jobs::inspect::Purge;
use crate::jobs::state::State;
use crate::jobs::store::Retention;

/// A row that may be deleted.
pub(super) struct DeletableRow {
    pub(super) seq: i64,
    pub(super) hash: Option<DedupHash>,
    ended_at: i64,
    group: Option<i64>,
    queue: Option<KeyQueue>,
}

/// How many log lines a command may still delete.
struct LineBudget(usize);

/// Builds a query of [`DeletableRow`]s.
macro_rules! deletable {
    ($clause:literal, $end:literal) => {
        concat!(
            "SELECT d.seq, d.endpoint, d.webhook_id, d.",
            $end,
            ", d.merge_group, d.key FROM deliveries AS d ",
            $clause
        )
    };
    ($clause:literal) => {
        deletable!($clause, "ended_at")
    };
}

impl Writer {
    /// Deletes a chunk of the deliveries whose retention has ended.
    pub(super) fn purge_expired(
        &mut self,
        retention: Retention,
        changes: &mut Changes,
    ) -> Result<PurgeStep, rusqlite::Error> {
        let forgotten = self.forget_expired_ids(changes)?;
        let lines = &mut LineBudget(LINES);
        let done = self.delete(State::Done, retention.done, lines, changes)?;
        let cancelled = self.delete(State::Cancelled, retention.done, lines, changes)?;
        let dead = match retention.dead {
            Some(age) => self.delete(State::Dead, age, lines, changes)?,
            None => 0,
        };
        let is_complete =
            lines.0 > 0 && forgotten.iter().chain(&[done, cancelled, dead]).all(|it| *it < CHUNK);
        Ok(PurgeStep { deleted: done + cancelled + dead, is_complete })
    }

    /// Removes chunks of ids from the index whose deduplication windows have ended. That of a superseded delivery has
    /// not, as long as another one carries it.
    fn forget_expired_ids(&mut self, changes: &mut Changes) -> Result<[u64; 2], rusqlite::Error> {
        let until = self.dedup_since();
        let mut counts = [0; 2];
        for (at, query) in [
            deletable!(
                "WHERE d.state = 2 AND (d.ended_at, d.seq) > (?, ?) AND d.ended_at <= ?
                 ORDER BY d.ended_at, d.seq LIMIT ?"
            ),
            deletable!(
                "WHERE d.state = 5 AND (d.ended_at, d.seq) > (?, ?) AND d.ended_at <= ?
                 ORDER BY d.ended_at, d.seq LIMIT ?"
            ),
        ]
        .into_iter()
        .enumerate()
        {
            let (ended_at, seq) = self.forgotten[at];
            let rows = self.deletable_rows(query, (ended_at, seq, until, CHUNK.cast_signed()))?;
            if let Some(last) = rows.last() {
                self.forgotten[at] = (last.ended_at, last.seq);
            }
            for row in &rows {
                changes.removed.extend(row.hash.map(|hash| (hash, row.seq)));
                for member in self.members(row.group, i64::MAX)? {
                    changes.removed.extend(member.hash.map(|hash| (hash, member.seq)));
                }
            }
            counts[at] = rows.len() as u64;
        }
        Ok(counts)
    }

    fn deletable_rows(
        &self,
        query: &str,
        values: impl Params,
    ) -> Result<Vec<DeletableRow>, rusqlite::Error> {
        let mut statement = self.connection.prepare_cached(query)?;
        let rows = statement.query_map(values, |row| self.deletable_row(row))?;
        rows.collect()
    }

    fn deletable_row(&self, row: &Row<'_>) -> Result<DeletableRow, rusqlite::Error> {
        let (endpoint, id) = (row.get(1)?, row.get_ref(2)?.as_str_or_null()?);
        Ok(DeletableRow {
            seq: row.get(0)?,
            hash: id.map(|id| self.dedup.hash(endpoint, id)),
            ended_at: row.get(3)?,
            group: row.get(4)?,
            queue: KeyQueue::of(endpoint, row.get(5)?),
        })
    }

    /// Returns superseded deliveries of a group.
    pub(super) fn members(
        &self,
        group: Option<i64>,
        limit: i64,
    ) -> Result<Vec<DeletableRow>, rusqlite::Error> {
        let Some(group) = group else {
            return Ok(Vec::new());
        };
        self.deletable_rows(
            deletable!("WHERE d.merge_group = ? AND d.state = 4 LIMIT ?"),
            (group, limit),
        )
    }

    /// Deletes a chunk of the deliveries that a person purges.
    pub(super) fn purge(
        &mut self,
        purge: &Purge,
        changes: &mut Changes,
    ) -> Result<PurgeStep, rusqlite::Error> {
        // One query per index. A queued delivery has no end, but its id must be forgotten as well.
        let queries = match purge.state {
            State::Queued => &[
                deletable!(
                    "INDEXED BY queued JOIN endpoints AS e ON e.id = d.endpoint
                     WHERE d.state = 0 AND d.key IS NULL AND (?1 IS NULL OR e.path = ?1) AND d.accepted_at <= ?2
                     LIMIT ?3",
                    "accepted_at"
                ),
                deletable!(
                    "INDEXED BY queued_keys JOIN endpoints AS e ON e.id = d.endpoint
                     WHERE d.state = 0 AND d.key IS NOT NULL AND (?1 IS NULL OR e.path = ?1) AND d.accepted_at <= ?2
                     LIMIT ?3",
                    "accepted_at"
                ),
            ][..],
            _ => &[deletable!(
                "INDEXED BY dead JOIN endpoints AS e ON e.id = d.endpoint
                 WHERE d.state = 3 AND (?1 IS NULL OR e.path = ?1) AND d.ended_at <= ?2 LIMIT ?3"
            )][..],
        };
        let until = self.clock.now().saturating_sub(millis(purge.older_than));
        let (mut deleted, mut lines) = (0, LineBudget(LINES));
        for query in queries {
            let limit = CHUNK.saturating_sub(deleted).cast_signed();
            let rows = self.deletable_rows(query, (&purge.endpoint, until, limit))?;
            let is_queued = purge.state == State::Queued;
            deleted += self.delete_rows(rows, is_queued, &mut lines, changes)?;
        }
        Ok(PurgeStep { deleted, is_complete: deleted < CHUNK && lines.0 > 0 })
    }

    fn delete(
        &mut self,
        state: State,
        older_than: Duration,
        lines: &mut LineBudget,
        changes: &mut Changes,
    ) -> Result<u64, rusqlite::Error> {
        // The state is a literal, so that SQLite uses its partial index.
        let query = match state {
            State::Dead => deletable!("WHERE d.state = 3 AND d.ended_at <= ? LIMIT ?"),
            State::Cancelled => deletable!("WHERE d.state = 5 AND d.ended_at <= ? LIMIT ?"),
            _ => deletable!("WHERE d.state = 2 AND d.ended_at <= ? LIMIT ?"),
        };
        let until = self.clock.now().saturating_sub(millis(older_than));
        let rows = self.deletable_rows(query, (until, CHUNK.cast_signed()))?;
        self.delete_rows(rows, false, lines, changes)
    }

    /// Deletes deliveries with their groups, at least a chunk of them all unless they have too many log lines. Returns the
    /// number of deleted ones.
    fn delete_rows(
        &self,
        rows: Vec<DeletableRow>,
        is_queued: bool,
        lines: &mut LineBudget,
        changes: &mut Changes,
    ) -> Result<u64, rusqlite::Error> {
        let (mut deleted, mut queues) = (0, Vec::new());
        'rows: for row in rows {
            if deleted >= CHUNK {
                break;
            }
            let members = self.members(row.group, CHUNK.cast_signed())?;
            for member in &members {
                if !self.delete_row(member, lines, changes)? {
                    break 'rows;
                }
                deleted += 1;
            }
            // The rest of a large group is in the next chunk, and then the delivery itself.
            if members.len() as u64 == CHUNK || !self.delete_row(&row, lines, changes)? {
                break;
            }
            deleted += 1;
            if is_queued {
                changes.backlog -= 1;
                queues.extend(row.queue);
            }
        }
        self.find_heads(queues)?;
        Ok(deleted)
    }

    /// Deletes a delivery after its log lines. Returns whether it had not too many of these.
    fn delete_row(
        &self,
        row: &DeletableRow,
        lines: &mut LineBudget,
        changes: &mut Changes,
    ) -> Result<bool, rusqlite::Error> {
        lines.0 -= self.execute(
            "DELETE FROM attempt_logs WHERE (delivery, fence, line) IN (
                 SELECT delivery, fence, line FROM attempt_logs WHERE delivery = ? LIMIT ?
             )",
            (row.seq, lines.0 as i64),
        )?;
        if lines.0 == 0 {
            return Ok(false);
        }
        for statement in [
            "DELETE FROM payloads WHERE delivery = ?",
            "DELETE FROM attempts WHERE delivery = ?",
            "DELETE FROM deliveries WHERE seq = ?",
        ] {
            self.execute(statement, [row.seq])?;
        }
        changes.removed.extend(row.hash.map(|hash| (hash, row.seq)));
        Ok(true)
    }
}

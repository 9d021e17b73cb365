//! Queues ended deliveries again on request, as barriers of their keys.

use rusqlite::{OptionalExtension, Params};
use uuid::Uuid;

use super::command::CHUNK;
use super::keys::KeyQueue;
use super::writer::{Changes, Writer};
use crate::jobs::state::State;

/// Builds the statement that queues deliveries, due since their last attempts started, or since they were accepted. Both
/// are times of the server's clock. That of a command, which may have ended them, is ahead of it after the machine has
/// slept.
macro_rules! queue_again {
    ($clause:literal) => {
        concat!(
            "UPDATE deliveries
             SET state = 0, attempt = 0, releases = 0, waits = 0, snoozes = 0, note = NULL,
                 run_at = coalesce(started_at, accepted_at), ended_at = NULL, merge_scope = NULL, superseded_by = NULL ",
            $clause,
            " RETURNING endpoint, key"
        )
    };
}

/// An ended delivery.
struct EndedDelivery {
    seq: i64,
    state: State,
    endpoint: i64,
    webhook_id: Option<String>,
    group: Option<i64>,
}

impl Writer {
    /// Queues a dead delivery.
    pub(super) fn retry(&self, id: Uuid, changes: &mut Changes) -> Result<u64, rusqlite::Error> {
        self.queue_again(queue_again!("WHERE state = 3 AND id = ?"), [id], changes)
    }

    /// Returns when the last dead delivery died.
    pub(super) fn last_dead_at(&self) -> Result<Option<i64>, rusqlite::Error> {
        self.connection.query_row(
            "SELECT max(ended_at) FROM deliveries WHERE state = 3",
            [],
            |row| row.get(0),
        )
    }

    /// Queues a chunk of the deliveries that had died by `until`.
    pub(super) fn retry_dead(
        &self,
        until: i64,
        changes: &mut Changes,
    ) -> Result<u64, rusqlite::Error> {
        self.queue_again(
            queue_again!(
                "WHERE seq IN (SELECT seq FROM deliveries WHERE state = 3 AND ended_at <= ? LIMIT ?)"
            ),
            (until, CHUNK.cast_signed()),
            changes,
        )
    }

    /// Queues any ended delivery. Returns whether it had ended.
    pub(super) fn rerun(&self, id: Uuid, changes: &mut Changes) -> Result<bool, rusqlite::Error> {
        let ended = self
            .connection
            .prepare_cached(
                "SELECT seq, state, endpoint, webhook_id, merge_group FROM deliveries
                 WHERE id = ? AND state NOT IN (0, 1)",
            )?
            .query_row([id], |row| {
                Ok(EndedDelivery {
                    seq: row.get(0)?,
                    state: State::from_code(row.get(1)?).unwrap_or(State::Dead),
                    endpoint: row.get(2)?,
                    webhook_id: row.get(3)?,
                    group: row.get(4)?,
                })
            })
            .optional()?;
        let Some(ended) = ended else {
            return Ok(false);
        };
        if ended.state == State::Superseded {
            self.leave_group(&ended)?;
        }
        self.queue_again(queue_again!("WHERE seq = ?"), [ended.seq], changes)?;
        let group = ended.group.filter(|_| ended.state != State::Superseded);
        let id = ended.webhook_id.as_deref();
        self.index_queued_again((ended.seq, ended.endpoint, id, group), self.newest, changes)?;
        Ok(true)
    }

    /// Removes a superseded delivery from its group, because it will run by itself.
    fn leave_group(&self, ended: &EndedDelivery) -> Result<(), rusqlite::Error> {
        self.execute(
            "UPDATE deliveries SET merged = merged - 1 WHERE merge_group = ? AND state IN (0, 1, 2, 3, 5)",
            [ended.group],
        )?;
        self.execute(
            "UPDATE deliveries SET merge_group = NULL, merged = 0, merge_bytes = 0 WHERE seq = ?",
            [ended.seq],
        )?;
        Ok(())
    }

    fn queue_again(
        &self,
        statement: &str,
        values: impl Params,
        changes: &mut Changes,
    ) -> Result<u64, rusqlite::Error> {
        let mut statement = self.connection.prepare_cached(statement)?;
        let queues = statement
            .query_map(values, |row| Ok(KeyQueue::of(row.get(0)?, row.get(1)?)))?
            .collect::<Result<Vec<_>, _>>()?;
        changes.backlog += queues.len() as i64;
        let queued = queues.len() as u64;
        self.find_heads(queues.into_iter().flatten())?;
        Ok(queued)
    }
}

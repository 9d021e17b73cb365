//! Keeps the queue of each key: which of its deliveries runs next.
//!
//! A claim looks at the heads only, so it takes no longer when many deliveries wait for one of their key.

use std::collections::BTreeSet;

use rusqlite::OptionalExtension;

use super::writer::Writer;

/// A key of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KeyQueue {
    /// The endpoint's id in the file.
    pub(super) endpoint: i64,
    pub(super) key: String,
}

impl KeyQueue {
    /// Returns the queue of a delivery; `None` when it has no key.
    pub(super) fn of(endpoint: i64, key: Option<String>) -> Option<Self> {
        key.map(|key| Self { endpoint, key })
    }
}

impl Writer {
    /// Finds the head of a key again, after a delivery of the key was queued, claimed, completed or deleted.
    pub(super) fn find_head(&self, queue: &KeyQueue) -> Result<(), rusqlite::Error> {
        let head: Option<(i64, i64)> = self
            .connection
            .prepare_cached(
                "SELECT seq, run_at FROM deliveries
                 WHERE endpoint = ?1 AND key = ?2 AND state = 0 AND NOT EXISTS (
                     SELECT 1 FROM deliveries WHERE endpoint = ?1 AND key = ?2 AND state = 1
                 )
                 ORDER BY run_at, seq LIMIT 1",
            )?
            .query_row((queue.endpoint, &queue.key), |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((delivery, run_at)) = head else {
            return self.remove_head(queue);
        };
        self.execute(
            "INSERT INTO key_heads (endpoint, key, delivery, run_at) VALUES (?, ?, ?, ?)
             ON CONFLICT DO UPDATE SET delivery = excluded.delivery, run_at = excluded.run_at",
            (queue.endpoint, &queue.key, delivery, run_at),
        )?;
        Ok(())
    }

    /// Finds the heads of several keys again.
    pub(super) fn find_heads(
        &self,
        queues: impl IntoIterator<Item = KeyQueue>,
    ) -> Result<(), rusqlite::Error> {
        let queues: BTreeSet<_> = queues.into_iter().collect();
        queues.iter().try_for_each(|queue| self.find_head(queue))
    }

    /// Removes the head of a key, because it runs now, or none is queued.
    pub(super) fn remove_head(&self, queue: &KeyQueue) -> Result<(), rusqlite::Error> {
        self.execute(
            "DELETE FROM key_heads WHERE endpoint = ? AND key = ?",
            (queue.endpoint, &queue.key),
        )?;
        Ok(())
    }

    /// Returns when the head of a key is due.
    pub(super) fn head_due(&self, queue: &KeyQueue) -> Result<Option<i64>, rusqlite::Error> {
        self.connection
            .prepare_cached("SELECT run_at FROM key_heads WHERE endpoint = ? AND key = ?")?
            .query_row((queue.endpoint, &queue.key), |row| row.get(0))
            .optional()
    }
}

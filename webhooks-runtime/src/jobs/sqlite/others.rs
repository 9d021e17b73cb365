//! Notices what other processes change in the file: programs that enqueue deliveries, and commands.

use super::keys::KeyQueue;
use super::writer::{Changes, Writer};

impl Writer {
    /// Notices the changes of others since the last commit.
    pub(super) fn notice_others(&self, changes: &mut Changes) -> Result<(), rusqlite::Error> {
        let version: i64 = self
            .connection
            .prepare_cached("PRAGMA data_version")?
            .query_row([], |row| row.get(0))?;
        if version == changes.data_version.unwrap_or(self.data_version) {
            return Ok(());
        }
        // Continues after the newest row, which one of them may have added.
        let newest: i64 = self
            .connection
            .prepare_cached("SELECT coalesce(max(seq), 0) FROM deliveries")?
            .query_row([], |row| row.get(0))?;
        changes.rows = changes.rows.max(newest - self.newest);
        self.index_rerun(newest, changes)?;
        if self.lock.is_some() {
            self.correct_times()?;
        }
        changes.data_version = Some(version);
        Ok(())
    }

    /// Corrects the times of deliveries that another process has enqueued by a clock that is ahead of this server's, and
    /// that would be due too late. When the machine has slept, this server's clock is behind by that time.
    fn correct_times(&self) -> Result<(), rusqlite::Error> {
        let queues: Vec<_> = self
            .connection
            .prepare_cached(
                "UPDATE deliveries
                 SET run_at = CASE
                         WHEN debounce_since IS NULL THEN min(run_at, ?2)
                         WHEN run_at < accepted_at THEN run_at
                         ELSE ?2 + run_at - accepted_at END,
                     debounce_since = min(debounce_since, ?2), accepted_at = ?2
                 WHERE seq > ?1 AND accepted_at > ?2
                 RETURNING endpoint, key",
            )?
            .query_map((self.newest, self.clock.now()), |row| {
                Ok(KeyQueue::of(row.get(0)?, row.get(1)?))
            })?
            .collect::<Result<_, _>>()?;
        self.find_heads(queues.into_iter().flatten())
    }

    /// Adds the ids of deliveries that a command has run again to the index, which had lost them when their
    /// deduplication windows ended. These deliveries are due since before they ended, as `queue_again` has it, so that
    /// few other ones have to be looked at.
    fn index_rerun(&self, newest: i64, changes: &mut Changes) -> Result<(), rusqlite::Error> {
        let until = self.forgotten[0].0.max(self.forgotten[1].0);
        for query in [
            "SELECT seq, endpoint, webhook_id, merge_group FROM deliveries
             WHERE endpoint = ?1 AND state = 0 AND key IS NULL AND run_at <= ?2",
            "SELECT seq, endpoint, webhook_id, merge_group FROM deliveries WHERE endpoint = ?1 AND state = 1 AND ?2 > 0",
            // Of each key, the first one is found, unless one of the key runs.
            "SELECT it.seq, it.endpoint, it.webhook_id, it.merge_group FROM key_heads AS head
             JOIN deliveries AS it ON it.endpoint = head.endpoint AND it.key = head.key AND it.run_at <= ?2
             WHERE head.endpoint = ?1 AND head.run_at <= ?2 AND it.state = 0 AND it.key IS NOT NULL",
            "SELECT it.seq, it.endpoint, it.webhook_id, it.merge_group FROM deliveries AS running
             JOIN deliveries AS it ON it.endpoint = running.endpoint AND it.key = running.key AND it.run_at <= ?2
             WHERE running.endpoint = ?1 AND running.state = 1 AND running.key IS NOT NULL
                 AND it.state = 0 AND it.key IS NOT NULL",
        ] {
            let mut statement = self.connection.prepare_cached(query)?;
            for endpoint in &self.endpoints {
                let mut rows = statement.query((endpoint.id, until))?;
                while let Some(row) = rows.next()? {
                    let id = row.get_ref(2)?.as_str_or_null()?;
                    let delivery = (row.get(0)?, row.get(1)?, id, row.get(3)?);
                    self.index_queued_again(delivery, newest, changes)?;
                }
            }
        }
        Ok(())
    }

    /// Adds the ids of a delivery that was queued again, and of those that it carries, to the index, which may have lost
    /// them when their deduplication windows ended.
    pub(super) fn index_queued_again(
        &self,
        (seq, endpoint, id, group): (i64, i64, Option<&str>, Option<i64>),
        newest: i64,
        changes: &mut Changes,
    ) -> Result<(), rusqlite::Error> {
        let own = id.map(|id| (self.dedup.hash(endpoint, id), seq));
        let carried = self.members(group, i64::MAX)?;
        let carried = carried.into_iter().filter_map(|it| Some((it.hash?, it.seq)));
        for entry in own.into_iter().chain(carried) {
            let is_known = self.dedup.find(entry.0, newest).any(|seq| seq == entry.1);
            if !is_known && !changes.added.contains(&entry) {
                changes.added.push(entry);
            }
        }
        Ok(())
    }
}

//! Queues dead deliveries again on request.

use uuid::Uuid;

use super::command::CHUNK;
use super::writer::{Changes, Writer};

impl Writer {
    /// Queues a dead delivery, due since it died. The clock of the process that has the file may be behind
    /// that of the command, so "now" could be in the future.
    pub(super) fn retry(
        &mut self,
        id: Uuid,
        changes: &mut Changes,
    ) -> Result<u64, rusqlite::Error> {
        let revived = self.execute(
            "UPDATE deliveries SET state = 0, attempt = 0, releases = 0, waits = 0, note = NULL,
                 run_at = min(?, ended_at), ended_at = NULL
             WHERE state = 3 AND id = ?",
            (self.clock.now(), id),
        )?;
        changes.backlog = changes.backlog.saturating_add_unsigned(revived as u64);
        Ok(revived as u64)
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
        &mut self,
        until: i64,
        changes: &mut Changes,
    ) -> Result<u64, rusqlite::Error> {
        let revived = self.execute(
            "UPDATE deliveries SET state = 0, attempt = 0, releases = 0, waits = 0, note = NULL,
                 run_at = min(?, ended_at), ended_at = NULL
             WHERE seq IN (SELECT seq FROM deliveries WHERE state = 3 AND ended_at <= ? LIMIT ?)",
            (self.clock.now(), until, CHUNK.cast_signed()),
        )?;
        changes.backlog = changes.backlog.saturating_add_unsigned(revived as u64);
        Ok(revived as u64)
    }
}

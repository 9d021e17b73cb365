//! Cancels deliveries on request, and pauses endpoints.

use rusqlite::OptionalExtension;
use uuid::Uuid;

use super::command::CHUNK;
use super::keys::KeyQueue;
use super::writer::{Changes, Writer};
use crate::jobs::delivery::{ClaimId, ReplicaId};
use crate::jobs::inspect::CancelReport;
use crate::jobs::state::{CANCELLED, CancelReason, State};

impl Writer {
    /// Cancels a queued delivery, or requests that a running one is stopped.
    pub(super) fn cancel(
        &self,
        id: Uuid,
        changes: &mut Changes,
    ) -> Result<CancelReport, rusqlite::Error> {
        let found: Option<(i64, i16)> = self
            .connection
            .prepare_cached("SELECT seq, state FROM deliveries WHERE id = ?")?
            .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let mut report = CancelReport::default();
        match found.map(|(seq, state)| (seq, State::from_code(state))) {
            Some((seq, Some(State::Queued))) => {
                report.cancelled = self.cancel_queued([seq], changes)?;
            }
            Some((seq, Some(State::Running))) => self.stop([seq], &mut report)?,
            _ => {}
        }
        Ok(report)
    }

    /// Cancels a chunk of the queued deliveries of an endpoint, up to a row, and with the last chunk requests that the
    /// running ones are stopped: none can be claimed or fail in between.
    pub(super) fn cancel_endpoint(
        &self,
        path: &str,
        until: i64,
        changes: &mut Changes,
    ) -> Result<CancelReport, rusqlite::Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT seq FROM deliveries
             WHERE endpoint = (SELECT id FROM endpoints WHERE path = ?1) AND state = 0 AND key IS NULL AND seq <= ?2
             UNION ALL
             SELECT seq FROM deliveries
             WHERE endpoint = (SELECT id FROM endpoints WHERE path = ?1) AND state = 0 AND key IS NOT NULL
                 AND seq <= ?2
             LIMIT ?3",
        )?;
        let queued = statement.query_map((path, until, CHUNK.cast_signed()), |row| row.get(0))?;
        let queued: Vec<i64> = queued.collect::<Result<_, _>>()?;
        let cancelled = self.cancel_queued(queued, changes)?;
        let mut report = CancelReport { cancelled, ..CancelReport::default() };
        if cancelled < CHUNK {
            let mut statement = self.connection.prepare_cached(
                "SELECT seq FROM deliveries
                 WHERE endpoint = (SELECT id FROM endpoints WHERE path = ?) AND state = 1",
            )?;
            let running = statement.query_map([path], |row| row.get(0))?;
            self.stop(running.collect::<Result<Vec<i64>, _>>()?, &mut report)?;
        }
        Ok(report)
    }

    fn cancel_queued(
        &self,
        rows: impl IntoIterator<Item = i64>,
        changes: &mut Changes,
    ) -> Result<u64, rusqlite::Error> {
        let now = self.clock.now();
        let mut statement = self.connection.prepare_cached(
            "UPDATE deliveries SET state = 5, ended_at = ?2, note = ?3, debounce_since = NULL
             WHERE seq = ?1 RETURNING endpoint, key",
        )?;
        let (mut cancelled, mut queues) = (0, Vec::new());
        for seq in rows {
            let queue = statement.query_row((seq, now, CANCELLED), |row| {
                Ok(KeyQueue::of(row.get(0)?, row.get(1)?))
            })?;
            queues.extend(queue);
            cancelled += 1;
        }
        changes.backlog -= cancelled;
        self.find_heads(queues)?;
        Ok(cancelled.unsigned_abs())
    }

    /// Requests to stop running deliveries.
    fn stop(
        &self,
        rows: impl IntoIterator<Item = i64>,
        report: &mut CancelReport,
    ) -> Result<(), rusqlite::Error> {
        for seq in rows {
            let (id, fencing_token, stoppable) = self
                .connection
                .prepare_cached(
                    "SELECT d.id, d.fence, e.stoppable FROM deliveries AS d
                         JOIN endpoints AS e ON e.id = d.endpoint
                     WHERE d.seq = ?",
                )?
                .query_row([seq], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            if stoppable {
                self.execute(
                    "UPDATE deliveries SET cancel_requested = ? WHERE seq = ?",
                    (CancelReason::Person.code(), seq),
                )?;
                report.stopping.push((id, fencing_token));
            } else {
                report.refused.push(id);
            }
        }
        Ok(())
    }

    /// Returns the claims of a replica whose attempts are to be stopped.
    pub(super) fn cancelling(&self, replica: ReplicaId) -> Result<Vec<ClaimId>, rusqlite::Error> {
        self.connection
            .prepare_cached(
                "SELECT id, fence FROM deliveries WHERE owner = ? AND cancel_requested > 0 AND state = 1",
            )?
            .query_map([replica], |row| row.try_into())?
            .collect()
    }

    /// Pauses an endpoint, or resumes it. Returns whether the file has the endpoint.
    pub(super) fn pause(&self, path: &str, pause: bool) -> Result<bool, rusqlite::Error> {
        let paused_at = pause.then(|| self.clock.now());
        let changed = self.execute(
            "UPDATE endpoints SET paused_at = CASE WHEN ?2 IS NULL THEN NULL ELSE coalesce(paused_at, ?2) END
             WHERE path = ?1",
            (path, paused_at),
        )?;
        Ok(changed == 1)
    }
}

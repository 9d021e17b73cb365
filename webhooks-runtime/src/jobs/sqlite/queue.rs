//! Looks at what is queued: its number, its age, and its endpoints.

use std::time::Duration;

use super::writer::{Changes, Writer};
#[cfg(test)]
use crate::jobs::clock::millis;

impl Writer {
    /// Counts the queued and running deliveries as of before this transaction's own `changes`. Other
    /// processes change them too, when a person retries or purges.
    pub(super) fn count_backlog(&mut self, changes: &Changes) -> Result<(), rusqlite::Error> {
        let (backlog, newest): (i64, i64) = self.connection.query_row(
            "SELECT (SELECT count(*) FROM deliveries WHERE state = 0 AND key IS NULL)
                  + (SELECT count(*) FROM deliveries WHERE state = 0 AND key IS NOT NULL)
                  + (SELECT count(*) FROM deliveries WHERE state = 1),
                    (SELECT coalesce(max(seq), 0) FROM deliveries)",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        self.backlog = (backlog - changes.backlog).unsigned_abs();
        self.newest = self.newest.max(newest - changes.rows);
        Ok(())
    }

    /// Returns the paths of endpoints that have queued deliveries and that this program does not have.
    pub(super) fn orphaned_endpoints(&self) -> Result<Vec<String>, rusqlite::Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, path FROM endpoints AS e WHERE EXISTS (
                 SELECT 1 FROM deliveries WHERE endpoint = e.id AND state = 0 AND key IS NULL
             ) OR EXISTS (
                 SELECT 1 FROM deliveries WHERE endpoint = e.id AND state = 0 AND key IS NOT NULL
             ) ORDER BY path",
        )?;
        let mut rows = statement.query([])?;
        let mut orphaned = Vec::new();
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            if self.endpoints.iter().all(|row| row.id != id) {
                orphaned.push(row.get(1)?);
            }
        }
        Ok(orphaned)
    }

    /// Returns for how long the longest due delivery has been waiting for a slot. One that waits for another of its
    /// key, or whose endpoint is paused, does not.
    pub(super) fn oldest_due(&self) -> Result<Option<Duration>, rusqlite::Error> {
        let now = self.clock.now();
        let mut statement = self.connection.prepare_cached(
            "SELECT min(run_at) FROM (
                 SELECT min(run_at) AS run_at FROM deliveries WHERE endpoint = ?1 AND state = 0 AND key IS NULL
                 UNION ALL SELECT min(run_at) FROM key_heads WHERE endpoint = ?1
             ) WHERE (SELECT paused_at IS NULL FROM endpoints WHERE id = ?1)",
        )?;
        let mut first: Option<i64> = None;
        for endpoint in &self.endpoints {
            let run_at: Option<i64> = statement.query_row([endpoint.id], |row| row.get(0))?;
            first = first.into_iter().chain(run_at).min();
        }
        let age = first.and_then(|first| u64::try_from(now - first).ok());
        Ok(age.map(Duration::from_millis))
    }

    #[cfg(test)]
    pub(super) fn advance_clock(&mut self, time: Duration) -> Result<(), rusqlite::Error> {
        let time = millis(time);
        for statement in [
            "UPDATE deliveries SET accepted_at = accepted_at - ?1, run_at = run_at - ?1,
                 started_at = started_at - ?1, ended_at = ended_at - ?1, debounce_since = debounce_since - ?1",
            "UPDATE key_heads SET run_at = run_at - ?1",
            "UPDATE endpoints SET paused_at = paused_at - ?1",
            "UPDATE owners SET lease_until = lease_until - ?1",
            "UPDATE shared_values SET expires_at = expires_at - ?1",
            "UPDATE shared_leases SET lease_until = lease_until - ?1",
        ] {
            self.execute(statement, [time])?;
        }
        self.forgotten.iter_mut().for_each(|(ended_at, _)| *ended_at -= time);
        Ok(())
    }
}

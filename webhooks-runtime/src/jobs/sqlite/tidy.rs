//! What is decided about deliveries that nobody runs: kept long enough, or to be run once more.

use std::time::Duration;

use rusqlite::Params;
use uuid::Uuid;

use super::keys::Key;
use super::writer::{Changes, Writer};
use crate::jobs::clock::millis;
use crate::jobs::state::State;
use crate::jobs::store::{Purge, Retention};

/// How many deliveries are deleted in one transaction, at the most.
pub(super) const AT_ONCE: u64 = 1000;

/// What a step of sweeping did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Swept {
    pub(super) deleted: u64,
    /// Whether nothing is left to do.
    pub(super) is_all: bool,
}

/// A finished delivery.
struct Named {
    seq: i64,
    key: Option<Key>,
    ended_at: i64,
}

impl Writer {
    /// Deletes some that were kept long enough.
    pub(super) fn sweep(
        &mut self,
        retention: Retention,
        changes: &mut Changes,
    ) -> Result<Swept, rusqlite::Error> {
        let forgotten = self.forget_keys(changes)?;
        let done = self.delete(State::Done, retention.done, changes)?;
        let dead = match retention.dead {
            Some(age) => self.delete(State::Dead, age, changes)?,
            None => 0,
        };
        let is_all = [forgotten, done, dead].iter().all(|count| *count < AT_ONCE);
        Ok(Swept { deleted: done + dead, is_all })
    }

    /// Forgets the ids of what was done so long ago that nothing is a retry of it.
    fn forget_keys(&mut self, changes: &mut Changes) -> Result<u64, rusqlite::Error> {
        let until = self.known_since();
        let rows = self.named(
            "SELECT seq, endpoint, webhook_id, ended_at FROM deliveries
             WHERE state = 2 AND (ended_at, seq) > (?, ?) AND ended_at <= ?
             ORDER BY ended_at, seq LIMIT ?",
            (self.forgotten.0, self.forgotten.1, until, AT_ONCE.cast_signed()),
        )?;
        if let Some(last) = rows.last() {
            self.forgotten = (last.ended_at, last.seq);
        }
        changes.dropped_keys.extend(rows.iter().filter_map(|row| Some((row.key?, row.seq))));
        Ok(rows.len() as u64)
    }

    /// Finished deliveries, by what they are known by.
    fn named(&self, query: &str, values: impl Params) -> Result<Vec<Named>, rusqlite::Error> {
        let mut statement = self.connection.prepare_cached(query)?;
        let rows = statement.query_map(values, |row| {
            let (endpoint, id) = (row.get(1)?, row.get_ref(2)?.as_str_or_null()?);
            Ok(Named {
                seq: row.get(0)?,
                key: id.map(|id| self.keys.key(endpoint, id)),
                ended_at: row.get(3)?,
            })
        })?;
        rows.collect()
    }

    /// Deletes some of the deliveries that a person wants deleted.
    pub(super) fn purge(
        &mut self,
        purge: &Purge,
        changes: &mut Changes,
    ) -> Result<u64, rusqlite::Error> {
        // Of each state by its own index. A queued one has no end: its key is forgotten all the same.
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
        let rows = self.named(query, (&purge.endpoint, until, AT_ONCE.cast_signed()))?;
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
        // The state is written out, so that its index serves.
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
        let rows = self.named(query, (until, AT_ONCE.cast_signed()))?;
        self.delete_rows(&rows, changes)?;
        Ok(rows.len() as u64)
    }

    fn delete_rows(&self, rows: &[Named], changes: &mut Changes) -> Result<(), rusqlite::Error> {
        for row in rows {
            for statement in [
                "DELETE FROM payloads WHERE delivery = ?",
                "DELETE FROM attempts WHERE delivery = ?",
                "DELETE FROM deliveries WHERE seq = ?",
            ] {
                self.execute(statement, [row.seq])?;
            }
            changes.dropped_keys.extend(row.key.map(|key| (key, row.seq)));
        }
        Ok(())
    }

    /// How many bytes of the file are in use, by deliveries in whatever state.
    pub(super) fn bytes_in_use(&self) -> Result<u64, rusqlite::Error> {
        let (pages, unused) = self.pages()?;
        Ok((pages - unused) * self.number("PRAGMA page_size")?)
    }

    /// How many pages the file has, and how many of them are unused.
    fn pages(&self) -> Result<(u64, u64), rusqlite::Error> {
        let pages = self.number("PRAGMA page_count")?;
        Ok((pages, self.number("PRAGMA freelist_count")?.min(pages)))
    }

    fn number(&self, pragma: &str) -> Result<u64, rusqlite::Error> {
        let mut statement = self.connection.prepare_cached(pragma)?;
        statement.query_row([], |row| row.get(0)).map(i64::unsigned_abs)
    }

    /// Gives some of the file's unused pages back to the disk, and returns how many. A quarter of the file
    /// stays, for what arrives next. Files that were created before version 2 keep all.
    pub(super) fn give_back(&self) -> Result<u64, rusqlite::Error> {
        let (pages, unused) = self.pages()?;
        if unused <= pages / 4 {
            return Ok(0);
        }
        let mut vacuum = self.connection.prepare_cached("PRAGMA incremental_vacuum(1000)")?;
        let mut freed = vacuum.query([])?;
        let mut count = 0;
        while freed.next()?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    /// Queues a dead delivery. It is due at once by the clock of the process that has the file, too, which
    /// may be behind that of the one that a person has started.
    pub(super) fn retry(
        &mut self,
        id: Uuid,
        changes: &mut Changes,
    ) -> Result<u64, rusqlite::Error> {
        let revived = self.execute(
            "UPDATE deliveries SET state = 0, attempt = 0, releases = 0, run_at = min(?, ended_at), ended_at = NULL
             WHERE state = 3 AND id = ?",
            (self.clock.now(), id),
        )?;
        changes.backlog = changes.backlog.saturating_add_unsigned(revived as u64);
        Ok(revived as u64)
    }

    /// When the last of the dead deliveries died.
    pub(super) fn last_death(&self) -> Result<Option<i64>, rusqlite::Error> {
        self.connection.query_row(
            "SELECT max(ended_at) FROM deliveries WHERE state = 3",
            [],
            |row| row.get(0),
        )
    }

    /// Queues some dead deliveries of those that had died by then.
    pub(super) fn retry_dead(
        &mut self,
        until: i64,
        changes: &mut Changes,
    ) -> Result<u64, rusqlite::Error> {
        let revived = self.execute(
            "UPDATE deliveries SET state = 0, attempt = 0, releases = 0, run_at = min(?, ended_at), ended_at = NULL
             WHERE seq IN (SELECT seq FROM deliveries WHERE state = 3 AND ended_at <= ? LIMIT ?)",
            (self.clock.now(), until, AT_ONCE.cast_signed()),
        )?;
        changes.backlog = changes.backlog.saturating_add_unsigned(revived as u64);
        Ok(revived as u64)
    }

    pub(super) fn strangers(&self) -> Result<Vec<String>, rusqlite::Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, path FROM endpoints AS e WHERE EXISTS (
                 SELECT 1 FROM deliveries WHERE endpoint = e.id AND state = 0
             ) ORDER BY path",
        )?;
        let mut rows = statement.query([])?;
        let mut strangers = Vec::new();
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            if self.endpoints.iter().all(|known| known.id != id) {
                strangers.push(row.get(1)?);
            }
        }
        Ok(strangers)
    }

    pub(super) fn oldest_due(&self) -> Result<Option<Duration>, rusqlite::Error> {
        let now = self.clock.now();
        let mut statement = self.connection.prepare_cached(
            "SELECT min(run_at) FROM deliveries WHERE endpoint = ? AND state = 0",
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
    pub(super) fn pass(&mut self, time: Duration) -> Result<(), rusqlite::Error> {
        let time = millis(time);
        for statement in [
            "UPDATE deliveries SET accepted_at = accepted_at - ?1, run_at = run_at - ?1,
                 started_at = started_at - ?1, ended_at = ended_at - ?1",
            "UPDATE owners SET lease_until = lease_until - ?1",
        ] {
            self.execute(statement, [time])?;
        }
        self.forgotten.0 -= time;
        Ok(())
    }
}

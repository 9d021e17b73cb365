//! Stores small values that outlive the process, with their leases.

use std::time::Duration;

use futures_util::FutureExt;
use rusqlite::OptionalExtension;
use uuid::Uuid;

use super::SqliteStore;
use super::command::WriterCommand;
use super::writer::Writer;
use crate::jobs::clock::millis;
use crate::jobs::error::StoreError;
use crate::state::{SharedState, StateError, StateFuture};
use crate::text::ending;

impl Writer {
    /// Returns a value that has not expired.
    pub(super) fn value(&self, key: &str) -> Result<Option<String>, rusqlite::Error> {
        self.connection
            .prepare_cached(
                "SELECT value FROM shared_values
                 WHERE key = ? AND (expires_at IS NULL OR expires_at > ?)",
            )?
            .query_row((key, self.clock.now()), |row| row.get(0))
            .optional()
    }

    /// Sets a value, and deletes those that have expired.
    pub(super) fn set_value(
        &self,
        key: &str,
        value: &str,
        ttl: Option<Duration>,
    ) -> Result<(), rusqlite::Error> {
        let now = self.clock.now();
        self.execute(
            "DELETE FROM shared_values WHERE expires_at IS NOT NULL AND expires_at <= ?",
            [now],
        )?;
        self.execute(
            "INSERT INTO shared_values (key, value, expires_at) VALUES (?, ?, ?)
             ON CONFLICT DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at",
            (key, value, ttl.map(|ttl| now.saturating_add(millis(ttl)))),
        )?;
        Ok(())
    }

    /// Appends to a value, keeps its last characters, and deletes the values that have expired.
    pub(super) fn append_value(
        &self,
        key: &str,
        text: &str,
        most: usize,
        ttl: Duration,
    ) -> Result<(), rusqlite::Error> {
        let whole = self.value(key)?.unwrap_or_default() + text;
        self.set_value(key, ending(&whole, most), Some(ttl))
    }

    /// Deletes a value.
    pub(super) fn remove_value(&self, key: &str) -> Result<(), rusqlite::Error> {
        self.execute("DELETE FROM shared_values WHERE key = ?", [key]).map(drop)
    }

    /// Takes or renews a lease. Returns whether the holder has it.
    pub(super) fn take_lease(
        &self,
        name: &str,
        holder: Uuid,
        duration: Duration,
    ) -> Result<bool, rusqlite::Error> {
        let now = self.clock.now();
        let taken = self.execute(
            "INSERT INTO shared_leases (name, holder, lease_until) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET holder = ?2, lease_until = ?3
             WHERE holder = ?2 OR lease_until <= ?4",
            (name, holder, now.saturating_add(millis(duration)), now),
        )?;
        Ok(taken == 1)
    }

    /// Ends a lease, if this is its holder.
    pub(super) fn release_lease(&self, name: &str, holder: Uuid) -> Result<(), rusqlite::Error> {
        self.execute("DELETE FROM shared_leases WHERE name = ? AND holder = ?", (name, holder))
            .map(drop)
    }
}

// Reads go to the writer, too: its clock decides what has expired.
impl SharedState for SqliteStore {
    fn get<'a>(&'a self, key: &'a str) -> StateFuture<'a, Option<String>> {
        let key = key.to_owned();
        self.send(|reply| WriterCommand::Value(key, reply)).map(stored).boxed()
    }

    fn set<'a>(
        &'a self,
        key: &'a str,
        value: &'a str,
        ttl: Option<Duration>,
    ) -> StateFuture<'a, ()> {
        let (key, value) = (key.to_owned(), value.to_owned());
        self.send(move |reply| WriterCommand::SetValue(key, value, ttl, reply)).map(stored).boxed()
    }

    fn append<'a>(
        &'a self,
        key: &'a str,
        text: &'a str,
        most: usize,
        ttl: Duration,
    ) -> StateFuture<'a, ()> {
        let (key, text) = (key.to_owned(), text.to_owned());
        self.send(move |reply| WriterCommand::AppendValue(key, text, most, ttl, reply))
            .map(stored)
            .boxed()
    }

    fn remove<'a>(&'a self, key: &'a str) -> StateFuture<'a, ()> {
        let key = key.to_owned();
        self.send(|reply| WriterCommand::RemoveValue(key, reply)).map(stored).boxed()
    }

    fn lease<'a>(
        &'a self,
        name: &'a str,
        holder: Uuid,
        duration: Duration,
    ) -> StateFuture<'a, bool> {
        let name = name.to_owned();
        self.send(move |reply| WriterCommand::TakeLease(name, holder, duration, reply))
            .map(stored)
            .boxed()
    }

    fn release<'a>(&'a self, name: &'a str, holder: Uuid) -> StateFuture<'a, ()> {
        let name = name.to_owned();
        self.send(move |reply| WriterCommand::ReleaseLease(name, holder, reply)).map(stored).boxed()
    }
}

fn stored<T>(result: Result<T, StoreError>) -> Result<T, StateError> {
    Ok(result?)
}

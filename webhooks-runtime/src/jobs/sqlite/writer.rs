//! The one connection that writes, and what it knows about the file.

use std::fs::File;

use rusqlite::{Connection, OptionalExtension, Params};

use super::dedup_index::{DedupHash, DedupIndex};
use super::watch::FileWatch;
use crate::jobs::clock::{Clock, millis};
use crate::jobs::error::StoreError;
use crate::jobs::store::{Access, EndpointPolicy, StoreLimits, longest_window};

/// The writing connection and its state in memory.
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) clock: Clock,
    pub(super) endpoints: Vec<EndpointRow>,
    pub(super) dedup: DedupIndex,
    pub(super) limits: StoreLimits,
    /// How many bytes of the file are in use, during an accept.
    pub(super) bytes: u64,
    /// How many deliveries are queued or running, as of the last commit.
    pub(super) backlog: u64,
    /// The highest row number.
    pub(super) newest: i64,
    /// The version of the file, which the commits of other connections change.
    pub(super) data_version: i64,
    /// Up to where ids of done and of cancelled deliveries were removed from `dedup`: the end of the delivery and its row.
    pub(super) forgotten: [(i64, i64); 2],
    /// Whether the last transaction failed. Commands are then done one by one, so that one that fails does
    /// not fail the others.
    pub(super) one_by_one: bool,
    pub(super) watch: Option<FileWatch>,
    /// The lock of a server, which holds it for as long as this lives.
    pub(super) lock: Option<File>,
}

/// An endpoint and its id in the file.
pub(super) struct EndpointRow {
    pub(super) id: i64,
    pub(super) endpoint: EndpointPolicy,
}

/// The changes of a transaction to the state in memory, which apply when it is committed.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) added: Vec<(DedupHash, i64)>,
    pub(super) removed: Vec<(DedupHash, i64)>,
    pub(super) rows: i64,
    pub(super) data_version: Option<i64>,
    pub(super) backlog: i64,
}

impl Writer {
    /// Takes over a connection. With [`Access::Serve`], adds the endpoints to the file and reads its state.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnknownEndpoint`] when the file lacks an endpoint of another process.
    pub(super) fn new(
        connection: Connection,
        (lock, watch): (Option<File>, Option<FileWatch>),
        endpoints: Vec<EndpointPolicy>,
        limits: impl Into<StoreLimits>,
        access: Access,
    ) -> Result<Self, StoreError> {
        let mut writer = Self {
            connection,
            clock: Clock::new(),
            endpoints: Vec::with_capacity(endpoints.len()),
            dedup: DedupIndex::new(),
            limits: limits.into(),
            bytes: 0,
            backlog: 0,
            newest: 0,
            data_version: 0,
            forgotten: [(0, 0); 2],
            one_by_one: false,
            watch,
            lock,
        };
        for endpoint in endpoints {
            if access == Access::Serve {
                writer.add_endpoint(&endpoint)?;
            }
            let Some(id) = writer.endpoint_id(&endpoint.path)? else {
                return Err(StoreError::UnknownEndpoint { path: endpoint.path });
            };
            writer.endpoints.push(EndpointRow { id, endpoint });
        }
        match access {
            Access::Serve => writer.load_state()?,
            Access::Modify | Access::Read if writer.endpoints.is_empty() => {}
            // For the limit of what it accepts.
            Access::Modify | Access::Read => writer.count_backlog(&Changes::default())?,
        }
        Ok(writer)
    }

    /// Executes a statement and returns the number of changed rows.
    pub(super) fn execute(
        &self,
        statement: &str,
        values: impl Params,
    ) -> Result<usize, rusqlite::Error> {
        self.connection.prepare_cached(statement)?.execute(values)
    }

    fn add_endpoint(&self, endpoint: &EndpointPolicy) -> Result<(), rusqlite::Error> {
        let path = &endpoint.path;
        self.execute("INSERT INTO endpoints (path) VALUES (?) ON CONFLICT DO NOTHING", [path])?;
        self.execute(
            "UPDATE endpoints SET stoppable = ?2 WHERE path = ?1 AND stoppable <> ?2",
            (path, endpoint.policy.stoppable),
        )?;
        Ok(())
    }

    fn endpoint_id(&self, path: &str) -> Result<Option<i64>, rusqlite::Error> {
        self.connection
            .query_row("SELECT id FROM endpoints WHERE path = ?", [path], |row| row.get(0))
            .optional()
    }

    /// Reads the state of the file. Any former replica is gone, because this process has the lock.
    fn load_state(&mut self) -> Result<(), StoreError> {
        self.execute("UPDATE owners SET lease_until = 0", [])?;
        self.execute("DELETE FROM shared_leases", [])?;
        let latest = self.connection.query_row(
            "SELECT max(
                 coalesce((SELECT accepted_at FROM deliveries ORDER BY seq DESC LIMIT 1), 0),
                 coalesce((SELECT ended_at FROM attempts ORDER BY rowid DESC LIMIT 1), 0),
                 coalesce((SELECT max(started_at) FROM deliveries WHERE state = 1), 0),
                 coalesce((SELECT max(ended_at) FROM deliveries WHERE state = 2), 0),
                 coalesce((SELECT max(ended_at) FROM deliveries WHERE state = 3), 0),
                 coalesce((SELECT max(ended_at) FROM deliveries WHERE state = 5), 0)
             )",
            [],
            |row| row.get(0),
        )?;
        self.clock = self.clock.not_before(latest);
        self.count_backlog(&Changes::default())?;
        Ok(self.load_dedup_index()?)
    }

    /// Returns since when ids of done deliveries are in the index.
    pub(super) fn dedup_since(&self) -> i64 {
        let endpoints = self.endpoints.iter().map(|row| &row.endpoint);
        self.clock.now() - millis(longest_window(endpoints))
    }

    /// Applies the changes of a committed transaction.
    pub(super) fn apply(&mut self, changes: Changes) {
        for (hash, seq) in changes.removed {
            self.dedup.remove(hash, seq);
        }
        for (hash, seq) in changes.added {
            self.dedup.insert(hash, seq);
        }
        self.newest += changes.rows;
        self.data_version = changes.data_version.unwrap_or(self.data_version);
        self.backlog = self.backlog.saturating_add_signed(changes.backlog);
    }
}

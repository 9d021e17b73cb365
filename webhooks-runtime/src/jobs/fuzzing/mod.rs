//! A store in a file, for the fuzz target `rows`: what it stores comes back equal, and whatever else its rows contain is
//! an error or a delivery. `operations` does with it all that servers and commands do.

mod operations;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::Connection;
use rusqlite::types::Value;
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

use super::delivery::{Accepted, ClaimRequest, Claimed, DeliveryKey, DeliveryOrigin, NewDelivery};
use super::error::StoreError;
use super::inspect::DeliveryFilter;
use super::sqlite::SqliteStore;
use super::store::{Access, EndpointPolicy, Store, StoreLimits};
use crate::endpoint::background::{Latest, Policy};
use crate::payload::MergeScope;

const PATH: &str = "/webhooks/train";

/// A day, in which nothing becomes due or expires.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A delivery to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FuzzedDelivery {
    /// The header `Webhook-Id`.
    pub webhook_id: Option<String>,
    /// The event, for display.
    pub event: Option<String>,
    /// The repo, for display.
    pub repo: Option<String>,
    /// What groups deliveries.
    pub key: Option<String>,
    /// The context of its span.
    pub trace: Option<String>,
    /// Whether the program itself enqueued it.
    pub enqueued: bool,
    /// The body.
    pub body: Vec<u8>,
}

/// A delivery that was claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FuzzedClaim {
    /// The header `Webhook-Id`.
    pub webhook_id: Option<String>,
    /// The context of its span.
    pub trace: Option<String>,
    /// The contexts of the deliveries that it carries.
    pub merged_traces: Vec<String>,
    /// Whether the program itself enqueued it, or one that it carries.
    pub enqueued: bool,
    /// The body, with the changes of the deliveries that it replaced.
    pub body: Vec<u8>,
}

/// A value of a cell of a table.
#[derive(Clone, Debug)]
pub enum FuzzedCell {
    /// `NULL`.
    Null,
    /// A whole number.
    Integer(i64),
    /// Any number.
    Real(f64),
    /// Text, which may be invalid.
    Text(Vec<u8>),
    /// Bytes.
    Blob(Vec<u8>),
}

/// A store in a file.
pub struct FuzzedStore {
    file: PathBuf,
    runtime: Runtime,
    store: SqliteStore,
    /// A connection of another program, with the tables as they were at first.
    other: Connection,
    /// How many inputs it was used for.
    inputs: u32,
    /// Whether numbers of rows were damaged, the newest of which the store knows by heart.
    renumbered: bool,
}

/// A store is used for so many inputs: it remembers the ids of all their deliveries.
const INPUTS: u32 = 1000;

/// Returns the names of a store's tables.
fn tables(connection: &Connection) -> Result<Vec<String>, rusqlite::Error> {
    let mut tables = connection.prepare_cached(
        "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
    )?;
    tables.query_map([], |row| row.get(0))?.collect()
}

impl fmt::Debug for FuzzedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FuzzedStore({})", self.file.display())
    }
}

impl FuzzedStore {
    /// Opens a store, and creates it if it does not exist.
    pub fn open(file: &Path) -> Result<Self, StoreError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| StoreError::Failed(error.into()))?;
        let policy = Policy::DEFAULT.latest(Latest::Supersede).dedup_window(0);
        let endpoints = vec![EndpointPolicy { path: PATH.to_owned(), policy }];
        let store = {
            let _runtime = runtime.enter();
            SqliteStore::open(file, endpoints, StoreLimits::default(), Access::Serve)?
        };
        let other = Connection::open(file)?;
        other.busy_timeout(Duration::from_secs(5))?;
        other.execute_batch("ATTACH ':memory:' AS first")?;
        for table in tables(&other)? {
            other.execute_batch(&format!(
                "CREATE TABLE first.{table} AS SELECT * FROM main.{table}"
            ))?;
        }
        Ok(Self { file: file.to_owned(), runtime, store, other, inputs: 0, renumbered: false })
    }

    /// Makes the tables what they were at first, so that the store can be used for another input; opening one takes longer.
    /// Closes it, and returns `None`, if that is not enough, or was done often.
    pub fn reset(mut self) -> Option<Self> {
        self.inputs += 1;
        if self.inputs == INPUTS || self.renumbered || self.clear().is_err() {
            self.close();
            return None;
        }
        Some(self)
    }

    fn clear(&self) -> Result<(), rusqlite::Error> {
        let transaction = self.other.unchecked_transaction()?;
        for table in tables(&self.other)? {
            self.other.execute_batch(&format!(
                "DELETE FROM main.{table}; INSERT INTO main.{table} SELECT * FROM first.{table}"
            ))?;
        }
        transaction.commit()
    }

    /// Closes the store and opens it again.
    pub fn reopen(self) -> Result<Self, StoreError> {
        let file = self.file.clone();
        self.close();
        Self::open(&file)
    }

    /// Closes the store.
    pub fn close(self) {
        self.runtime.block_on(self.store.close());
    }

    /// Stores a delivery. Returns whether it is queued.
    pub fn accept(&self, delivery: &FuzzedDelivery) -> Result<bool, StoreError> {
        let FuzzedDelivery { webhook_id, event, repo, key, trace, enqueued, body } =
            delivery.clone();
        let merge_bytes = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let merge = Some(MergeScope::Content);
        let new = NewDelivery {
            id: Uuid::now_v7(),
            endpoint: 0,
            webhook_id,
            event,
            repo,
            received_at: SystemTime::now(),
            body: body.into(),
            force: true,
            key: key.map(|text| DeliveryKey { text, merge, merge_bytes }),
            origin: if enqueued { DeliveryOrigin::Enqueued } else { DeliveryOrigin::Webhook },
            trace,
        };
        let accepted = self.runtime.block_on(self.store.accept(vec![new]))?;
        Ok(matches!(accepted[..], [Accepted::Queued(_)]))
    }

    /// Returns the stored deliveries as a person sees them, oldest first.
    pub fn shown(&self) -> Result<Vec<FuzzedDelivery>, StoreError> {
        let filter = DeliveryFilter { limit: 100, ..DeliveryFilter::default() };
        self.runtime.block_on(async {
            let mut shown = Vec::new();
            for summary in self.store.list(&filter).await?.into_iter().rev() {
                let Some(detail) = self.store.show(summary.id).await? else { continue };
                assert_eq!(detail.summary, summary);
                shown.push(FuzzedDelivery {
                    webhook_id: summary.webhook_id,
                    event: summary.event,
                    repo: summary.repo,
                    key: summary.key,
                    // Nobody is shown it.
                    trace: None,
                    enqueued: summary.origin == DeliveryOrigin::Enqueued,
                    body: detail.body.to_vec(),
                });
            }
            Ok(shown)
        })
    }

    /// Claims all deliveries that are due.
    pub fn claim(&self) -> Result<Vec<FuzzedClaim>, StoreError> {
        let (_, claimed) = self.runtime.block_on(self.claim_all())?;
        let claim = |claimed: Claimed| FuzzedClaim {
            webhook_id: claimed.webhook_id,
            trace: claimed.trace,
            merged_traces: claimed.merged_traces,
            enqueued: claimed.origin == DeliveryOrigin::Enqueued,
            body: claimed.body.to_vec(),
        };
        Ok(claimed.into_iter().map(claim).collect())
    }

    async fn claim_all(&self) -> Result<(Uuid, Vec<Claimed>), StoreError> {
        let replica = Uuid::now_v7();
        self.store.register(replica, DAY).await?;
        let request = ClaimRequest { endpoint: 0, slots: 100 };
        let response = self.store.complete_and_claim(replica, &[], &[request]).await?;
        Ok((replica, response.claimed))
    }

    /// Sets the cells of a column to a value, as far as the table allows it. The number chooses the column, of all tables.
    pub fn damage(&mut self, column: usize, value: FuzzedCell) -> Result<(), StoreError> {
        let mut columns = self.other.prepare_cached(
            "SELECT it.name, of_it.name FROM sqlite_schema AS it, pragma_table_info(it.name) AS of_it
             WHERE it.type = 'table' ORDER BY 1, 2",
        )?;
        let columns =
            columns.query_map([], |row| Ok::<_, rusqlite::Error>((row.get(0)?, row.get(1)?)))?;
        let columns: Vec<(String, String)> = columns.collect::<Result<_, _>>()?;
        let Some((table, column)) = columns.get(column % columns.len().max(1)) else {
            return Ok(());
        };
        self.renumbered |= column == "seq";
        let (set, value) = match value {
            FuzzedCell::Null => ("?", Value::Null),
            FuzzedCell::Integer(number) => ("?", Value::Integer(number)),
            FuzzedCell::Real(number) => ("?", Value::Real(number)),
            FuzzedCell::Text(bytes) => ("CAST(? AS TEXT)", Value::Blob(bytes)),
            FuzzedCell::Blob(bytes) => ("?", Value::Blob(bytes)),
        };
        self.other.execute(&format!("UPDATE {table} SET {column} = {set}"), [value])?;
        Ok(())
    }

    /// Adds a row to each table that only commands and functions fill.
    pub fn fill(&self) -> Result<(), StoreError> {
        self.other.execute_batch(
            "INSERT INTO attempts SELECT seq, 1, 1, 2, 'failed' FROM deliveries;
             INSERT INTO attempt_logs SELECT seq, fence, 1, 1, 2, 'log' FROM deliveries;
             INSERT INTO shared_values VALUES ('store limits', '{}', NULL);
             INSERT INTO shared_leases VALUES ('lease', x'00', 1);",
        )?;
        Ok(())
    }
}

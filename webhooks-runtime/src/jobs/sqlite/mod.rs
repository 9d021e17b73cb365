//! Stores deliveries in an SQLite file, which one process uses at a time.
//!
//! - `identify` checks whether a file is a store, `open` creates and locks it, `schema` migrates its tables,
//!   and `files` resolves its paths. `watch` detects that the file was replaced.
//! - `writer` is the one connection that writes. It executes the commands in `command` in shared
//!   transactions (`transaction`). Each kind of command has a module: `accept`, `cancel`, `claim`, `complete`, `queue`,
//!   `replicas`, `retention`, `retry`, `space`, `values`. `operations` sends several commands.
//! - `keys` keeps the queues of keys. `supersede` inserts deliveries into them, `advance_key` follows the ends of
//!   attempts, `group` keeps what a delivery carries, and `merge` merges it.
//! - `dedup_index` finds duplicates, `others` notices what other processes change, and `read` is the connection that reads. `logs` writes and reads the log lines of attempts.
//!
//! This store uses `rusqlite` on its own thread, and not `sqlx` like the PostgreSQL store: `sqlx` sends each
//! SQLite statement to another thread, and these two thread switches cost more than the statement. Without
//! them 36,000 deliveries per second were accepted instead of 26,000.

mod accept;
mod advance_key;
mod cancel;
mod claim;
mod command;
mod complete;
mod dedup_index;
mod files;
mod group;
mod identify;
mod keys;
mod logs;
mod merge;
mod open;
mod operations;
mod others;
mod queue;
mod read;
mod replicas;
mod retention;
mod retry;
mod schema;
mod space;
mod supersede;
#[cfg(test)]
mod tests;
mod transaction;
mod values;
mod watch;
mod writer;

use std::path::Path;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::attempt_log::{AttemptLogLine, LogPosition, RunningLog};
use super::counts::StateCount;
use super::delivery::{
    Accepted, ClaimRequest, ClaimResponse, Completion, HeartbeatResponse, NewDelivery,
    RecoveryReport, ReplicaId, UnresponsiveReplicas,
};
use super::error::StoreError;
use super::inspect::{
    CancelReport, CancelTarget, DeliveryDetail, DeliveryFilter, DeliverySummary, Purge, RetryTarget,
};
use super::store::{
    Access, EndpointPolicy, RecoveryPolicy, Retention, Store, StoreFuture, StoreLimits,
};
use crate::task;
use command::{CommandReply, WriterCommand};
use open::OpenFile;
use read::ReadConnection;
use writer::Writer;

/// A store in an SQLite file.
pub(crate) struct SqliteStore {
    commands: mpsc::Sender<WriterCommand>,
    reader: ReadConnection,
    name: String,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(Box::new(error))
    }
}

impl SqliteStore {
    /// Opens the file. With [`Access::Serve`], creates it if it does not exist. Must be called in the runtime
    /// that it lives in, on a thread that may block.
    ///
    /// # Errors
    ///
    /// When another process is using the file, or it is not usable.
    pub(crate) fn open(
        file: &Path,
        endpoints: Vec<EndpointPolicy>,
        limits: impl Into<StoreLimits>,
        access: Access,
    ) -> Result<Self, StoreError> {
        let OpenFile { writer, reader, lock, watch } = open::open(file, access)?;
        let (commands, receiver) = mpsc::channel(1024);
        if let Some(writer) = writer {
            let writer = Writer::new(writer, (lock, watch), endpoints, limits, access)?;
            task::spawn(writer.run(receiver));
        }
        Ok(Self { commands, reader: ReadConnection::new(reader), name: file.display().to_string() })
    }

    /// Sends a command to the writer, and returns its result when it is on disk.
    async fn send<T>(
        &self,
        command: impl FnOnce(CommandReply<T>) -> WriterCommand,
    ) -> Result<T, StoreError> {
        let (reply, result) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| StoreError::Closed)?;
        result.await.map_err(|_| StoreError::Closed)?
    }
}

impl Store for SqliteStore {
    fn accept(&self, batch: Vec<NewDelivery>) -> StoreFuture<'_, Vec<Accepted>> {
        self.send(|reply| WriterCommand::Accept(batch, reply)).boxed()
    }

    fn register(&self, replica: ReplicaId, lease: Duration) -> StoreFuture<'_, ()> {
        self.send(move |reply| WriterCommand::Register(replica, lease, reply)).boxed()
    }

    fn heartbeat(&self, replica: ReplicaId, lease: Duration) -> StoreFuture<'_, HeartbeatResponse> {
        self.send(move |reply| WriterCommand::Heartbeat(replica, lease, reply)).boxed()
    }

    fn deregister(&self, replica: ReplicaId) -> StoreFuture<'_, ()> {
        self.send(move |reply| WriterCommand::Deregister(replica, reply)).boxed()
    }

    fn complete_and_claim<'a>(
        &'a self,
        replica: ReplicaId,
        completions: &'a [Completion],
        requests: &'a [ClaimRequest],
    ) -> StoreFuture<'a, ClaimResponse> {
        self.send(move |reply| {
            WriterCommand::CompleteAndClaim(replica, completions.to_vec(), requests.to_vec(), reply)
        })
        .boxed()
    }

    fn write_logs<'a>(&'a self, logs: &'a [RunningLog]) -> StoreFuture<'a, Vec<(Uuid, i64)>> {
        self.send(move |reply| WriterCommand::WriteLogs(logs.to_vec(), reply)).boxed()
    }

    fn recover_lost<'a>(
        &'a self,
        replica: ReplicaId,
        decide: RecoveryPolicy<'a>,
    ) -> StoreFuture<'a, RecoveryReport> {
        self.recover(replica, decide).boxed()
    }

    fn unresponsive(
        &self,
        _: ReplicaId,
        _: Duration,
    ) -> StoreFuture<'_, Option<UnresponsiveReplicas>> {
        // Only this process has the file, so every other replica is gone.
        std::future::ready(Ok(None)).boxed()
    }

    fn purge_expired(&self, retention: Retention) -> StoreFuture<'_, u64> {
        self.purge_all_expired(retention).boxed()
    }

    fn oldest_due(&self) -> StoreFuture<'_, Option<Duration>> {
        self.send(WriterCommand::OldestDue).boxed()
    }

    fn counts(&self) -> StoreFuture<'_, Vec<StateCount>> {
        self.reader.query(read::counts).boxed()
    }

    fn orphaned_endpoints(&self) -> StoreFuture<'_, Vec<String>> {
        self.send(WriterCommand::OrphanedEndpoints).boxed()
    }

    fn list<'a>(&'a self, filter: &'a DeliveryFilter) -> StoreFuture<'a, Vec<DeliverySummary>> {
        let filter = filter.clone();
        self.reader.query(move |connection| read::list(connection, &filter)).boxed()
    }

    fn show(&self, id: Uuid) -> StoreFuture<'_, Option<DeliveryDetail>> {
        self.reader.query(move |connection| read::show(connection, id)).boxed()
    }

    fn summary_of(&self, id: Uuid) -> StoreFuture<'_, Option<DeliverySummary>> {
        self.reader.query(move |connection| read::summary_of(connection, id)).boxed()
    }

    fn logs(
        &self,
        id: Uuid,
        after: Option<LogPosition>,
        limit: u32,
    ) -> StoreFuture<'_, Vec<AttemptLogLine>> {
        self.reader.query(move |connection| logs::read(connection, id, after, limit)).boxed()
    }

    fn retry(&self, target: RetryTarget) -> StoreFuture<'_, u64> {
        self.retry_dead(target).boxed()
    }

    fn rerun(&self, id: Uuid) -> StoreFuture<'_, bool> {
        self.send(move |reply| WriterCommand::Rerun(id, reply)).boxed()
    }

    fn cancel<'a>(&'a self, target: &'a CancelTarget) -> StoreFuture<'a, CancelReport> {
        self.cancel_target(target).boxed()
    }

    fn pause<'a>(&'a self, path: &'a str, pause: bool) -> StoreFuture<'a, bool> {
        self.send(move |reply| WriterCommand::Pause(path.to_owned(), pause, reply)).boxed()
    }

    fn paused(&self) -> StoreFuture<'_, Vec<(String, SystemTime)>> {
        self.reader.query(read::paused).boxed()
    }

    fn find(&self, first: Uuid, last: Uuid, limit: u32) -> StoreFuture<'_, Vec<Uuid>> {
        self.reader.query(move |connection| read::find(connection, first, last, limit)).boxed()
    }

    fn purge<'a>(&'a self, purge: &'a Purge) -> StoreFuture<'a, u64> {
        self.purge_matching(purge).boxed()
    }

    fn notified(&self) -> BoxFuture<'_, ()> {
        // Only commands queue deliveries from another process, and the next poll finds them.
        std::future::pending().boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async move {
            // The last connection to close writes the log back to the file.
            self.reader.close().await;
            let _ = self.send(WriterCommand::Close).await;
        }
        .boxed()
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn is_runtime_bound(&self) -> bool {
        false
    }

    fn max_concurrent_batches(&self) -> usize {
        1
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        "sqlite"
    }

    #[cfg(test)]
    fn advance_clock(&self, time: Duration) -> StoreFuture<'_, ()> {
        self.send(move |reply| WriterCommand::AdvanceClock(time, reply)).boxed()
    }
}

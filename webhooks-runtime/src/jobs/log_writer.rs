//! Writes the log lines of running attempts to the store, about once a second.
//!
//! Runs beside the scheduler, which waits neither for the lines to collect nor for their transaction. The stores still write
//! them with the same database as everything else, in small transactions.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::attempt_log::RunningLog;
use super::log_buffer::AttemptLog;
use super::observer::{JobsObservers, StoreOperation};
use super::store::Store;

/// How long lines are collected before they are written. Those of an attempt that ends sooner are written with its
/// result.
const INTERVAL: Duration = Duration::from_secs(1);

/// The most attempts whose lines one transaction writes, so that no transaction takes long.
const MAX_BATCH: usize = 32;

/// The writer of log lines.
pub(super) struct LogWriter {
    pub(super) store: Arc<dyn Store>,
    /// The logs that have lines to write.
    pub(super) unwritten: mpsc::UnboundedReceiver<AttemptLog>,
    pub(super) observers: JobsObservers,
}

impl LogWriter {
    /// Writes lines for as long as attempts can start.
    pub(super) async fn run(&mut self) {
        while let Some(first) = self.unwritten.recv().await {
            sleep(INTERVAL).await;
            let mut logs = vec![first];
            while let Ok(log) = self.unwritten.try_recv() {
                logs.push(log);
            }
            for logs in logs.chunks(MAX_BATCH) {
                write(&*self.store, &self.observers, logs).await;
            }
        }
    }
}

/// Writes lines of several attempts. Those that are not written stay in their logs, and are written later.
async fn write(store: &dyn Store, observers: &JobsObservers, logs: &[AttemptLog]) {
    let mut updates = Vec::with_capacity(logs.len());
    let mut last = Vec::with_capacity(logs.len());
    for log in logs {
        let (update, (id, fencing_token)) = (log.unwritten(), log.claim());
        // The attempt has ended.
        let Some(line) = update.lines.last() else { continue };
        last.push((log, line.number));
        updates.push(RunningLog { id, fencing_token, update });
    }
    if updates.is_empty() {
        return;
    }
    let writing = observers.measure(StoreOperation::WriteLogs, store.write_logs(&updates));
    let written = writing.await.unwrap_or_else(|error| {
        // The scheduler and the heartbeats report a store that fails.
        tracing::debug!(%error, "the log lines of running attempts could not be written");
        Vec::new()
    });
    for (log, number) in last {
        if written.contains(&log.claim()) {
            log.written(number);
        } else {
            log.announce_again();
        }
    }
}

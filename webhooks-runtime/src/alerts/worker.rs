//! Gathers alerts from their sources, and posts them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use uuid::Uuid;

use super::alert::Alert;
use super::batch::AlertBatch;
use super::outage::{StoreChange, StoreOutage};
use super::sender::AlertSender;
use super::timing::AlertTiming;
use crate::http::store_monitor::StoreMonitor;
use crate::http::webhook_status::EndpointWebhook;
use crate::jobs::{DeadQueue, Jobs, State};

/// How many heartbeats fail in a row until the store counts as unavailable. One may fail for other reasons.
const FAILED_HEARTBEATS: u32 = 2;

/// The store of background deliveries, as a source of alerts.
pub(super) struct WatchedStore {
    pub(super) jobs: Jobs,
    /// Shared with `/health`.
    pub(super) monitor: StoreMonitor,
    pub(super) outage: StoreOutage,
}

/// Posts the alerts of a server.
pub(super) struct AlertWorker {
    pub(super) sender: Arc<AlertSender>,
    pub(super) batch: AlertBatch,
    pub(super) timing: AlertTiming,
    /// `None` if the server has no background deliveries.
    pub(super) store: Option<WatchedStore>,
    pub(super) queue: Arc<DeadQueue>,
    pub(super) dead: mpsc::Receiver<Uuid>,
    /// How many heartbeats have failed in a row.
    pub(super) failed_heartbeats: Arc<AtomicU32>,
    /// The webhooks that are no longer enabled. `None` if the server registers none.
    pub(super) webhooks: Option<mpsc::UnboundedReceiver<EndpointWebhook>>,
    /// Whether the last post failed.
    pub(super) is_failing: bool,
}

impl AlertWorker {
    /// Runs until `stop` is true, and then posts what is left, once.
    pub(super) async fn run(&mut self, stop: &mut watch::Receiver<bool>) {
        let mut store_check = interval(self.timing.store_check);
        store_check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let due = self.batch.due();
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.post().await;
                }
                Some(webhook) = next_webhook(&mut self.webhooks) => {
                    self.batch.add(Alert::webhook(webhook), Instant::now());
                }
                _ = store_check.tick(), if self.store.is_some() => self.check_store().await,
                Some(id) = self.dead.recv() => self.add_dead(id).await,
            }
            self.batch.omit(self.queue.take_overflow(), Instant::now());
        }
        while let Ok(id) = self.dead.try_recv() {
            self.add_dead(id).await;
        }
        self.batch.omit(self.queue.take_overflow(), Instant::now());
        if self.batch.due().is_some() {
            self.post().await;
        }
    }

    async fn add_dead(&mut self, id: Uuid) {
        let summary = match &self.store {
            Some(store) if !self.batch.has_enough_deliveries() => store.jobs.summary_of(id).await,
            _ => Ok(None),
        };
        match summary {
            // A person runs it again already.
            Ok(Some(summary)) if summary.state != State::Dead => {}
            Ok(Some(summary)) => self.batch.add(Alert::dead(summary), Instant::now()),
            Ok(None) | Err(_) => self.batch.omit(1, Instant::now()),
        }
    }

    async fn check_store(&mut self) {
        let Some(WatchedStore { jobs, monitor, outage }) = &mut self.store else { return };
        let is_written = self.failed_heartbeats.load(Ordering::Relaxed) < FAILED_HEARTBEATS;
        let is_available = monitor.report(jobs).await.responds && is_written;
        let now = Instant::now();
        let alert = match outage.observe(is_available, now) {
            None => return,
            Some(StoreChange::Unavailable { since }) => {
                Alert::store_unavailable(jobs.kind(), since)
            }
            Some(StoreChange::Available { since }) => Alert::store_available(jobs.kind(), since),
        };
        self.batch.add(alert, now);
    }

    async fn post(&mut self) {
        let json = serde_json::to_vec(&self.batch.post()).unwrap_or_default();
        let sender = Arc::clone(&self.sender);
        let posted = spawn_blocking(move || sender.post(&json)).await;
        let posted = posted.unwrap_or_else(|_| Err("the request panicked".to_owned()));
        self.batch.posted(posted.is_ok(), Instant::now());
        let was_failing = std::mem::replace(&mut self.is_failing, posted.is_err());
        match posted {
            Err(reason) if !was_failing => {
                tracing::warn!(reason, "alerts cannot be posted, and are kept until they can");
            }
            Ok(()) if was_failing => tracing::info!("alerts are posted again"),
            _ => {}
        }
    }
}

async fn next_webhook(
    webhooks: &mut Option<mpsc::UnboundedReceiver<EndpointWebhook>>,
) -> Option<EndpointWebhook> {
    webhooks.as_mut()?.recv().await
}

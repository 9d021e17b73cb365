//! Connects the alerts to the server.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::batch::AlertBatch;
use super::outage::StoreOutage;
use super::sender::AlertSender;
use super::timing::AlertTiming;
use super::worker::{AlertWorker, WatchedStore};
use crate::config::alert_url::AlertUrl;
use crate::config::environment::Environment;
use crate::endpoint::panic::restart_on_panic;
use crate::http::part::{Console, Part};
use crate::http::store_monitor::StoreMonitor;
use crate::http::webhook_status::{EndpointWebhook, WebhookStatus};
use crate::jobs::{DeadQueue, Jobs, JobsObserver, StoreOperation};

/// How long a shutdown waits for the last post: at least, when its deadline has passed, and at most.
const LAST_POST: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3));

/// What the alerts of a server are composed from.
pub(crate) struct AlertSettings<'a> {
    pub(crate) url: AlertUrl,
    /// The background deliveries, once their store is open.
    pub(crate) jobs: Arc<OnceLock<Jobs>>,
    /// Shared with `/health`.
    pub(crate) monitor: StoreMonitor,
    /// The webhooks on the Hub, if the server registers them.
    pub(crate) webhooks: Option<&'a WebhookStatus>,
    pub(crate) environment: &'a Environment,
}

/// The alerts of a server.
pub(crate) struct AlertsPart {
    observer: Arc<AlertObserver>,
    jobs: Arc<OnceLock<Jobs>>,
    monitor: StoreMonitor,
    timing: AlertTiming,
    /// Until the part is started.
    sources: Mutex<Option<AlertSources>>,
    stop: watch::Sender<bool>,
    /// Receives the number of alerts that could not be posted, when the thread ends.
    ended: Mutex<Option<oneshot::Receiver<u64>>>,
}

struct AlertSources {
    url: AlertUrl,
    dead: mpsc::Receiver<Uuid>,
    webhooks: Option<mpsc::UnboundedReceiver<EndpointWebhook>>,
}

impl AlertsPart {
    pub(crate) fn new(settings: AlertSettings<'_>) -> Self {
        let (queue, dead) = DeadQueue::new();
        let webhooks = settings.webhooks.and_then(WebhookStatus::ended);
        let observer = AlertObserver { queue: Arc::new(queue), failed_heartbeats: Arc::default() };
        Self {
            observer: Arc::new(observer),
            jobs: settings.jobs,
            monitor: settings.monitor,
            timing: AlertTiming::of(settings.environment),
            sources: Mutex::new(Some(AlertSources { url: settings.url, dead, webhooks })),
            stop: watch::Sender::new(false),
            ended: Mutex::default(),
        }
    }

    fn worker(&self, sources: AlertSources) -> AlertWorker {
        let AlertSources { url, dead, webhooks } = sources;
        let outage = StoreOutage::new(self.timing.store_patience);
        let store = self.jobs.get().map(|jobs| WatchedStore {
            jobs: jobs.clone(),
            monitor: self.monitor.clone(),
            outage,
        });
        AlertWorker {
            sender: Arc::new(AlertSender::new(url)),
            batch: AlertBatch::new(program(), self.timing),
            timing: self.timing,
            store,
            queue: Arc::clone(&self.observer.queue),
            dead,
            failed_heartbeats: Arc::clone(&self.observer.failed_heartbeats),
            webhooks,
            is_failing: false,
        }
    }
}

impl Part for AlertsPart {
    fn jobs_observer(&self) -> Option<Arc<dyn JobsObserver>> {
        Some(Arc::clone(&self.observer) as Arc<dyn JobsObserver>)
    }

    fn banner(&self, _: bool) -> Option<String> {
        Some("* Alerts:                on\n".to_owned())
    }

    fn started(&self, _: Console) {
        let sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut worker) = sources.map(|sources| self.worker(sources)) else { return };
        let mut stop = self.stop.subscribe();
        let (ended, receiver) = oneshot::channel();
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(receiver);
        let work = move || {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(restart_on_panic("alerts", async || worker.run(&mut stop).await));
            let _ = ended.send(worker.batch.len());
            runtime.shutdown_background();
            std::io::Result::Ok(())
        };
        let spawned = thread::Builder::new().name("webhooks-alerts".to_owned()).spawn(move || {
            if let Err(error) = work() {
                tracing::error!(%error, "the thread of alerts cannot be started");
            }
        });
        if let Err(error) = spawned {
            tracing::error!(%error, "the thread of alerts cannot be started");
        }
    }

    /// Posts the last alerts, before the store is closed that they are read from.
    fn close(&self, deadline: Instant) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner).take();
            let Some(ended) = ended else { return };
            self.stop.send_replace(true);
            let left = deadline.saturating_duration_since(Instant::now());
            match timeout(left.clamp(LAST_POST.0, LAST_POST.1), ended).await {
                Ok(Ok(0) | Err(_)) => {}
                Ok(Ok(alerts)) => {
                    tracing::warn!(alerts, "shutting down: the last alerts could not be posted");
                }
                Err(_) => tracing::warn!("shutting down: the last alerts were not posted in time"),
            }
        })
    }
}

/// Notes what happens to background deliveries and to their store.
struct AlertObserver {
    queue: Arc<DeadQueue>,
    /// How many heartbeats have failed in a row.
    failed_heartbeats: Arc<AtomicU32>,
}

impl JobsObserver for AlertObserver {
    fn delivery_died(&self, id: Uuid) {
        self.queue.delivery_died(id);
    }

    fn store_responded(&self, operation: StoreOperation, _: Duration, succeeded: bool) {
        match operation {
            StoreOperation::Heartbeat if succeeded => {
                self.failed_heartbeats.store(0, Ordering::Relaxed);
            }
            StoreOperation::Heartbeat => {
                self.failed_heartbeats.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}

/// Returns the program's name, so that a chat of several programs tells them apart.
fn program() -> String {
    let program = std::env::current_exe().ok();
    let name = program.as_deref().and_then(Path::file_stem);
    name.map_or_else(|| "webhooks".to_owned(), |name| name.to_string_lossy().into_owned())
}

//! Runs background deliveries on dedicated threads.
//!
//! One thread accepts, claims and completes deliveries and never runs a function. The worker threads run
//! functions and nothing else, so a function that blocks delays neither a request nor a heartbeat.

use std::sync::Arc;
use std::thread;

use tokio::runtime::{self, Handle, Runtime};
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

use super::batcher::Batcher;
use super::error::StoreError;
use super::handle::Jobs;
use super::heartbeat::Heartbeats;
use super::log_writer::LogWriter;
use super::opening::{Obstacle, OpeningReport, reported};
use super::options::Options;
use super::recorded_limits::record_limits;
use super::recovery::Recovery;
use super::run::BackgroundHandler;
use super::scheduler::{Scheduler, SchedulerCommand};
use super::store::{Access, EndpointPolicy, Retention, Store, StoreLimits, longest_window};
use super::store_url::StoreUrl;
use super::wakeups::Wakeups;
use crate::endpoint::panic::restart_on_panic;

impl Jobs {
    /// Opens the store of a server on a dedicated thread, and reports when that takes long. Nothing runs
    /// before [`start`](Self::start).
    ///
    /// # Errors
    ///
    /// When the store cannot be opened.
    pub(crate) async fn open(
        url: &StoreUrl,
        options: &Options,
        handlers: Vec<BackgroundHandler>,
        report: OpeningReport,
    ) -> Result<Self, StoreError> {
        spawn(url.clone(), options.clone(), handlers, Access::Serve, report).await
    }

    /// Opens the store for a command that reads or changes deliveries, while a server may be running.
    ///
    /// # Errors
    ///
    /// When it cannot be opened, is not a store, or has another schema version.
    pub(crate) async fn inspect(
        url: &StoreUrl,
        access: Access,
        report: OpeningReport,
    ) -> Result<Self, StoreError> {
        spawn(url.clone(), Options::default(), Vec::new(), access, report).await
    }

    /// Opens the store for a program that enqueues deliveries for these functions, while a server may be running. Runs
    /// none of them.
    ///
    /// # Errors
    ///
    /// When it cannot be opened, is not a store, or does not know an endpoint.
    pub(super) async fn open_to_enqueue(
        url: &StoreUrl,
        functions: Vec<BackgroundHandler>,
        limits: StoreLimits,
    ) -> Result<Self, StoreError> {
        let report: OpeningReport = |waiting| tracing::warn!("{}", waiting.trim_end());
        let options = Options { limits, ..Options::default() };
        spawn(url.clone(), options, functions, Access::Modify, report).await
    }
}

async fn spawn(
    url: StoreUrl,
    options: Options,
    handlers: Vec<BackgroundHandler>,
    access: Access,
    report: OpeningReport,
) -> Result<Jobs, StoreError> {
    let (mut opened, ready) = oneshot::channel();
    let failed = |error: std::io::Error| StoreError::Failed(error.into());
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    thread::Builder::new()
        .name("webhooks-jobs".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                let obstacle = Obstacle::default();
                let opening = Engine::open(&url, options, handlers, access, &obstacle);
                let name = url.name();
                let result = tokio::select! {
                    result = reported(opening, &name, &obstacle, report) => result,
                    // The caller no longer waits.
                    () = opened.closed() => return,
                };
                match result {
                    Ok((jobs, engine)) => {
                        let _ = opened.send(Ok(jobs));
                        engine.run().await;
                    }
                    Err(error) => drop(opened.send(Err(error))),
                }
            });
            runtime.shutdown_background();
        })
        .map_err(failed)?;
    ready.await.unwrap_or(Err(StoreError::Closed))
}

/// Everything that runs on the store's thread.
struct Engine {
    store: Arc<dyn Store>,
    scheduler: Scheduler,
    heartbeats: Heartbeats,
    recovery: Recovery,
    logs: LogWriter,
    workers: Runtime,
    start: mpsc::Receiver<()>,
    commands: mpsc::Receiver<SchedulerCommand>,
    close: mpsc::Receiver<oneshot::Sender<()>>,
}

impl Engine {
    async fn open(
        url: &StoreUrl,
        options: Options,
        handlers: Vec<BackgroundHandler>,
        access: Access,
        obstacle: &Obstacle,
    ) -> Result<(Jobs, Self), StoreError> {
        let endpoints: Vec<_> = handlers
            .iter()
            .map(|handler| EndpointPolicy {
                path: handler.path.clone(),
                policy: handler.background.policy,
            })
            .collect();
        let store = open_store(url, endpoints.clone(), &options, access, obstacle).await?;
        let replica = Uuid::now_v7();
        if access == Access::Serve {
            store.register(replica, options.lease).await?;
            record_limits(&*store, options.limits).await?;
            for path in store.orphaned_endpoints().await? {
                tracing::warn!(
                    "background deliveries are queued for {path}, which this program does not have: they stay \
                     queued until a program with that endpoint starts"
                );
            }
        }
        let workers = worker_threads(access)?;
        let wakeups = Arc::new(Wakeups::new(handlers.len()));
        let changes = watch::Sender::new(0);
        let (log_sender, unwritten) = mpsc::unbounded_channel();
        let observers = options.observers.clone();
        let mut scheduler = Scheduler::new(
            Arc::clone(&store),
            handlers,
            Arc::clone(&wakeups),
            workers.handle().clone(),
            replica,
            changes.clone(),
            log_sender,
        );
        scheduler.observers = observers.clone();
        let (command_sender, commands) = mpsc::channel(4);
        // Deduplication finds a delivery only while its row is there.
        let retain_done = options.retain_done.max(longest_window(endpoints.iter()));
        let recover_as = watch::Sender::new(replica);
        let recovery = Recovery {
            store: Arc::clone(&store),
            endpoints: endpoints.clone(),
            wakeups: Arc::clone(&wakeups),
            lease: options.lease,
            recover_as: recover_as.subscribe(),
            observers: observers.clone(),
        };
        let heartbeats = Heartbeats {
            store: Arc::clone(&store),
            replica,
            lease: options.lease,
            retention: Retention { done: retain_done, dead: Some(options.retain_dead) },
            commands: command_sender.clone(),
            lease_expiries: scheduler.lease_expiries.clone(),
            lease_ends: scheduler.lease_ends.clone(),
            recover_as,
            observers: observers.clone(),
        };
        let logs = LogWriter { store: Arc::clone(&store), unwritten, observers: observers.clone() };
        let (start_sender, start) = mpsc::channel(1);
        let (close_sender, close) = mpsc::channel(1);
        let indexes =
            endpoints.iter().enumerate().map(|(index, endpoint)| (endpoint.path.clone(), index));
        let jobs = Jobs {
            indexes: Arc::new(indexes.collect()),
            endpoints: endpoints.into(),
            batcher: Batcher::start(Arc::clone(&store), Arc::clone(&wakeups), observers.clone()),
            wakeups,
            store: Arc::clone(&store),
            store_runtime: store.is_runtime_bound().then(Handle::current),
            changes,
            overdue: Arc::clone(&scheduler.overdue),
            observers,
            start: start_sender,
            commands: command_sender,
            close: close_sender,
        };
        let engine =
            Self { store, scheduler, heartbeats, recovery, logs, workers, start, commands, close };
        Ok((jobs, engine))
    }

    /// Runs until the store is closed or the last handle is dropped.
    async fn run(mut self) {
        let Self { store, mut scheduler, mut heartbeats, mut recovery, .. } = self;
        let Self { mut logs, mut commands, .. } = self;
        let working = async {
            if self.start.recv().await.is_some() {
                let scheduling = async {
                    restart_on_panic("scheduler", async || scheduler.run(&mut commands).await)
                        .await;
                    // The heartbeats end when the channel is closed.
                    drop(commands);
                };
                let sending_heartbeats =
                    restart_on_panic("heartbeats", async || heartbeats.run().await);
                let recovering = restart_on_panic("recovery", async || recovery.run().await);
                let logging = restart_on_panic("log writer", async || logs.run().await);
                tokio::join!(scheduling, sending_heartbeats, recovering, logging);
            }
            std::future::pending::<()>().await;
        };
        let closed = tokio::select! {
            () = working => None,
            closed = self.close.recv() => closed,
        };
        store.close().await;
        self.workers.shutdown_background();
        if let Some(closed) = closed {
            let _ = closed.send(());
        }
    }
}

/// Creates the runtime that functions run in.
fn worker_threads(access: Access) -> Result<Runtime, StoreError> {
    let threads = match access {
        Access::Serve => thread::available_parallelism().map_or(2, usize::from),
        // Runs no function.
        Access::Modify | Access::Read => 1,
    };
    runtime::Builder::new_multi_thread()
        .enable_all()
        .worker_threads(threads)
        .thread_name("webhooks-worker")
        .build()
        .map_err(|error| StoreError::Failed(error.into()))
}

async fn open_store(
    url: &StoreUrl,
    endpoints: Vec<EndpointPolicy>,
    options: &Options,
    access: Access,
    obstacle: &Obstacle,
) -> Result<Arc<dyn Store>, StoreError> {
    match url {
        #[cfg(feature = "background")]
        StoreUrl::File(file) => {
            let (file, limits) = (file.clone(), options.limits);
            // On another thread, so that this one can report that opening takes long.
            let open = move || super::sqlite::SqliteStore::open(&file, endpoints, limits, access);
            let opened = tokio::task::spawn_blocking(open).await;
            Ok(Arc::new(opened.unwrap_or(Err(StoreError::Closed))?))
        }
        #[cfg(feature = "postgres")]
        StoreUrl::Postgres { url, .. } => {
            let options = options.clone();
            Ok(super::postgres::PostgresStore::open(url, endpoints, options, access, obstacle)
                .await?)
        }
        #[allow(
            unreachable_patterns,
            reason = "where a feature is off, nothing names such a store"
        )]
        _ => Err(StoreError::Closed),
    }
}

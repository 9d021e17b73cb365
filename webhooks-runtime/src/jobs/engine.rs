//! The threads that background deliveries have for themselves: one that keeps, claims and settles them
//! and never runs a function, and the workers, which run functions and nothing else.

use std::collections::HashMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use actix_web::web::Bytes;
use foldhash::fast::RandomState;
use futures_util::FutureExt;
use tokio::runtime::{self, Handle, Runtime};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use uuid::Uuid;

use super::error::StoreError;
use super::intake::Intake;
use super::lease::Lease;
use super::opening::{Obstacle, Report, reported};
use super::options::Options;
use super::place::Place;
#[cfg(feature = "postgres")]
use super::postgres::PostgresStore;
use super::run::Function;
use super::scheduler::{Hints, Order, Scheduler};
#[cfg(feature = "background")]
use super::sqlite::SqliteStore;
use super::store::{
    Accepted, Access, Detail, Filter, Known, Listed, New, Purge, Retention, Store, Which,
    longest_window,
};
use crate::endpoint::panic;
use crate::payload::Summary;

/// How long people wait for a look into the store.
const PATIENCE: Duration = Duration::from_secs(10);

/// How much longer than its deadline a stop may take, to release deliveries, and how long the store may take to close.
const RELEASE: Duration = Duration::from_secs(10);

/// Background deliveries, of a server that runs or for a look at them.
#[derive(Clone)]
pub(crate) struct Jobs {
    store: Arc<dyn Store>,
    intake: Intake,
    hints: Arc<Hints>,
    /// Each endpoint's place in the store's list.
    endpoints: Arc<HashMap<String, usize, RandomState>>,
    known: Arc<[Known]>,
    /// Of the thread that the store lives on, where it must be asked there.
    home: Option<Handle>,
    changes: watch::Sender<u64>,
    overdue: Arc<AtomicUsize>,
    begin: mpsc::Sender<()>,
    orders: mpsc::Sender<Order>,
    close: mpsc::Sender<oneshot::Sender<()>>,
}

impl Jobs {
    /// Opens the store for a server, on a thread of its own, and reports when that takes long. Nothing is
    /// run before [`begin`](Self::begin).
    ///
    /// # Errors
    ///
    /// When it cannot be opened.
    pub(crate) async fn open(
        place: &Place,
        options: &Options,
        functions: Vec<Function>,
        report: Report,
    ) -> Result<Self, StoreError> {
        Self::on_a_thread(place.clone(), options.clone(), functions, Access::Own, report).await
    }

    /// Opens the store to read it, or to change deliveries as a person asks, while a server may run.
    ///
    /// # Errors
    ///
    /// When it cannot be opened, is no store, or has another version than this program's.
    pub(crate) async fn visit(
        place: &Place,
        access: Access,
        report: Report,
    ) -> Result<Self, StoreError> {
        Self::on_a_thread(place.clone(), Options::default(), Vec::new(), access, report).await
    }

    async fn on_a_thread(
        place: Place,
        options: Options,
        functions: Vec<Function>,
        access: Access,
        report: Report,
    ) -> Result<Self, StoreError> {
        let (mut opened, ready) = oneshot::channel();
        let failed = |error: std::io::Error| StoreError::Failed(error.into());
        let own = runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        thread::Builder::new()
            .name("webhooks-jobs".to_owned())
            .spawn(move || {
                own.block_on(async {
                    let obstacle = Obstacle::default();
                    let opening = Engine::open(&place, options, functions, access, &obstacle);
                    let name = place.name();
                    let result = tokio::select! {
                        result = reported(opening, &name, &obstacle, report) => result,
                        // The start was given up.
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
                own.shutdown_background();
            })
            .map_err(failed)?;
        ready.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Starts to run deliveries.
    pub(crate) fn begin(&self) {
        let _ = self.begin.try_send(());
    }

    /// Has a delivery kept, and waits until it is on disk.
    ///
    /// # Errors
    ///
    /// When it isn't.
    pub(crate) async fn accept(
        &self,
        path: &str,
        webhook_id: Option<String>,
        received_at: SystemTime,
        body: Bytes,
        insists: bool,
    ) -> Result<Accepted, Arc<StoreError>> {
        let endpoint = *self.endpoints.get(path).ok_or(StoreError::Closed)?;
        let summary = Summary::read(&body);
        let event = summary.as_ref().map(Summary::event);
        let repo = summary.map(|summary| summary.repo().to_owned());
        let accepted = self.intake.accept(New {
            id: Uuid::now_v7(),
            endpoint,
            webhook_id,
            event,
            repo,
            received_at,
            body,
            insists,
        });
        let accepted = accepted.await;
        if matches!(accepted, Ok(Accepted::Queued(_))) {
            self.changed();
        }
        accepted
    }

    /// How many attempts a delivery of the endpoint at this path has; `None` where there is none.
    pub(crate) fn attempts(&self, path: &str) -> Option<u32> {
        self.endpoints.get(path).map(|at| self.known[*at].policy.attempts)
    }

    /// How long an attempt at a delivery of the endpoint at this path may take; `None` where there is none.
    #[cfg(feature = "page")]
    pub(crate) fn timeout(&self, path: &str) -> Option<Duration> {
        self.endpoints.get(path).map(|at| self.known[*at].policy.timeout)
    }

    /// Changes with each delivery that becomes another.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn changed(&self) {
        if self.changes.receiver_count() > 0 {
            self.changes.send_modify(|count| *count = count.wrapping_add(1));
        }
    }

    /// The kind of its store, and what the store is called.
    pub(crate) fn kind(&self) -> &'static str {
        self.store.kind()
    }

    /// What the store is called, without a password.
    pub(crate) fn name(&self) -> &str {
        self.store.name()
    }

    /// Asks the store for something that takes as long as it takes.
    async fn ask<T: Send + 'static, F>(
        &self,
        ask: impl FnOnce(Arc<dyn Store>) -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let asked = ask(Arc::clone(&self.store));
        match &self.home {
            Some(home) => home.spawn(asked).await.unwrap_or(Err(StoreError::Closed)),
            None => asked.await,
        }
    }

    /// Asks the store for something that somebody waits for. The waiting ends by the clock of who waits,
    /// as the store's own thread may be waiting for a disk.
    async fn ask_soon<T: Send + 'static, F>(
        &self,
        ask: impl FnOnce(Arc<dyn Store>) -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let late = |_| Err(StoreError::Failed("it took too long".into()));
        timeout(PATIENCE, self.ask(ask)).await.unwrap_or_else(late)
    }

    /// Deliveries, the newest first.
    pub(crate) async fn list(&self, filter: Filter) -> Result<Vec<Listed>, StoreError> {
        self.ask_soon(async move |store| store.list(&filter).await).await
    }

    /// A delivery in full.
    pub(crate) async fn show(&self, id: Uuid) -> Result<Option<Detail>, StoreError> {
        self.ask_soon(async move |store| store.show(id).await).await
    }

    /// Runs dead deliveries again, and gives how many there were.
    pub(crate) async fn retry(&self, which: Which) -> Result<u64, StoreError> {
        let retry = async move |store: Arc<dyn Store>| store.retry(which).await;
        let retried = match which {
            Which::One(_) => self.ask_soon(retry).await?,
            Which::AllDead => self.ask(retry).await?,
        };
        self.hints.give_all();
        self.changed();
        Ok(retried)
    }

    /// Deletes dead or queued deliveries, and gives how many there were.
    pub(crate) async fn purge(&self, purge: Purge) -> Result<u64, StoreError> {
        self.ask(async move |store| store.purge(&purge).await).await
    }

    /// The ids between these two, at most `limit`.
    pub(crate) async fn find(
        &self,
        first: Uuid,
        last: Uuid,
        limit: u32,
    ) -> Result<Vec<Uuid>, StoreError> {
        self.ask_soon(async move |store| store.find(first, last, limit).await).await
    }

    /// For how long the delivery that is due longest has been waiting.
    pub(crate) async fn oldest_due(&self) -> Result<Option<Duration>, StoreError> {
        self.ask_soon(async move |store| store.oldest_due().await).await
    }

    /// How many functions of this process go on after their timeout.
    pub(crate) fn overdue(&self) -> usize {
        self.overdue.load(Ordering::Relaxed)
    }

    /// Takes no more to run, lets what runs end by then, and releases the rest.
    pub(crate) async fn stop(&self, deadline: Instant) {
        let (stopped, ended) = oneshot::channel();
        let stopping = async {
            if self.orders.send(Order::Stop(deadline, stopped)).await.is_ok() {
                let _ = ended.await;
            }
        };
        if timeout_at(deadline + RELEASE, stopping).await.is_err() {
            tracing::error!(
                "the store doesn't answer: the background deliveries that were running count as lost"
            );
        }
    }

    /// Closes the store. Nothing can be kept from now on.
    pub(crate) async fn close(&self) {
        let (closed, ended) = oneshot::channel();
        let closing = async {
            if self.close.send(closed).await.is_ok() {
                let _ = ended.await;
            }
        };
        if timeout(RELEASE, closing).await.is_err() {
            tracing::error!("the store of background deliveries could not be closed");
        }
    }
}

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jobs({})", self.store.name())
    }
}

/// What runs on the thread of the store.
struct Engine {
    store: Arc<dyn Store>,
    scheduler: Scheduler,
    lease: Lease,
    workers: Runtime,
    begin: mpsc::Receiver<()>,
    orders: mpsc::Receiver<Order>,
    close: mpsc::Receiver<oneshot::Sender<()>>,
}

impl Engine {
    async fn open(
        place: &Place,
        options: Options,
        functions: Vec<Function>,
        access: Access,
        obstacle: &Obstacle,
    ) -> Result<(Jobs, Self), StoreError> {
        let known: Vec<_> = functions
            .iter()
            .map(|function| Known {
                path: function.path.clone(),
                policy: function.background.policy,
            })
            .collect();
        let store = open_store(place, known.clone(), &options, access, obstacle).await?;
        let owner = Uuid::now_v7();
        if access == Access::Own {
            store.enlist(owner, options.lease).await?;
            for path in store.strangers().await? {
                tracing::warn!(
                    "background deliveries wait for {path}, which this program doesn't have: they stay \
                     until a program has it again"
                );
            }
        }
        let threads = if access == Access::Own {
            thread::available_parallelism().map_or(2, usize::from)
        } else {
            1
        };
        let workers = runtime::Builder::new_multi_thread()
            .enable_all()
            .worker_threads(threads)
            .thread_name("webhooks-worker")
            .build()
            .map_err(|error| StoreError::Failed(error.into()))?;
        let hints = Arc::new(Hints::new(functions.len()));
        let changes = watch::Sender::new(0);
        let scheduler = Scheduler::new(
            Arc::clone(&store),
            functions,
            Arc::clone(&hints),
            workers.handle().clone(),
            owner,
            changes.clone(),
        );
        let (order, orders) = mpsc::channel(4);
        // A delivery's id is known for as long as the delivery is kept.
        let keep_done = options.keep_done.max(longest_window(known.iter()));
        let lease = Lease {
            store: Arc::clone(&store),
            known: known.clone(),
            hints: Arc::clone(&hints),
            owner,
            length: options.lease,
            retention: Retention { done: keep_done, dead: Some(options.keep_dead) },
            orders: order.clone(),
            cut_off: scheduler.cut_off.clone(),
        };
        let (begin, begun) = mpsc::channel(1);
        let (close, closed) = mpsc::channel(1);
        let endpoints = known.iter().enumerate().map(|(at, known)| (known.path.clone(), at));
        let jobs = Jobs {
            endpoints: Arc::new(endpoints.collect()),
            known: known.into(),
            intake: Intake::start(Arc::clone(&store), Arc::clone(&hints)),
            hints,
            store: Arc::clone(&store),
            home: store.is_bound().then(Handle::current),
            changes,
            overdue: Arc::clone(&scheduler.overdue),
            begin,
            orders: order,
            close,
        };
        let engine = Self { store, scheduler, lease, workers, begin: begun, orders, close: closed };
        Ok((jobs, engine))
    }

    /// Works until the store is closed, or no caller is left.
    async fn run(mut self) {
        let Self { store, mut scheduler, mut lease, mut orders, .. } = self;
        let working = async {
            if self.begin.recv().await.is_some() {
                let scheduling = async {
                    restarted("scheduler", async || scheduler.run(&mut orders).await).await;
                    // Ends the heartbeats.
                    drop(orders);
                };
                let heartbeats = restarted("heartbeats", async || lease.keep().await);
                tokio::join!(scheduling, heartbeats);
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

/// How soon a part of the engine that panicked starts again.
const RESTART: Duration = Duration::from_secs(1);

/// Runs a part of the engine to its end, and again each time it panics: without it, deliveries would be
/// accepted and never run, and nothing would say so.
async fn restarted(part: &'static str, mut run: impl AsyncFnMut()) {
    while let Err(payload) = AssertUnwindSafe(run()).catch_unwind().await {
        // To write the line may be what panicked.
        let _ = std::panic::catch_unwind(AssertUnwindSafe(|| {
            tracing::error!(
                part,
                panic = panic::text(&*payload),
                "a part of the background deliveries panicked, and starts again"
            );
        }));
        sleep(RESTART).await;
    }
}

#[cfg_attr(not(feature = "postgres"), expect(unused_variables, reason = "files have no obstacle"))]
async fn open_store(
    place: &Place,
    known: Vec<Known>,
    options: &Options,
    access: Access,
    obstacle: &Obstacle,
) -> Result<Arc<dyn Store>, StoreError> {
    match place {
        #[cfg(feature = "background")]
        Place::File(file) => {
            let (file, limits) = (file.clone(), options.limits);
            // Not on this thread, which reports meanwhile that the store is waited for.
            let open = move || SqliteStore::open(&file, known, limits, access);
            let opened = tokio::task::spawn_blocking(open).await;
            Ok(Arc::new(opened.unwrap_or(Err(StoreError::Closed))?))
        }
        #[cfg(feature = "postgres")]
        Place::Postgres(url) => {
            Ok(PostgresStore::open(url, known, options.clone(), access, obstacle).await?)
        }
        // There are no background functions, either.
        #[cfg(not(feature = "background"))]
        Place::File(_) => Err(StoreError::Closed),
    }
}

#[cfg(test)]
#[cfg(feature = "background")]
mod tests {
    use futures_util::FutureExt;
    use rusqlite::Connection;
    use tempfile::TempDir;

    use super::*;
    use crate::endpoint::background::Policy;
    use crate::jobs::conformance::dead;

    /// Background deliveries in a file that another process writes to, and what waits for that process on
    /// the store's thread.
    struct Waiting {
        jobs: Jobs,
        other: Connection,
        purging: tokio::task::JoinHandle<Result<u64, StoreError>>,
        _folder: TempDir,
    }

    impl Waiting {
        async fn begin() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("webhooks.db");
            let place = Place::File(file.clone());
            let jobs = Jobs::open(&place, &Options::default(), Vec::new(), |_| {}).await.unwrap();
            jobs.begin();
            let other = Connection::open(file).unwrap();
            other.execute_batch("BEGIN IMMEDIATE").unwrap();
            let purge = jobs.clone();
            let purging = tokio::spawn(async move { purge.purge(dead(Duration::ZERO)).await });
            tokio::task::yield_now().await;
            // Of the clock on the wall, whatever the test's clock is.
            thread::sleep(Duration::from_millis(200));
            Self { jobs, other, purging, _folder: folder }
        }
    }

    #[test]
    fn by_default_done_ones_are_kept_for_a_week_and_dead_ones_for_a_month() {
        let Options { keep_done, keep_dead, .. } = Options::default();
        assert_eq!((keep_done.as_secs(), keep_dead.as_secs()), (7 * 86_400, 30 * 86_400));
        assert_eq!(Policy::DEFAULT.dedup_window.as_secs(), 120);
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_that_panics_starts_again() {
        let mut runs = 0;
        restarted("scheduler", async || {
            runs += 1;
            assert!(runs > 2, "the disk is full");
        })
        .await;
        assert_eq!(runs, 3);
    }

    #[tokio::test]
    async fn people_can_look_while_the_store_waits_for_another_process() {
        let Waiting { jobs, other, mut purging, _folder } = Waiting::begin().await;
        let filter = Filter { limit: 1, ..Filter::default() };
        assert_eq!(jobs.list(filter).await.unwrap(), []);
        assert!(jobs.show(Uuid::now_v7()).await.unwrap().is_none());
        assert!((&mut purging).now_or_never().is_none());
        other.execute_batch("COMMIT").unwrap();
        assert_eq!(purging.await.unwrap().unwrap(), 0);
        jobs.stop(Instant::now()).await;
        jobs.close().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_does_not_answer_holds_up_no_stop() {
        let Waiting { jobs, other, mut purging, _folder } = Waiting::begin().await;
        let begun = Instant::now();
        jobs.stop(begun + Duration::from_secs(30)).await;
        assert_eq!(begun.elapsed().as_secs(), 40);
        jobs.close().await;
        assert_eq!(begun.elapsed().as_secs(), 50);
        assert!((&mut purging).now_or_never().is_none());
        other.execute_batch("COMMIT").unwrap();
    }
}

//! Tests of the scheduler with a store and functions.

mod cancel;
mod polls;

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use actix_web::web::Data;
use futures_util::FutureExt;
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::*;
use crate::endpoint::background::{
    BackgroundTask, BackgroundWork, Latest, Policy, SharedData, TaskFailure, TaskFuture,
};
use crate::jobs::conformance::new;
use crate::jobs::delivery::{Accepted, ClaimRequest, DeliveryKey, NewDelivery};
use crate::jobs::inspect::{CancelTarget, DeliverySummary};
use crate::jobs::sqlite::SqliteStore;
use crate::jobs::state::State;
use crate::jobs::store::{Access, EndpointPolicy};
use crate::jobs::{Jobs, Options, StoreUrl};
use crate::payload::MergeScope;

const PATH: &str = "/webhooks/train";

/// A server's background deliveries, with one endpoint.
struct TestEngine {
    jobs: Jobs,
    url: StoreUrl,
    _folder: TempDir,
}

impl TestEngine {
    async fn new(
        policy: Policy,
        run: fn(BackgroundTask) -> TaskFuture,
        shared: SharedData,
    ) -> Self {
        Self::open(vec![handler(PATH, policy, run, shared)]).await
    }

    async fn open(handlers: Vec<BackgroundHandler>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::File(folder.path().join("webhooks.db"));
        // With so long a lease, no heartbeat finds what the scheduler has to find.
        let options = Options { lease: Duration::from_secs(3600), ..Options::default() };
        let jobs = Jobs::open(&url, &options, handlers, |_| {}).await.unwrap();
        jobs.start();
        Self { jobs, url, _folder: folder }
    }

    async fn accept(&self, new: NewDelivery) -> Uuid {
        let id = new.id;
        assert_eq!(self.jobs.batcher.accept(new).await.unwrap(), Accepted::Queued(id));
        id
    }

    async fn summary(&self, id: Uuid) -> DeliverySummary {
        self.jobs.show(id).await.unwrap().unwrap().summary
    }

    /// Waits until a delivery has a state.
    async fn reaches(&self, id: Uuid, state: State) {
        let reached = async {
            while self.summary(id).await.state != state {
                sleep(Duration::from_millis(5)).await;
            }
        };
        let reached = timeout(Duration::from_secs(20), reached).await;
        assert!(reached.is_ok(), "{:?} is not {state}", self.summary(id).await);
    }

    async fn close(self) {
        self.jobs.shut_down(Instant::now()).await;
        self.jobs.close().await;
    }
}

fn handler(
    path: &str,
    policy: Policy,
    run: fn(BackgroundTask) -> TaskFuture,
    shared: SharedData,
) -> BackgroundHandler {
    BackgroundHandler {
        path: path.to_owned(),
        background: BackgroundWork::__new(policy, |_| Ok(()), |_| Vec::new(), run),
        shared: Arc::new(shared),
        check: None,
    }
}

/// Never ends.
fn endless(_: BackgroundTask) -> TaskFuture {
    pending().boxed()
}

/// Counts its runs, and asks to run again later.
fn busy(task: BackgroundTask) -> TaskFuture {
    let BackgroundTask { shared, .. } = task;
    let runs = shared.get::<AtomicU32>().cloned().unwrap();
    async move {
        runs.fetch_add(1, Ordering::Relaxed);
        let retry_after = Some(Duration::ZERO);
        Err(TaskFailure { text: "429".to_owned(), permanent: false, retry_after })
    }
    .boxed()
}

fn quick(_: BackgroundTask) -> TaskFuture {
    async { Ok(Default::default()) }.boxed()
}

/// Ends only for the delivery that carries another one.
fn ends_when_merged(task: BackgroundTask) -> TaskFuture {
    let merged = r#""oldSha":"1","newSha":"3""#;
    if String::from_utf8_lossy(&task.body).contains(merged) { quick(task) } else { endless(task) }
}

fn push(old: u32, new_sha: u32) -> NewDelivery {
    let body =
        format!(r#"{{"updatedRefs":[{{"ref":"main","oldSha":"{old}","newSha":"{new_sha}"}}]}}"#);
    let merge = Some(MergeScope::Content);
    let key = Some(DeliveryKey { text: "a".to_owned(), merge, merge_bytes: 50 });
    NewDelivery { key, body: body.into(), ..new(0, None, "") }
}

#[tokio::test]
async fn a_running_delivery_is_cancelled_without_a_heartbeat() {
    let running =
        TestEngine::new(Policy::DEFAULT.concurrency(1), endless, SharedData::default()).await;
    let id = running.accept(new(0, None, "{}")).await;
    let next = running.accept(new(0, None, "{}")).await;
    running.reaches(id, State::Running).await;
    let report = running.jobs.cancel(CancelTarget::One(id)).await.unwrap();
    assert_eq!(report.stopping[0].0, id);
    running.reaches(id, State::Cancelled).await;
    running.reaches(next, State::Running).await;
    assert_eq!(running.summary(id).await.note.as_deref(), Some("cancelled"));
    running.close().await;
}

#[tokio::test]
async fn a_delivery_that_another_process_cancels_is_stopped_also_without_a_free_slot() {
    let running =
        TestEngine::new(Policy::DEFAULT.concurrency(1), endless, SharedData::default()).await;
    let id = running.accept(new(0, None, "{}")).await;
    running.reaches(id, State::Running).await;
    let command = Jobs::inspect(&running.url, Access::Modify, |_| {}).await.unwrap();
    let target = CancelTarget::Endpoint(PATH.to_owned());
    assert_eq!(command.cancel(target).await.unwrap().stopping[0].0, id);
    running.reaches(id, State::Cancelled).await;
    command.close().await;
    running.close().await;
}

#[tokio::test]
async fn commands_are_obeyed_during_a_shutdown() {
    let running = TestEngine::new(Policy::DEFAULT, endless, SharedData::default()).await;
    let id = running.accept(new(0, None, "{}")).await;
    let other = running.accept(new(0, None, "{}")).await;
    running.reaches(other, State::Running).await;
    let jobs = running.jobs.clone();
    let deadline = Instant::now() + Duration::from_secs(3600);
    let shutdown = tokio::spawn(async move { jobs.shut_down(deadline).await });
    let cancels = async {
        // More than the channel holds: a heartbeat that has to send one must not wait.
        for _ in 0..8 {
            let none = SchedulerCommand::Cancel(Vec::new());
            running.jobs.commands.send(none).await.unwrap();
        }
        running.jobs.cancel(CancelTarget::One(id)).await.unwrap();
        running.reaches(id, State::Cancelled).await;
        let command = Jobs::inspect(&running.url, Access::Modify, |_| {}).await.unwrap();
        command.cancel(CancelTarget::One(other)).await.unwrap();
        running.reaches(other, State::Cancelled).await;
        command.close().await;
    };
    timeout(Duration::from_secs(60), cancels).await.unwrap();
    timeout(Duration::from_secs(20), shutdown).await.unwrap().unwrap();
    running.jobs.close().await;
}

#[tokio::test]
async fn a_cancel_of_an_earlier_attempt_does_not_stop_a_later_one() {
    let running = TestEngine::new(Policy::DEFAULT, endless, SharedData::default()).await;
    let id = running.accept(new(0, None, "{}")).await;
    running.reaches(id, State::Running).await;
    let report = running.jobs.cancel(CancelTarget::One(id)).await.unwrap();
    running.reaches(id, State::Cancelled).await;
    assert!(running.jobs.rerun(id).await.unwrap());
    running.reaches(id, State::Running).await;
    // As a heartbeat that was under way when the first attempt ended.
    running.jobs.commands.send(SchedulerCommand::Cancel(report.stopping)).await.unwrap();
    sleep(Duration::from_millis(200)).await;
    let shown = running.summary(id).await;
    assert_eq!((shown.state, shown.attempts), (State::Running, 1));
    running.close().await;
}

#[tokio::test]
async fn a_newer_delivery_stops_the_running_one_without_a_free_slot() {
    let policy = Policy::DEFAULT.latest(Latest::Cancel).concurrency(1);
    let running = TestEngine::new(policy, ends_when_merged, SharedData::default()).await;
    let older = running.accept(push(1, 2)).await;
    running.reaches(older, State::Running).await;
    let newer = running.accept(push(2, 3)).await;
    running.reaches(older, State::Superseded).await;
    running.reaches(newer, State::Done).await;
    let shown = running.summary(older).await;
    assert_eq!((shown.superseded_by, shown.attempts), (Some(newer), 0));
    assert_eq!(shown.note, None);
    assert_eq!(running.summary(newer).await.merged, 1);
    running.close().await;
}

#[tokio::test]
async fn a_function_that_is_always_busy_fails_after_20_snoozes_and_its_attempts() {
    let runs = Data::new(AtomicU32::new(0));
    let mut shared = SharedData::default();
    shared.insert(runs.clone());
    let running = TestEngine::new(Policy::DEFAULT.attempts(3).backoff(1, 1), busy, shared).await;
    let id = running.accept(new(0, None, "{}")).await;
    running.reaches(id, State::Dead).await;
    let shown = running.jobs.show(id).await.unwrap().unwrap();
    assert_eq!((shown.summary.attempts, shown.failed.len()), (3, 3));
    assert_eq!(shown.summary.error.as_deref(), Some("429"));
    assert_eq!(runs.load(Ordering::Relaxed), 23);
    running.close().await;
}

#[tokio::test]
async fn a_paused_endpoint_runs_nothing_until_it_is_resumed() {
    let running = TestEngine::new(Policy::DEFAULT, quick, SharedData::default()).await;
    assert!(running.jobs.pause(PATH, true).await.unwrap());
    assert_eq!(running.jobs.paused().await.unwrap()[0].0, PATH);
    let id = running.accept(push(1, 2)).await;
    sleep(Duration::from_millis(50)).await;
    assert_eq!(running.summary(id).await.state, State::Queued);
    assert!(running.jobs.pause(PATH, false).await.unwrap());
    running.reaches(id, State::Done).await;
    assert!(running.jobs.rerun(id).await.unwrap());
    running.reaches(id, State::Done).await;
    running.close().await;
}

#[tokio::test]
async fn nothing_starts_after_the_lease() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("webhooks.db");
    let policy = Policy::DEFAULT;
    let endpoints = vec![EndpointPolicy { path: PATH.to_owned(), policy }];
    let store = SqliteStore::open(&file, endpoints, 1000, Access::Serve).unwrap();
    let store: Arc<dyn Store> = Arc::new(store);
    let (runs, mut shared) = (Data::new(AtomicU32::new(0)), SharedData::default());
    shared.insert(Data::clone(&runs));
    let handler = handler(PATH, policy, busy, shared);
    let me = Uuid::now_v7();
    store.register(me, Duration::from_secs(3600)).await.unwrap();
    let delivery = new(0, None, "{}");
    let id = delivery.id;
    store.accept(vec![delivery]).await.unwrap();
    let (wakeups, workers) = (Arc::new(Wakeups::new(1)), Handle::current());
    let (changes, log) = (watch::Sender::new(0), mpsc::unbounded_channel().0);
    let mut scheduler =
        Scheduler::new(Arc::clone(&store), vec![handler], wakeups, workers, me, changes, log);

    // It claims nothing without a lease …
    scheduler.lease_ends.send_replace(Some(Instant::now()));
    scheduler.wakeups.wake_all();
    scheduler.round(true).await;
    let state = async || store.show(id).await.unwrap().unwrap().summary;
    assert_eq!(state().await.state, State::Queued);
    // … and what it had claimed before is lost.
    let request = [ClaimRequest { endpoint: 0, slots: 1 }];
    let claimed = store.complete_and_claim(me, &[], &request).await.unwrap().claimed;
    assert_eq!(claimed.len(), 1);
    scheduler.give_up(claimed);
    scheduler.round(true).await;
    let given_up = state().await;
    assert_eq!((given_up.state, given_up.attempts), (State::Queued, 1));
    assert_eq!(runs.load(Ordering::Relaxed), 0);
    store.close().await;
}

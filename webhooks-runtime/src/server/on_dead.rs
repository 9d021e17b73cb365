//! Calls the functions that the builder's method `on_dead` adds, for each delivery that has ended dead.
//!
//! They run in a separate runtime: a function that blocks or never ends delays no request, no other delivery and no alert.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout, timeout_at};
use uuid::Uuid;

use crate::endpoint::panic::caught_in;
use crate::http::part::{Console, Part};
use crate::jobs::{DeadDelivery, DeadQueue, Jobs, JobsObserver};
use crate::task;

/// A function to call for each dead delivery.
pub(super) type DeadFunction = Arc<dyn Fn(DeadDelivery) -> BoxFuture<'static, ()> + Send + Sync>;

/// How many calls run at a time.
const MAX_CALLS: usize = 8;

/// How long a call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a shutdown waits for the calls at least: the last deliveries may end at its deadline.
const CLOSE_MARGIN: Duration = Duration::from_secs(2);

/// How often it is logged that calls were left out.
const OVERFLOW_INTERVAL: Duration = Duration::from_secs(60);

/// The functions to call for dead deliveries.
pub(super) struct OnDeadPart {
    functions: Arc<[DeadFunction]>,
    /// Set once the store is open.
    jobs: Arc<OnceLock<Jobs>>,
    queue: Arc<DeadQueue>,
    /// Until the part is started.
    ids: Mutex<Option<mpsc::Receiver<Uuid>>>,
    running: Mutex<Option<RunningCalls>>,
}

struct RunningCalls {
    runtime: Runtime,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl OnDeadPart {
    /// Returns the part of these functions; `None` if there are none.
    pub(super) fn compose(
        functions: Vec<DeadFunction>,
        jobs: &Arc<OnceLock<Jobs>>,
    ) -> Option<Arc<dyn Part>> {
        if functions.is_empty() {
            return None;
        }
        let (queue, ids) = DeadQueue::new();
        Some(Arc::new(Self {
            functions: functions.into(),
            jobs: Arc::clone(jobs),
            queue: Arc::new(queue),
            ids: Mutex::new(Some(ids)),
            running: Mutex::default(),
        }))
    }
}

impl Part for OnDeadPart {
    fn jobs_observer(&self) -> Option<Arc<dyn JobsObserver>> {
        Some(Arc::clone(&self.queue) as Arc<dyn JobsObserver>)
    }

    fn started(&self, _: Console) {
        let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (Some(jobs), Some(ids)) = (self.jobs.get(), ids) else { return };
        let runtime = Builder::new_multi_thread()
            // One thread for each function that blocks, and one more for timers and new calls.
            .worker_threads(MAX_CALLS + 1)
            .thread_name("webhooks-on-dead")
            .enable_all()
            .build();
        match runtime {
            Ok(runtime) => {
                let (stop, stopped) = oneshot::channel();
                let calls = DeadCalls {
                    functions: Arc::clone(&self.functions),
                    jobs: jobs.clone(),
                    queue: Arc::clone(&self.queue),
                };
                let task = runtime.spawn(calls.run(ids, stopped));
                let running = RunningCalls { runtime, stop, task };
                *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(running);
            }
            Err(error) => tracing::error!(%error, "the threads of on_dead cannot be started"),
        }
    }

    /// Waits for the calls, before the store is closed that they read their deliveries from.
    fn close(&self, deadline: Instant) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
            let Some(RunningCalls { runtime, stop, task }) = running else { return };
            let _ = stop.send(());
            let deadline = deadline.max(Instant::now() + CLOSE_MARGIN);
            if timeout_at(deadline, task).await.is_err() {
                tracing::error!(
                    "shutting down before on_dead was called for each dead delivery, or before it ended"
                );
            }
            runtime.shutdown_background();
        })
    }
}

/// Calls functions for dead deliveries.
struct DeadCalls {
    functions: Arc<[DeadFunction]>,
    jobs: Jobs,
    queue: Arc<DeadQueue>,
}

impl DeadCalls {
    /// Runs until it is stopped and each delivery is handled.
    async fn run(self, mut ids: mpsc::Receiver<Uuid>, mut stopped: oneshot::Receiver<()>) {
        let (mut calls, mut is_stopping) = (JoinSet::new(), false);
        let mut reported_at = None;
        loop {
            self.report_overflow(&mut reported_at);
            tokio::select! {
                biased;
                Some(_) = calls.join_next() => {}
                _ = &mut stopped, if !is_stopping => {
                    is_stopping = true;
                    ids.close();
                }
                id = ids.recv(), if calls.len() < MAX_CALLS => match id {
                    Some(id) => {
                        let (functions, jobs) = (Arc::clone(&self.functions), self.jobs.clone());
                        calls.spawn(call_all(functions, jobs, id));
                    }
                    None => break,
                },
            }
        }
        while calls.join_next().await.is_some() {}
    }

    fn report_overflow(&self, reported_at: &mut Option<Instant>) {
        if reported_at.is_some_and(|at| at.elapsed() < OVERFLOW_INTERVAL) {
            return;
        }
        let deliveries = self.queue.take_overflow();
        if deliveries > 0 {
            *reported_at = Some(Instant::now());
            tracing::warn!(
                deliveries,
                "on_dead is too slow, and is not called for these dead deliveries"
            );
        }
    }
}

/// Calls all functions for a dead delivery, one after the other.
async fn call_all(functions: Arc<[DeadFunction]>, jobs: Jobs, id: Uuid) {
    let Some(delivery) = jobs.dead_delivery(id).await else {
        tracing::debug!(delivery = %id, "the delivery is not dead any more, so on_dead is not called");
        return;
    };
    for function in &*functions {
        call(function, delivery.clone()).await;
    }
}

async fn call(function: &DeadFunction, delivery: DeadDelivery) {
    let (function, id, endpoint) =
        (Arc::clone(function), delivery.id.clone(), delivery.endpoint.clone());
    // In a task, so that a panic while it is dropped ends only the task.
    let mut called = task::spawn(caught_in(async move { function(delivery).await }));
    match timeout(CALL_TIMEOUT, &mut called).await {
        Ok(Ok(Err(panic))) => {
            let (panic, location) = (panic.text(), panic.location());
            tracing::error!(
                endpoint,
                delivery = id,
                location,
                panic,
                "the function of on_dead panicked"
            );
        }
        Ok(_) => {}
        Err(_) => {
            called.abort();
            tracing::error!(
                endpoint,
                delivery = id,
                "the function of on_dead took longer than {CALL_TIMEOUT:?}, and ends at its next .await"
            );
            // A function that blocks its thread cannot be stopped, and counts as a running call until it returns.
            let _ = called.await;
        }
    }
}

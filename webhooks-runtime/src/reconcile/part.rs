//! Looks for missed deliveries while the server runs, as one of its parts.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::duplicates::MadeDeliveries;
use super::memory::RefMemory;
use super::observe::{CommitObserver, ObservedDelivery, note};
use super::poll::Poller;
use super::timing::PollTiming;
use super::{ReconcileSettings, ReconciledEndpoint};
use crate::endpoint::panic::restart_on_panic;
use crate::http::background::KnownDeliveries;
use crate::http::outcome::Observer;
use crate::http::part::{Console, Part};
use crate::hub::Hub;
use crate::jobs::Jobs;
use crate::state::SharedState;

/// The lease of the replica that asks the Hub.
const LEASE: &str = "reconcile";

/// The part of a server that reconciles.
pub(crate) struct ReconcilePart {
    hub: Hub,
    jobs: Arc<OnceLock<Jobs>>,
    endpoints: Vec<ReconciledEndpoint>,
    timing: PollTiming,
    /// Holds the lease.
    holder: Uuid,
    observer: Arc<CommitObserver>,
    /// Taken when the server starts.
    observed: Mutex<Option<mpsc::Receiver<ObservedDelivery>>>,
    tasks: Mutex<JoinSet<()>>,
}

impl ReconcilePart {
    pub(crate) fn new(settings: ReconcileSettings<'_>) -> Self {
        let ReconcileSettings { hub, jobs, endpoints, interval, environment } = settings;
        let paths = endpoints.iter().map(|endpoint| endpoint.path.clone());
        let (observer, observed) = CommitObserver::new(paths);
        Self {
            hub,
            jobs,
            timing: PollTiming::new(interval, environment),
            endpoints,
            holder: Uuid::new_v4(),
            observer: Arc::new(observer),
            observed: Mutex::new(Some(observed)),
            tasks: Mutex::default(),
        }
    }
}

impl Part for ReconcilePart {
    fn observer(&self) -> Option<Arc<dyn Observer>> {
        Some(Arc::clone(&self.observer) as Arc<dyn Observer>)
    }

    fn known_deliveries(&self) -> Option<Arc<dyn KnownDeliveries>> {
        let endpoints = self.endpoints.iter().map(|endpoint| endpoint.path.clone()).collect();
        Some(Arc::new(MadeDeliveries { endpoints, jobs: Arc::clone(&self.jobs) }))
    }

    fn warning(&self) -> Option<String> {
        self.endpoints.is_empty().then(|| {
            "Warning: the server looks for no missed deliveries, because no endpoint has `background`, and `watch` \
             for commits: write #[webhook_endpoint(watch = \"dataset:me/data\", background)].\n"
                .to_owned()
        })
    }

    fn started(&self, _: Console) {
        let Some(jobs) = self.jobs.get().filter(|_| !self.endpoints.is_empty()) else {
            return;
        };
        let state: Arc<dyn SharedState> = Arc::new(jobs.clone());
        let memory = RefMemory(Arc::clone(&state));
        let poller = Arc::new(Poller {
            hub: self.hub.clone(),
            jobs: jobs.clone(),
            memory: memory.clone(),
            endpoints: self.endpoints.clone(),
            confirm: self.timing.confirm,
            failing: Mutex::new(HashSet::new()),
        });
        let (timing, holder) = (self.timing, self.holder);
        let lease = Arc::new(PollLease { state, holder, renewal: timing.renewal() });
        let polling = move || {
            let (poller, lease) = (Arc::clone(&poller), Arc::clone(&lease));
            // Boxed, because the compiler does not see that the future of an async closure is `Send`.
            async move { run(&poller, &lease, timing).await }.boxed()
        };
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.spawn(restart_on_panic("reconcile", polling));
        let observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut observed) = observed {
            tasks.spawn(async move {
                while let Some(delivery) = observed.recv().await {
                    // A poll finds the commit again, if it was not noted.
                    if let Err(error) = note(&memory, &delivery).await {
                        tracing::debug!(%error, "the commits of a delivery were not noted");
                    }
                }
            });
        }
    }

    fn drain(&self, _: Instant) -> BoxFuture<'_, ()> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
        Box::pin(async move {
            if let Some(jobs) = self.jobs.get() {
                // Otherwise the lease ends by itself.
                let _ = jobs.release(LEASE, self.holder).await;
            }
        })
    }
}

/// The lease of one replica.
struct PollLease {
    state: Arc<dyn SharedState>,
    holder: Uuid,
    renewal: Duration,
}

impl PollLease {
    /// Takes or renews it. Returns whether this replica has it.
    async fn renew(&self) -> bool {
        self.state.lease(LEASE, self.holder, self.renewal * 3).await.unwrap_or(false)
    }

    /// Renews it meanwhile.
    async fn renewing<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                result = &mut work => return result,
                () = sleep(self.renewal) => drop(self.renew().await),
            }
        }
    }
}

/// Asks the Hub again and again, while this replica has the lease.
async fn run(poller: &Poller, lease: &PollLease, timing: PollTiming) {
    let mut failures = 0;
    loop {
        if !lease.renew().await {
            sleep(lease.renewal).await;
            continue;
        }
        let outcome = lease.renewing(poller.poll()).await;
        let pause = match outcome.failed {
            Some(wait) => {
                failures += 1;
                timing.backoff(failures, wait)
            }
            None => {
                failures = 0;
                timing.interval
            }
        };
        let pause = if outcome.is_pending { pause.min(timing.confirm) } else { pause };
        lease.renewing(sleep(pause)).await;
    }
}

//! Looks for missed deliveries while the server runs, as one of its parts.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout_at};
use uuid::Uuid;

use super::duplicates::MadeDeliveries;
use super::lease::PollLease;
use super::make::DeliveryMaker;
use super::memory::RefMemory;
use super::observe::{CommitObserver, EndpointConditions, ObservedItem, note_all};
use super::poll::{PendingCommits, PollFailure, Poller};
use super::timing::PollTiming;
use super::{ReconcileSettings, ReconciledEndpoint};
use crate::endpoint::panic::restart_on_panic;
use crate::http::background::KnownDeliveries;
use crate::http::outcome::Observer;
use crate::http::part::{Console, Part};
use crate::hub::Hub;
use crate::jobs::Jobs;
use crate::state::SharedState;
use crate::task;

/// The least time for what was observed to be noted.
const CLOSING: Duration = Duration::from_secs(2);

/// The part of a server that reconciles.
pub(crate) struct ReconcilePart {
    hub: Hub,
    jobs: Arc<OnceLock<Jobs>>,
    endpoints: Vec<ReconciledEndpoint>,
    timing: PollTiming,
    /// The lease of the replica that asks the Hub. Programs that share a store have other endpoints.
    lease: String,
    holder: Uuid,
    observer: Arc<CommitObserver>,
    /// Taken when the server starts.
    observed: Mutex<Option<mpsc::Receiver<ObservedItem>>>,
    /// Asks the Hub.
    polling: Mutex<JoinSet<()>>,
    /// Notes what was observed.
    noting: Mutex<Option<JoinHandle<()>>>,
    making: Arc<tokio::sync::Mutex<()>>,
}

impl ReconcilePart {
    pub(crate) fn new(settings: ReconcileSettings<'_>) -> Self {
        let ReconcileSettings { hub, jobs, endpoints, interval, environment } = settings;
        let paths: BTreeSet<_> = endpoints.iter().map(|endpoint| &*endpoint.path).collect();
        let lease = paths.iter().fold("reconcile".to_owned(), |lease, path| lease + " " + path);
        let (observer, observed) = CommitObserver::new(conditions(&endpoints));
        Self {
            hub,
            jobs,
            timing: PollTiming::new(interval, environment),
            endpoints,
            lease,
            holder: Uuid::new_v4(),
            observer: Arc::new(observer),
            observed: Mutex::new(Some(observed)),
            polling: Mutex::default(),
            noting: Mutex::default(),
            making: Arc::default(),
        }
    }
}

impl Part for ReconcilePart {
    fn observer(&self) -> Option<Arc<dyn Observer>> {
        Some(Arc::clone(&self.observer) as Arc<dyn Observer>)
    }

    fn known_deliveries(&self) -> Option<Arc<dyn KnownDeliveries>> {
        let (observer, jobs) = (Arc::clone(&self.observer), Arc::clone(&self.jobs));
        Some(Arc::new(MadeDeliveries { observer, jobs }))
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
        let (timing, holder, name) = (self.timing, self.holder, self.lease.clone());
        let lease = Arc::new(PollLease { state, name, holder, renewal: timing.renewal() });
        let maker = DeliveryMaker {
            hub: self.hub.clone(),
            jobs: jobs.clone(),
            memory: memory.clone(),
            making: Arc::clone(&self.making),
            lease: Arc::clone(&lease),
        };
        let (endpoints, confirm) = (self.endpoints.clone(), timing.confirm);
        let poller = Arc::new(Poller { maker, endpoints, confirm });
        let polling = move || {
            let (poller, lease) = (Arc::clone(&poller), Arc::clone(&lease));
            // Boxed, because the compiler does not see that the future of an async closure is `Send`.
            async move { run(&poller, &lease, timing).await }.boxed()
        };
        let mut tasks = self.polling.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.spawn(restart_on_panic("reconcile", polling).boxed());
        let observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(observed) = observed {
            let noting = task::spawn(async move { note_all(&memory, observed).await });
            *self.noting.lock().unwrap_or_else(PoisonError::into_inner) = Some(noting);
        }
    }

    fn drain(&self, deadline: Instant) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // A delivery that is being made is noted, too.
            let making = timeout_at(deadline, self.making.lock()).await;
            self.polling.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
            drop(making);
            if let Some(jobs) = self.jobs.get() {
                // Otherwise the lease ends by itself.
                let _ = jobs.release(&self.lease, self.holder).await;
            }
        })
    }

    /// Notes what the last requests have brought. The store is closed later.
    fn close(&self, deadline: Instant) -> BoxFuture<'_, ()> {
        self.observer.close();
        let noting = self.noting.lock().unwrap_or_else(PoisonError::into_inner).take();
        Box::pin(async move {
            if let Some(noting) = noting {
                // A poll makes a delivery of what is not noted by then.
                let _ = timeout_at(deadline.max(Instant::now() + CLOSING), noting).await;
            }
        })
    }
}

/// Returns the conditions of endpoints, by their paths.
fn conditions(endpoints: &[ReconciledEndpoint]) -> EndpointConditions {
    let conditions = |it: &ReconciledEndpoint| (it.path.clone(), it.conditions.clone());
    endpoints.iter().map(conditions).collect()
}

/// Asks the Hub again and again, while this replica has the lease.
async fn run(poller: &Poller, lease: &PollLease, timing: PollTiming) {
    let (mut failures, mut pending) = (0, PendingCommits::new());
    loop {
        if !lease.renew().await {
            pending.clear();
            sleep(lease.renewal).await;
            continue;
        }
        let Some(outcome) = lease.renewing(poller.poll(&mut pending)).await else {
            continue;
        };
        let mut wait = None;
        match outcome.failed {
            Some(failure) => {
                // Once while it lasts.
                if failures == 0 {
                    let PollFailure { what, error, .. } = failure;
                    tracing::warn!(
                        %error,
                        "cannot look for missed deliveries of {what}: they are found when this works again"
                    );
                }
                (failures, wait) = (failures + 1, failure.wait);
            }
            None => failures = 0,
        }
        let pause = timing.pause(failures, wait, outcome.is_pending);
        lease.renewing(sleep(pause)).await;
    }
}

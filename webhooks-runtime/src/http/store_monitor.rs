//! Reads what anyone can see of the store: whether it responds, and which endpoints are paused.
//!
//! `GET /health` and every view of the page show it. Anyone can request them, and must not be able to load the store with
//! them: all requests share one read, whose result is reused for a moment.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::time::{Instant, timeout};

use crate::jobs::{Jobs, StoreError};
use crate::task;

/// How long a request waits for the store.
const STORE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a report is reused.
pub(crate) const REPORT_AGE: Duration = Duration::from_secs(1);

/// The paths of paused endpoints, and since when each is paused.
type Paused = Vec<(String, SystemTime)>;

/// The state of the store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StoreReport {
    pub(crate) responds: bool,
    /// For how long the longest due delivery has been waiting.
    pub(crate) oldest_due: Option<Duration>,
    /// As of the last time that the store responded; `None` if it has never responded.
    pub(crate) paused: Option<Paused>,
}

/// Reads the state of the store. Clones share their reports.
#[derive(Clone, Debug, Default)]
pub(crate) struct StoreMonitor(Arc<Mutex<MonitorState>>);

#[derive(Debug, Default)]
struct MonitorState {
    last: StoreReport,
    /// When the last read ended; `None` if its result must not be reused.
    read_at: Option<Instant>,
    reading: Option<Shared<BoxFuture<'static, ()>>>,
    /// Whether a request has waited in vain for the read that is in flight. The requests that follow don't wait.
    is_late: bool,
    /// The number of the read in flight. The result of an earlier one is not used.
    number: u64,
}

impl StoreMonitor {
    /// Returns the state of the store, which is at most [`REPORT_AGE`] old.
    pub(crate) async fn report(&self, jobs: &Jobs) -> StoreReport {
        let jobs = jobs.clone();
        let read =
            || async move { tokio::try_join!(jobs.oldest_due(), paused_endpoints(&jobs)) }.boxed();
        self.report_of(read).await
    }

    /// Makes the next report read the store, because this process has just paused or resumed an endpoint.
    pub(crate) fn expire(&self) {
        let mut state = self.lock();
        (state.read_at, state.reading) = (None, None);
    }

    async fn report_of(
        &self,
        read: impl FnOnce() -> BoxFuture<'static, Result<(Option<Duration>, Paused), StoreError>>,
    ) -> StoreReport {
        let reading = {
            let mut state = self.lock();
            if state.read_at.is_some_and(|at| at.elapsed() < REPORT_AGE) {
                return state.last.clone();
            }
            match &state.reading {
                Some(_) if state.is_late => return state.late(),
                Some(reading) => reading.clone(),
                None => self.start(&mut state, read()),
            }
        };
        let responds = timeout(STORE_TIMEOUT, reading.clone()).await.is_ok();
        let mut state = self.lock();
        let is_current = state.reading.as_ref().is_some_and(|current| current.ptr_eq(&reading));
        if responds {
            if is_current {
                // The thread that read has ended.
                state.reading = None;
            }
            return state.last.clone();
        }
        state.is_late |= is_current;
        state.late()
    }

    /// Starts to read. As a task, so that it ends even if the request is dropped, and no second one begins meanwhile.
    fn start(
        &self,
        state: &mut MonitorState,
        read: BoxFuture<'static, Result<(Option<Duration>, Paused), StoreError>>,
    ) -> Shared<BoxFuture<'static, ()>> {
        state.number += 1;
        state.is_late = false;
        let (monitor, number) = (self.clone(), state.number);
        let task = task::spawn(async move {
            let result = read.await;
            let mut state = monitor.lock();
            if state.number == number && state.reading.take().is_some() {
                state.last = match result {
                    Ok((oldest_due, paused)) => {
                        StoreReport { responds: true, oldest_due, paused: Some(paused) }
                    }
                    Err(_) => state.late(),
                };
                state.read_at = Some(Instant::now());
            }
        });
        let reading = task.map(|_| ()).boxed().shared();
        state.reading = Some(reading.clone());
        reading
    }

    fn lock(&self) -> MutexGuard<'_, MonitorState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MonitorState {
    /// Returns the report of a store that does not respond. Its endpoints are paused as before.
    fn late(&self) -> StoreReport {
        StoreReport { responds: false, oldest_due: None, paused: self.last.paused.clone() }
    }
}

/// Returns the paused endpoints of this program. The store may be that of other programs, too.
pub(crate) async fn paused_endpoints(jobs: &Jobs) -> Result<Paused, StoreError> {
    let mut paused = jobs.paused().await?;
    paused.retain(|(path, _)| jobs.attempts(path).is_some());
    Ok(paused)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A store whose reads are counted. Each takes as long as `takes`.
    #[derive(Default)]
    struct CountedStore {
        monitor: StoreMonitor,
        reads: Arc<AtomicUsize>,
        takes: Duration,
        fails: bool,
    }

    impl CountedStore {
        async fn report(&self) -> StoreReport {
            let (reads, takes, fails) = (Arc::clone(&self.reads), self.takes, self.fails);
            let read = async move {
                let number = reads.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(takes).await;
                let paused = vec![(format!("/webhooks/{number}"), SystemTime::UNIX_EPOCH)];
                if fails { Err(StoreError::Closed) } else { Ok((None, paused)) }
            };
            self.monitor.report_of(|| read.boxed()).await
        }

        fn reads(&self) -> usize {
            self.reads.load(Ordering::Relaxed)
        }
    }

    fn paused(report: &StoreReport) -> &str {
        report.paused.as_ref().map_or("", |paused| paused[0].0.as_str())
    }

    #[tokio::test(start_paused = true)]
    async fn concurrent_requests_share_one_read_and_its_result_is_reused_for_a_second() {
        let store = CountedStore { takes: Duration::from_millis(100), ..CountedStore::default() };
        let reports = futures_util::future::join_all((0..10).map(|_| store.report())).await;
        assert!(reports.iter().all(|report| report.responds && paused(report) == "/webhooks/0"));
        tokio::time::sleep(REPORT_AGE / 2).await;
        assert_eq!((store.report().await, store.reads()), (reports[0].clone(), 1));
        tokio::time::sleep(REPORT_AGE / 2).await;
        assert_eq!((paused(&store.report().await), store.reads()), ("/webhooks/1", 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_hangs_is_read_once_and_only_the_first_requests_wait_for_it() {
        let store = CountedStore { takes: Duration::from_secs(60), ..CountedStore::default() };
        let started = Instant::now();
        let reports = futures_util::future::join_all((0..10).map(|_| store.report())).await;
        assert!(reports.iter().all(|report| !report.responds));
        assert_eq!(started.elapsed().as_secs(), STORE_TIMEOUT.as_secs());
        for _ in 0..10 {
            assert_eq!(store.report().await, StoreReport::default());
        }
        assert_eq!((started.elapsed().as_secs(), store.reads()), (STORE_TIMEOUT.as_secs(), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn endpoints_stay_paused_when_the_store_fails() {
        let mut store = CountedStore::default();
        store.report().await;
        store.fails = true;
        tokio::time::sleep(REPORT_AGE).await;
        let failed = store.report().await;
        assert_eq!((failed.responds, paused(&failed), store.reads()), (false, "/webhooks/0", 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_by_this_process_is_seen_at_once() {
        let mut store = CountedStore::default();
        store.report().await;
        store.monitor.expire();
        assert_eq!(paused(&store.report().await), "/webhooks/1");
        // The result of a read that began before the change is not used.
        store.takes = Duration::from_millis(100);
        store.monitor.expire();
        let before = store.report();
        let after = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            store.monitor.expire();
            store.report().await
        };
        let (_, after) = tokio::join!(before, after);
        assert_eq!(paused(&after), "/webhooks/3");
        assert_eq!(paused(&store.report().await), "/webhooks/3");
    }
}

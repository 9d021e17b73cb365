//! Reads how many deliveries the store has, bounded in time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::jobs::{Jobs, StateCount, StoreError};
use crate::task;

/// How long a scrape waits for the counts.
const WAIT: Duration = Duration::from_secs(2);

/// The shortest time for which counts are reused.
const MIN_AGE: Duration = Duration::from_secs(1);

/// Counting takes at most one part in this many of the time. A million rows take a few tenths of a second.
const TIME_SHARE: u32 = 20;

/// Reads the counts. Scrapes share one read, whose result is reused for a moment.
#[derive(Clone, Default)]
pub(super) struct CountReader(Arc<Mutex<Option<LastCounts>>>);

struct LastCounts {
    counts: Vec<StateCount>,
    /// When they may be read again.
    next: Instant,
}

impl CountReader {
    /// Returns the counts; `None` if the store does not respond in time.
    pub(super) async fn read(&self, jobs: &Jobs) -> Option<Vec<StateCount>> {
        let jobs = jobs.clone();
        self.read_with(async move { jobs.counts().await }).await
    }

    async fn read_with(
        &self,
        count: impl Future<Output = Result<Vec<StateCount>, StoreError>> + Send + 'static,
    ) -> Option<Vec<StateCount>> {
        let reading = async {
            let mut last = Arc::clone(&self.0).lock_owned().await;
            let now = Instant::now();
            if let Some(last) = last.as_ref().filter(|last| last.next > now) {
                return Some(last.counts.clone());
            }
            // As a task, so that it ends even if nobody waits for it, and no second one begins meanwhile.
            let task = task::spawn(async move {
                let counts = count.await.ok();
                let next = Instant::now() + MIN_AGE.max(now.elapsed() * TIME_SHARE);
                *last = counts.clone().map(|counts| LastCounts { counts, next });
                counts
            });
            task.await.ok()?
        };
        timeout(WAIT, reading).await.ok()?
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::jobs::State;

    /// A store that takes this long to count, and how often it was asked to.
    #[derive(Default)]
    struct CountedReads {
        reader: CountReader,
        reads: Arc<AtomicU64>,
    }

    impl CountedReads {
        async fn read(&self, takes: Duration) -> Option<u64> {
            let reads = Arc::clone(&self.reads);
            let count = async move {
                let count = reads.fetch_add(1, Ordering::Relaxed) + 1;
                tokio::time::sleep(takes).await;
                let endpoint = "/webhooks/train".to_owned();
                Ok(vec![StateCount { endpoint, state: State::Queued, count }])
            };
            self.reader.read_with(count).await.map(|counts| counts[0].count)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn scrapes_share_a_read_that_takes_a_twentieth_of_the_time() {
        let store = CountedReads::default();
        let takes = Duration::from_millis(500);
        let together = futures_util::future::join_all((0..5).map(|_| store.read(takes))).await;
        assert_eq!(together, [Some(1); 5]);
        tokio::time::sleep(Duration::from_secs(9)).await;
        assert_eq!(store.read(takes).await, Some(1));
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(store.read(takes).await, Some(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_hangs_delays_a_scrape_by_two_seconds_and_is_asked_once() {
        let store = CountedReads::default();
        let started = Instant::now();
        for _ in 0..5 {
            assert_eq!(store.read(Duration::from_secs(60)).await, None);
        }
        assert_eq!((started.elapsed(), store.reads.load(Ordering::Relaxed)), (WAIT * 5, 1));
    }
}

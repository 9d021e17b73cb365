//! Tells the scheduler which endpoints may have due deliveries, and when many deliveries are arriving.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// The size from which a batch of accepted deliveries counts as a burst.
const BURST_SIZE: usize = 16;

/// How long a burst lasts after its last large batch.
const BURST_GAP: Duration = Duration::from_millis(1);

/// The endpoints that the scheduler should look at.
///
/// A wakeup is a hint: a spurious one costs a look into the store, and a missed one is made up for by the
/// scheduler's regular polls.
#[derive(Debug)]
pub(super) struct Wakeups {
    /// By the endpoint's index.
    pending: Vec<AtomicBool>,
    notify: Notify,
    /// When the last large batch was accepted.
    last_burst: Mutex<Option<Instant>>,
}

impl Wakeups {
    /// Creates the wakeups of this many endpoints, all of which are pending.
    pub(super) fn new(endpoints: usize) -> Self {
        let pending = (0..endpoints).map(|_| AtomicBool::new(true)).collect();
        Self { pending, notify: Notify::new(), last_burst: Mutex::new(None) }
    }

    /// Wakes the scheduler for an endpoint.
    pub(super) fn wake(&self, endpoint: usize) {
        if !self.pending[endpoint].swap(true, Ordering::Relaxed) {
            self.notify.notify_one();
        }
    }

    /// Wakes the scheduler for all endpoints.
    pub(super) fn wake_all(&self) {
        for pending in &self.pending {
            pending.store(true, Ordering::Relaxed);
        }
        self.notify.notify_one();
    }

    /// Marks an endpoint without waking the scheduler, which calls this itself.
    pub(super) fn mark(&self, endpoint: usize) {
        self.pending[endpoint].store(true, Ordering::Relaxed);
    }

    /// Returns whether an endpoint is pending, and clears that.
    pub(super) fn take(&self, endpoint: usize) -> bool {
        self.pending[endpoint].swap(false, Ordering::Relaxed)
    }

    /// Waits until the scheduler is woken.
    pub(super) async fn notified(&self) {
        self.notify.notified().await;
    }

    /// Records the size of a batch that was just accepted.
    pub(super) fn record_batch(&self, size: usize) {
        if size >= BURST_SIZE {
            *self.last_burst.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
    }

    fn is_burst(&self) -> bool {
        let last = self.last_burst.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|last| last.elapsed() < BURST_GAP)
    }

    /// Waits while a burst of deliveries is arriving, at most until `latest`: accepting has a client that
    /// waits for its response, and running does not.
    pub(super) async fn let_many_arrive(&self, latest: Instant) {
        while Instant::now() < latest && self.is_burst() {
            sleep(BURST_GAP).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;
    use tokio::time::advance;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(20);

    /// Records batches of this size for some time, and returns how long the scheduler waited for them.
    async fn waited(size: usize, arriving: Duration) -> Duration {
        let wakeups = Wakeups::new(1);
        let start = Instant::now();
        let mut waiting = pin!(wakeups.let_many_arrive(start + LIMIT));
        loop {
            if start.elapsed() < arriving {
                wakeups.record_batch(size);
            }
            if waiting.as_mut().now_or_never().is_some() {
                return start.elapsed();
            }
            advance(BURST_GAP / 2).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_scheduler_waits_for_a_burst_but_not_forever() {
        let forever = Duration::from_secs(60);
        assert_eq!(waited(BURST_SIZE - 1, forever).await, Duration::ZERO);
        assert_eq!(waited(BURST_SIZE, forever).await, LIMIT);
        let short = waited(BURST_SIZE, BURST_GAP * 5).await;
        assert!(short >= BURST_GAP * 5 && short <= BURST_GAP * 7, "{short:?}");
    }
}

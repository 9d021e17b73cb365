//! Estimates how many deliveries are queued or running, for the limit of the backlog: counts them from time to time,
//! and adds up this replica's changes in between.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::super::error::StoreError;
use super::pool::{Pool, with_retries};
use crate::task;

/// The interval between counts.
const COUNT_INTERVAL: Duration = Duration::from_secs(10);

/// The interval between counts while the backlog is full and deliveries are rejected.
const COUNT_INTERVAL_WHEN_FULL: Duration = Duration::from_secs(1);

/// Counting takes at most one part in this many of the time. A million rows take a few tenths of a second.
const TIME_SHARE: u32 = 50;

/// The number of queued and running deliveries, but no more than a limit.
const COUNT: &str = "
    SELECT count(*) FROM (
        (SELECT 1 FROM webhooks_runtime.deliveries WHERE state = 0 AND key IS NULL LIMIT $1)
        UNION ALL
        (SELECT 1 FROM webhooks_runtime.deliveries WHERE state = 0 AND key IS NOT NULL LIMIT $1)
        UNION ALL
        (SELECT 1 FROM webhooks_runtime.deliveries WHERE state = 1 LIMIT $1)
    ) AS waiting (one)";

/// The estimate. It is wrong by what changes during a count, and by what other replicas change until the next one.
pub(super) struct Backlog {
    limit: i64,
    count: AtomicI64,
    /// The earliest time of the next count, and of one while the backlog is full.
    next_counts: Mutex<(Instant, Instant)>,
    /// Locked during a count, because two at once would correct the estimate twice.
    counting: tokio::sync::Mutex<()>,
}

impl Backlog {
    pub(super) fn new(limit: u64) -> Self {
        let now = Instant::now();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        Self {
            limit,
            count: AtomicI64::new(0),
            next_counts: Mutex::new((now, now)),
            counting: tokio::sync::Mutex::default(),
        }
    }

    /// Reserves room for this many deliveries, or for as many as fit. Returns their number. Waits for a count that is
    /// due only if they would otherwise be rejected.
    pub(super) async fn reserve(
        self: &Arc<Self>,
        pool: &Pool,
        many: u64,
    ) -> Result<u64, StoreError> {
        let many = i64::try_from(many).unwrap_or(i64::MAX);
        let is_full = self.count.load(Ordering::Relaxed).saturating_add(many) > self.limit;
        if self.is_count_due(is_full) {
            if is_full {
                self.count(pool).await?;
            } else {
                let (backlog, pool) = (Arc::clone(self), pool.clone());
                task::spawn(async move { backlog.try_count(&pool).await });
            }
        }
        let before = self.count.fetch_add(many, Ordering::Relaxed);
        let reserved = many.min(self.limit.saturating_sub(before)).max(0);
        self.add(reserved - many);
        Ok(reserved.unsigned_abs())
    }

    /// Adds a change to the estimate.
    pub(super) fn add(&self, change: i64) {
        self.count.fetch_add(change, Ordering::Relaxed);
    }

    /// Returns whether the caller must count. Others continue with the estimate meanwhile.
    fn is_count_due(&self, is_full: bool) -> bool {
        let mut next = self.next_counts.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let is_due = now >= if is_full { next.1 } else { next.0 };
        if is_due {
            *next = (now + COUNT_INTERVAL, now + COUNT_INTERVAL_WHEN_FULL);
        }
        is_due
    }

    /// Counts, and keeps the estimate if that fails.
    pub(super) async fn try_count(&self, pool: &Pool) {
        if let Err(error) = self.count(pool).await {
            tracing::debug!(%error, "the backlog cannot be counted");
        }
    }

    /// Counts, unless another task does.
    async fn count(&self, pool: &Pool) -> Result<(), StoreError> {
        let Ok(_counting) = self.counting.try_lock() else { return Ok(()) };
        let (start, before) = (Instant::now(), self.count.load(Ordering::Relaxed));
        let most = self.limit.saturating_add(1);
        let counted: i64 = with_retries(pool, |mut connection| async move {
            let counted = sqlx::query_scalar(COUNT).bind(most).fetch_one(&mut *connection).await;
            (connection, counted)
        })
        .await?;
        // Keeps the changes that were added meanwhile.
        self.add(counted - before);
        let earliest = start + start.elapsed() * TIME_SHARE;
        let mut next = self.next_counts.lock().unwrap_or_else(PoisonError::into_inner);
        *next = (next.0.max(earliest), next.1.max(earliest));
        Ok(())
    }
}

#[cfg(test)]
impl Backlog {
    /// Makes a count due.
    pub(super) fn make_count_due(&self) {
        let now = Instant::now();
        *self.next_counts.lock().unwrap_or_else(PoisonError::into_inner) = (now, now);
    }
}

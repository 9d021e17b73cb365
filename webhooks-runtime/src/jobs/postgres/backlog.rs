//! Estimates how many deliveries are queued or running: counts them from time to time, and adds up changes in
//! between.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};
use tokio::sync::{OwnedRwLockReadGuard, RwLock};
use tokio::time::timeout;

use super::super::error::StoreError;
use super::pool::{Pool, with_retries};

/// The interval between counts.
const COUNT_INTERVAL: Duration = Duration::from_secs(10);

/// The interval between counts while the backlog is full and deliveries are rejected.
const COUNT_INTERVAL_WHEN_FULL: Duration = Duration::from_secs(1);

/// Counting takes at most one part in this many of the time. A million rows take a few tenths of a second.
const TIME_SHARE: u32 = 50;

/// How long a count waits for a moment without concurrent changes.
const QUIET_TIMEOUT: Duration = Duration::from_millis(200);

pub(super) struct Backlog {
    limit: u64,
    estimate: Mutex<BacklogEstimate>,
    /// Read-locked while deliveries change, until the change is recorded here. A count begins under the write
    /// lock, so each change is either in the count or recorded after it began.
    changing: Arc<RwLock<()>>,
}

/// A guard to hold while deliveries change, until the change is recorded.
pub(super) type Changing = OwnedRwLockReadGuard<()>;

struct BacklogEstimate {
    /// The estimated number of queued and running deliveries.
    count: u64,
    /// The sum of the changes since the last count began.
    since: i64,
    next_count: Instant,
    next_count_when_full: Instant,
}

/// Whether and when to count.
enum Due {
    No,
    InBackground,
    Now,
}

impl Backlog {
    pub(super) fn new(limit: u64) -> Self {
        let now = Instant::now();
        Self {
            limit,
            estimate: Mutex::new(BacklogEstimate {
                count: 0,
                since: 0,
                next_count: now,
                next_count_when_full: now,
            }),
            changing: Arc::default(),
        }
    }

    /// Reserves room for this many deliveries, or for as many as fit. Returns their number.
    pub(super) async fn reserve(
        self: &Arc<Self>,
        pool: &Pool,
        many: u64,
    ) -> Result<(u64, Changing), StoreError> {
        match self.due(many) {
            Due::No => {}
            Due::InBackground => {
                let (backlog, pool) = (Arc::clone(self), pool.clone());
                tokio::spawn(async move {
                    if let Err(error) = backlog.count(&pool).await {
                        tracing::debug!(%error, "cannot count the queued deliveries");
                    }
                });
            }
            Due::Now => self.count(pool).await?,
        }
        let changing = self.changing().await;
        let mut estimate = self.estimate();
        let reserved = many.min(self.limit.saturating_sub(estimate.count));
        estimate.add(reserved.cast_signed());
        Ok((reserved, changing))
    }

    /// Announces a change, until the guard is dropped.
    pub(super) async fn changing(&self) -> Changing {
        Arc::clone(&self.changing).read_owned().await
    }

    /// Records a change.
    pub(super) fn record(&self, by: i64) {
        self.estimate().add(by);
    }

    fn due(&self, more: u64) -> Due {
        let mut estimate = self.estimate();
        let now = Instant::now();
        let full = estimate.count.saturating_add(more) > self.limit;
        let next = if full { estimate.next_count_when_full } else { estimate.next_count };
        if now < next {
            return Due::No;
        }
        // One caller counts while the others continue.
        estimate.next_count = now + COUNT_INTERVAL;
        estimate.next_count_when_full = now + COUNT_INTERVAL_WHEN_FULL;
        if full { Due::Now } else { Due::InBackground }
    }

    async fn count(&self, pool: &Pool) -> Result<(), StoreError> {
        let start = Instant::now();
        // Counting further than the limit makes no difference.
        let most = i64::try_from(self.limit.saturating_add(1)).unwrap_or(i64::MAX);
        let counted = with_retries(pool, |mut connection| async move {
            let counted = self.count_from_now(&mut connection, most).await;
            (connection, counted)
        })
        .await?;
        let mut estimate = self.estimate();
        let counted = u64::try_from(counted).unwrap_or(0);
        estimate.count = counted.saturating_add_signed(estimate.since);
        let rest = start.elapsed() * TIME_SHARE;
        estimate.next_count = estimate.next_count.max(start + rest);
        estimate.next_count_when_full = estimate.next_count_when_full.max(start + rest);
        Ok(())
    }

    /// Counts a snapshot from a moment without concurrent changes, if there is one. Later changes are not
    /// in the count, however long it takes.
    async fn count_from_now(
        &self,
        connection: &mut PgConnection,
        most: i64,
    ) -> Result<i64, sqlx::Error> {
        let quiet = timeout(QUIET_TIMEOUT, self.changing.write()).await.ok();
        let mut snapshot = connection.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ").await?;
        sqlx::query("SELECT 1").execute(&mut *snapshot).await?;
        self.estimate().since = 0;
        drop(quiet);
        let counted = count(&mut snapshot, most).await?;
        snapshot.rollback().await?;
        Ok(counted)
    }

    fn estimate(&self) -> MutexGuard<'_, BacklogEstimate> {
        self.estimate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BacklogEstimate {
    fn add(&mut self, by: i64) {
        self.count = self.count.saturating_add_signed(by);
        self.since = self.since.saturating_add(by);
    }
}

async fn count(connection: &mut PgConnection, most: i64) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT count(*) FROM (
             (SELECT 1 FROM webhooks_runtime.deliveries WHERE state = 0 LIMIT $1)
             UNION ALL
             (SELECT 1 FROM webhooks_runtime.deliveries WHERE state = 1 LIMIT $1)
         ) AS waiting (one)",
    )
    .bind(most)
    .fetch_one(connection)
    .await
}

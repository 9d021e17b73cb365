//! How many deliveries wait, roughly: counted now and then, and carried on in between.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};
use tokio::sync::{OwnedRwLockReadGuard, RwLock};
use tokio::time::timeout;

use super::super::error::StoreError;
use super::connect::{Pool, tried};

/// How long after a count the next one is made.
const PERIOD: Duration = Duration::from_secs(10);

/// The same when there are too many, and somebody is about to be refused.
const PERIOD_WHEN_FULL: Duration = Duration::from_secs(1);

/// The share of the time that counting may take. A million take some tenths of a second.
const SHARE: u32 = 50;

/// For how long a count waits for a moment at which nothing changes.
const BRIEFLY: Duration = Duration::from_millis(200);

pub(super) struct Backlog {
    limit: u64,
    estimate: Mutex<Estimate>,
    /// Held while deliveries are kept or settled, until that is noted here: a count begins when each is
    /// either in it or noted afterwards.
    changing: Arc<RwLock<()>>,
}

/// Held while deliveries are kept or settled, until that is noted.
pub(super) type Changing = OwnedRwLockReadGuard<()>;

struct Estimate {
    /// How many are queued or running.
    waiting: u64,
    /// What was added and taken away since a count began.
    since: i64,
    next_count: Instant,
    next_count_when_full: Instant,
}

/// Whether a count is due.
enum Due {
    No,
    Sometime,
    AtOnce,
}

impl Backlog {
    pub(super) fn new(limit: u64) -> Self {
        let now = Instant::now();
        Self {
            limit,
            estimate: Mutex::new(Estimate {
                waiting: 0,
                since: 0,
                next_count: now,
                next_count_when_full: now,
            }),
            changing: Arc::default(),
        }
    }

    /// Takes room for this many, or for as many as there is room for.
    pub(super) async fn take(
        self: &Arc<Self>,
        pool: &Pool,
        many: u64,
    ) -> Result<(u64, Changing), StoreError> {
        match self.due(many) {
            Due::No => {}
            Due::Sometime => {
                let (backlog, pool) = (Arc::clone(self), pool.clone());
                tokio::spawn(async move {
                    if let Err(error) = backlog.count(&pool).await {
                        tracing::debug!(%error, "the waiting deliveries cannot be counted");
                    }
                });
            }
            Due::AtOnce => self.count(pool).await?,
        }
        let changing = self.changing().await;
        let mut estimate = self.estimate();
        let taken = many.min(self.limit.saturating_sub(estimate.waiting));
        estimate.change(taken.cast_signed());
        Ok((taken, changing))
    }

    /// Says that something changes, until what is returned is dropped.
    pub(super) async fn changing(&self) -> Changing {
        Arc::clone(&self.changing).read_owned().await
    }

    /// Notes that there are more, or fewer.
    pub(super) fn change(&self, by: i64) {
        self.estimate().change(by);
    }

    fn due(&self, many: u64) -> Due {
        let mut estimate = self.estimate();
        let now = Instant::now();
        let full = estimate.waiting.saturating_add(many) > self.limit;
        let next = if full { estimate.next_count_when_full } else { estimate.next_count };
        if now < next {
            return Due::No;
        }
        // Once, while others go on.
        estimate.next_count = now + PERIOD;
        estimate.next_count_when_full = now + PERIOD_WHEN_FULL;
        if full { Due::AtOnce } else { Due::Sometime }
    }

    async fn count(&self, pool: &Pool) -> Result<(), StoreError> {
        let begun = Instant::now();
        // More than the limit makes no difference.
        let most = i64::try_from(self.limit.saturating_add(1)).unwrap_or(i64::MAX);
        let counted = tried(pool, |mut lent| async move {
            let counted = self.count_from_now(&mut lent, most).await;
            (lent, counted)
        })
        .await?;
        let mut estimate = self.estimate();
        let counted = u64::try_from(counted).unwrap_or(0);
        estimate.waiting = counted.saturating_add_signed(estimate.since);
        let rest = begun.elapsed() * SHARE;
        estimate.next_count = estimate.next_count.max(begun + rest);
        estimate.next_count_when_full = estimate.next_count_when_full.max(begun + rest);
        Ok(())
    }

    /// Counts what is there at a moment at which nothing changes. What comes later isn't in the count,
    /// however long it takes.
    async fn count_from_now(
        &self,
        connection: &mut PgConnection,
        most: i64,
    ) -> Result<i64, sqlx::Error> {
        let nothing = timeout(BRIEFLY, self.changing.write()).await.ok();
        let mut snapshot = connection.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ").await?;
        sqlx::query("SELECT 1").execute(&mut *snapshot).await?;
        self.estimate().since = 0;
        drop(nothing);
        let counted = count(&mut snapshot, most).await?;
        snapshot.rollback().await?;
        Ok(counted)
    }

    fn estimate(&self) -> MutexGuard<'_, Estimate> {
        self.estimate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Estimate {
    fn change(&mut self, by: i64) {
        self.waiting = self.waiting.saturating_add_signed(by);
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

//! Estimates how many bytes the payloads of all deliveries take: measures them with each purge, and counts in
//! between.
//!
//! Measures the sum of the payloads and not the size of the tables, which do not shrink when deliveries are
//! deleted. Works in chunks, so that no statement takes long however many payloads there are.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::super::delivery::NewDelivery;
use super::super::error::StoreError;
use super::pool::{Pool, with_retries};

/// Measuring takes at most one part in this many of the time.
const TIME_SHARE: u32 = 50;

/// The interval between purges. A measurement that is fast enough for its share of the time happens with each.
const PURGE_INTERVAL: Duration = Duration::from_secs(60);

/// How many payloads one statement measures.
const CHUNK: i64 = 10_000;

/// The bytes of the next chunk, its length, and its last id.
const MEASURE: &str = "
    SELECT coalesce(sum(bytes), 0)::bigint, count(*), max(delivery::text)::uuid FROM (
        SELECT delivery, octet_length(body) AS bytes FROM webhooks_runtime.payloads
        WHERE delivery > $1 AND delivery < $2 ORDER BY delivery LIMIT $3
    ) AS next";

pub(super) struct StoreSize {
    limit: u64,
    estimate: Mutex<SizeEstimate>,
}

struct SizeEstimate {
    used: u64,
    /// The bytes added since the last measurement began.
    since: u64,
    next_measurement: Instant,
}

impl StoreSize {
    pub(super) fn new(limit: u64) -> Self {
        let estimate = SizeEstimate { used: 0, since: 0, next_measurement: Instant::now() };
        Self { limit, estimate: Mutex::new(estimate) }
    }

    /// Returns how many deliveries of a batch fit, in order. As in a file, the last one may exceed the limit.
    pub(super) fn room(&self, batch: &[NewDelivery]) -> u64 {
        let mut used = self.estimate().used;
        let fitting = batch.iter().take_while(|new| {
            let fits = used < self.limit;
            used = used.saturating_add(new.body.len() as u64);
            fits
        });
        fitting.count() as u64
    }

    /// Counts the bytes of accepted deliveries.
    pub(super) fn add(&self, bytes: u64) {
        let mut estimate = self.estimate();
        estimate.used = estimate.used.saturating_add(bytes);
        estimate.since = estimate.since.saturating_add(bytes);
    }

    /// Measures from time to time, in a process that purges nothing.
    pub(super) async fn keep_measured(self: Arc<Self>, pool: Pool) {
        loop {
            if let Err(error) = self.measure(&pool).await {
                tracing::debug!(%error, "the payloads cannot be measured");
            }
            tokio::time::sleep(PURGE_INTERVAL).await;
        }
    }

    /// Measures, unless the last measurement was recent and slow. Returns whether it did.
    pub(super) async fn measure(&self, pool: &Pool) -> Result<bool, StoreError> {
        let start = Instant::now();
        {
            let mut estimate = self.estimate();
            if start < estimate.next_measurement {
                return Ok(false);
            }
            estimate.since = 0;
        }
        // Ids are ordered by time: later ones are counted in `since`.
        let (mut last, end) = (Uuid::nil(), Uuid::now_v7());
        let mut measured: u64 = 0;
        loop {
            let next: (i64, i64, Option<Uuid>) = with_retries(pool, |mut connection| async move {
                let next = sqlx::query_as(MEASURE).bind(last).bind(end).bind(CHUNK);
                let next = next.fetch_one(&mut *connection).await;
                (connection, next)
            })
            .await?;
            measured = measured.saturating_add(next.0.unsigned_abs());
            match next.2 {
                Some(id) if next.1 >= CHUNK => last = id,
                _ => break,
            }
        }
        let mut estimate = self.estimate();
        estimate.used = measured.saturating_add(estimate.since);
        let rest = start.elapsed() * TIME_SHARE;
        estimate.next_measurement = if rest > PURGE_INTERVAL { start + rest } else { start };
        Ok(true)
    }

    fn estimate(&self) -> MutexGuard<'_, SizeEstimate> {
        self.estimate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! How many bytes the payloads of all deliveries take, about: measured by each sweep, and carried on in
//! between.
//!
//! Their sum and not the size of the tables, which don't shrink when deliveries are deleted. In chunks, so
//! that no statement takes long, however many there are.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::super::error::StoreError;
use super::super::store::New;
use super::connect::{Pool, tried};

/// The share of the time that measuring may take.
const SHARE: u32 = 50;

/// The time between two sweeps. What is measured so quickly that its share is kept is measured by each.
const SWEEPS: Duration = Duration::from_secs(60);

/// How many payloads are measured at once.
const CHUNK: i64 = 10_000;

/// The bytes of the next payloads, how many they are, and the last one.
const MEASURE: &str = "
    SELECT coalesce(sum(bytes), 0)::bigint, count(*), max(delivery::text)::uuid FROM (
        SELECT delivery, octet_length(body) AS bytes FROM webhooks_runtime.payloads
        WHERE delivery > $1 AND delivery < $2 ORDER BY delivery LIMIT $3
    ) AS next";

pub(super) struct Bytes {
    limit: u64,
    estimate: Mutex<Estimate>,
}

struct Estimate {
    used: u64,
    /// What was added since a measurement began.
    since: u64,
    next_measurement: Instant,
}

impl Bytes {
    pub(super) fn new(limit: u64) -> Self {
        let estimate = Estimate { used: 0, since: 0, next_measurement: Instant::now() };
        Self { limit, estimate: Mutex::new(estimate) }
    }

    /// How many of these there is room for, in their order. As in a file, the last one may go beyond.
    pub(super) fn room(&self, batch: &[New]) -> u64 {
        let mut used = self.estimate().used;
        let fitting = batch.iter().take_while(|new| {
            let fits = used < self.limit;
            used = used.saturating_add(new.body.len() as u64);
            fits
        });
        fitting.count() as u64
    }

    pub(super) fn add(&self, bytes: u64) {
        let mut estimate = self.estimate();
        estimate.used = estimate.used.saturating_add(bytes);
        estimate.since = estimate.since.saturating_add(bytes);
    }

    /// Measures, unless that took long a short while ago.
    pub(super) async fn measure(&self, pool: &Pool) -> Result<(), StoreError> {
        let begun = Instant::now();
        {
            let mut estimate = self.estimate();
            if begun < estimate.next_measurement {
                return Ok(());
            }
            estimate.since = 0;
        }
        // Ids are in the order of time: what comes from now on is in `since`.
        let (mut last, end) = (Uuid::nil(), Uuid::now_v7());
        let mut measured: u64 = 0;
        loop {
            let next: (i64, i64, Option<Uuid>) = tried(pool, |mut lent| async move {
                let next = sqlx::query_as(MEASURE).bind(last).bind(end).bind(CHUNK);
                let next = next.fetch_one(&mut *lent).await;
                (lent, next)
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
        let rest = begun.elapsed() * SHARE;
        estimate.next_measurement = if rest > SWEEPS { begun + rest } else { begun };
        Ok(())
    }

    fn estimate(&self) -> MutexGuard<'_, Estimate> {
        self.estimate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

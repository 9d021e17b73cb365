//! Locks the rows of keys, and keeps in them when the first queued delivery of each key is due.
//!
//! Whatever adds, ends or requeues a delivery with a key locks the key's row first, before the delivery's, and keys in
//! their order, so that two replicas do not deadlock. A claim locks no key: claims of one endpoint are serialized, and
//! a key whose first delivery was claimed is skipped because that one runs.

use std::collections::{BTreeSet, HashMap};

use sqlx::PgConnection;
use uuid::Uuid;

/// A key: the id of its endpoint, and its text.
pub(super) type KeyId = (i64, String);

/// Locks keys, and creates the rows of new ones. Reserves numbers of arrival after the last ones, which also increase
/// when a key's row was deleted in between.
const LOCK: &str = "
    INSERT INTO webhooks_runtime.keys AS it (endpoint, key, arrival)
    SELECT wanted.endpoint, wanted.key, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint + $3
    FROM UNNEST($1::bigint[], $2::text[]) WITH ORDINALITY AS wanted (endpoint, key, place)
    ORDER BY wanted.place
    ON CONFLICT (endpoint, key) DO UPDATE SET arrival = greatest(it.arrival + $3, excluded.arrival)
    RETURNING it.endpoint, it.key, it.arrival - $3,
        (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";

/// Corrects when the first queued delivery of each key is due. Deletes the keys that no delivery waits or runs for.
const REFRESH: &str = "
    WITH head AS (
        SELECT wanted.endpoint, wanted.key, (
            SELECT queued.run_at FROM webhooks_runtime.deliveries AS queued
            WHERE queued.endpoint = wanted.endpoint AND queued.key = wanted.key
                AND queued.state = 0 AND queued.key IS NOT NULL
            ORDER BY queued.run_at LIMIT 1
        ) AS run_at, EXISTS (
            SELECT 1 FROM webhooks_runtime.deliveries AS unfinished
            WHERE unfinished.endpoint = wanted.endpoint AND unfinished.key = wanted.key
                AND unfinished.state < 2 AND unfinished.key IS NOT NULL
        ) AS is_used
        FROM UNNEST($1::bigint[], $2::text[]) AS wanted (endpoint, key)
    ), unused AS (
        DELETE FROM webhooks_runtime.keys AS it USING head
        WHERE it.endpoint = head.endpoint AND it.key = head.key AND NOT head.is_used
    )
    UPDATE webhooks_runtime.keys AS it SET run_at = head.run_at FROM head
    WHERE it.endpoint = head.endpoint AND it.key = head.key AND head.is_used
        AND it.run_at IS DISTINCT FROM head.run_at";

/// The keys of deliveries, which never change while these are queued or running.
const OF_DELIVERIES: &str = "
    SELECT DISTINCT endpoint, key FROM webhooks_runtime.deliveries
    WHERE id = ANY($1::uuid[]) AND key IS NOT NULL";

/// Keys whose rows this transaction has locked.
#[derive(Debug, Default)]
pub(super) struct LockedKeys {
    /// The time of the server, in microseconds.
    pub(super) now: i64,
    /// The last number of arrival of each key.
    arrivals: HashMap<KeyId, i64>,
}

impl LockedKeys {
    /// Returns the next number of arrival of a key.
    pub(super) fn next(&mut self, key: &KeyId) -> Result<i64, sqlx::Error> {
        let last = self.arrivals.get_mut(key).ok_or(sqlx::Error::RowNotFound)?;
        *last += 1;
        Ok(*last)
    }
}

/// Locks keys, and reserves this many numbers of arrival for each.
pub(super) async fn lock(
    connection: &mut PgConnection,
    keys: &BTreeSet<KeyId>,
    arrivals: usize,
) -> Result<LockedKeys, sqlx::Error> {
    let mut locked = LockedKeys::default();
    if keys.is_empty() {
        return Ok(locked);
    }
    let (endpoints, texts) = columns(keys);
    let rows: Vec<(i64, String, i64, i64)> = sqlx::query_as(LOCK)
        .bind(endpoints)
        .bind(texts)
        .bind(arrivals as i64)
        .fetch_all(connection)
        .await?;
    for (endpoint, key, last, now) in rows {
        locked.now = locked.now.max(now);
        locked.arrivals.insert((endpoint, key), last);
    }
    Ok(locked)
}

/// Locks the keys of deliveries, and returns them.
pub(super) async fn lock_of(
    connection: &mut PgConnection,
    deliveries: &[Uuid],
) -> Result<BTreeSet<KeyId>, sqlx::Error> {
    let keys = of(connection, deliveries).await?;
    lock(connection, &keys, 0).await?;
    Ok(keys)
}

/// Returns the keys of deliveries.
async fn of(
    connection: &mut PgConnection,
    deliveries: &[Uuid],
) -> Result<BTreeSet<KeyId>, sqlx::Error> {
    let keys: Vec<KeyId> =
        sqlx::query_as(OF_DELIVERIES).bind(deliveries).fetch_all(connection).await?;
    Ok(keys.into_iter().collect())
}

/// Brings the rows of locked keys up to date with their deliveries.
pub(super) async fn refresh(
    connection: &mut PgConnection,
    keys: &BTreeSet<KeyId>,
) -> Result<(), sqlx::Error> {
    if keys.is_empty() {
        return Ok(());
    }
    let (endpoints, texts) = columns(keys);
    sqlx::query(REFRESH).bind(endpoints).bind(texts).execute(connection).await?;
    Ok(())
}

/// Returns the columns of keys, in order.
pub(super) fn columns<'a>(keys: impl IntoIterator<Item = &'a KeyId>) -> (Vec<i64>, Vec<&'a str>) {
    keys.into_iter().map(|(endpoint, text)| (*endpoint, text.as_str())).unzip()
}

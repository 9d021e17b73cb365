//! Locks the rows of keys, and keeps in them when the first queued delivery of each key is due.
//!
//! Whatever adds, ends or requeues a delivery with a key locks the key's row first, before the delivery's, and keys in
//! their order, so that two replicas do not deadlock. A claim locks no key: claims of one endpoint are serialized, and
//! a key whose first delivery was claimed is skipped because that one runs.

use std::collections::{BTreeSet, HashMap};

use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::super::error::StoreError;
use super::pool::with_retries;
use super::store::PostgresStore;

/// How many keys a statement repairs at most.
const KEYS_AT_ONCE: i64 = 1000;

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

/// Corrects when the first queued delivery of each key is due. Deletes the keys that no delivery waits or runs for. Does
/// not use `EXISTS`, which the server may answer by reading the deliveries of all keys.
pub(super) const REFRESH: &str = "
    WITH head AS (
        SELECT wanted.endpoint, wanted.key, (
            SELECT queued.run_at FROM webhooks_runtime.deliveries AS queued
            WHERE queued.endpoint = wanted.endpoint AND queued.key = wanted.key
                AND queued.state = 0 AND queued.key IS NOT NULL
            ORDER BY queued.run_at LIMIT 1
        ) AS run_at, coalesce((
            SELECT true FROM webhooks_runtime.deliveries AS unfinished
            WHERE unfinished.endpoint = wanted.endpoint AND unfinished.key = wanted.key
                AND unfinished.state < 2 AND unfinished.key IS NOT NULL
            LIMIT 1
        ), false) AS is_used
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

/// A chunk of the keys with queued deliveries after a key, in order, and whether no claim would find the first delivery of
/// each in time: its row is missing or has another due time, and none of the key runs. Looks at the first delivery of
/// each key only, however many are queued.
pub(super) const QUEUED_KEYS: &str = "
    WITH RECURSIVE queued AS (
        (SELECT endpoint, key FROM webhooks_runtime.deliveries
        WHERE state = 0 AND key IS NOT NULL AND (endpoint, key) > ($1, $2)
        ORDER BY endpoint, key LIMIT 1)
        UNION ALL
        SELECT next.endpoint, next.key FROM queued CROSS JOIN LATERAL (
            SELECT it.endpoint, it.key FROM webhooks_runtime.deliveries AS it
            WHERE it.state = 0 AND it.key IS NOT NULL
                AND (it.endpoint, it.key) > (queued.endpoint, queued.key)
            ORDER BY it.endpoint, it.key LIMIT 1
        ) AS next
    )
    SELECT chunk.endpoint, chunk.key, head.run_at IS DISTINCT FROM (
        SELECT it.run_at FROM webhooks_runtime.keys AS it
        WHERE it.endpoint = chunk.endpoint AND it.key = chunk.key
    ) AND coalesce((
        SELECT false FROM webhooks_runtime.deliveries AS running
        WHERE running.endpoint = chunk.endpoint AND running.key = chunk.key AND running.holds_key
        LIMIT 1
    ), true)
    FROM (SELECT * FROM queued LIMIT $3) AS chunk CROSS JOIN LATERAL (
        SELECT it.run_at FROM webhooks_runtime.deliveries AS it
        WHERE it.endpoint = chunk.endpoint AND it.key = chunk.key
            AND it.state = 0 AND it.key IS NOT NULL
        ORDER BY it.run_at LIMIT 1
    ) AS head
    ORDER BY chunk.endpoint, chunk.key";

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

impl PostgresStore {
    /// Repairs the rows of keys: `deliveries retry` of a program that knows no keys queues a delivery without them.
    pub(super) async fn repair_keys(&self) -> Result<(), StoreError> {
        let mut last: KeyId = (i64::MIN, String::new());
        loop {
            let after = &last;
            let some: Vec<(i64, String, bool)> =
                with_retries(&self.pool, |mut connection| async move {
                    let some =
                        sqlx::query_as(QUEUED_KEYS).bind(after.0).bind(&after.1).bind(KEYS_AT_ONCE);
                    let some = some.fetch_all(&mut *connection).await;
                    (connection, some)
                })
                .await?;
            let misplaced = some.iter().filter(|(_, _, is_misplaced)| *is_misplaced);
            let misplaced = &misplaced.map(|(endpoint, key, _)| (*endpoint, key.clone())).collect();
            with_retries(&self.pool, |mut connection| async move {
                let repaired = repair(&mut connection, misplaced).await;
                (connection, repaired)
            })
            .await?;
            let is_last = some.len() < KEYS_AT_ONCE as usize;
            match some.into_iter().next_back() {
                Some((endpoint, key, _)) if !is_last => last = (endpoint, key),
                _ => return Ok(()),
            }
        }
    }
}

async fn repair(connection: &mut PgConnection, keys: &BTreeSet<KeyId>) -> Result<(), sqlx::Error> {
    if keys.is_empty() {
        return Ok(());
    }
    let mut transaction = connection.begin().await?;
    lock(&mut transaction, keys, 0).await?;
    refresh(&mut transaction, keys).await?;
    transaction.commit().await
}

/// Returns the columns of keys, in order.
pub(super) fn columns<'a>(keys: impl IntoIterator<Item = &'a KeyId>) -> (Vec<i64>, Vec<&'a str>) {
    keys.into_iter().map(|(endpoint, text)| (*endpoint, text.as_str())).unzip()
}

//! Accepts deliveries, unless they are duplicates of stored ones.
//!
//! Usually no delivery of a batch has a `Webhook-Id` that is already stored, and one statement inserts the
//! batch in one round trip. Otherwise each delivery is decided in a transaction that locks the stored ones.

use std::collections::hash_map::{Entry, HashMap};
use std::collections::{BTreeSet, HashSet};

use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::super::delivery::{Accepted, NewDelivery};
use super::super::error::StoreError;
use super::super::state::State;
use super::convert;
use super::errors::{Conflict, has_code};
use super::pool::with_retries;
use super::store::PostgresStore;

/// Inserts the whole batch, or nothing if one `Webhook-Id` is already stored. The unique index also makes
/// it fail as a whole when another replica has just inserted one.
const INSERT_IF_ALL_NEW: &str = "
    WITH new AS (
        SELECT * FROM UNNEST($1::uuid[], $2::bigint[], $3::text[], $4::bigint[], $5::bytea[], $6::text[], $7::text[])
            AS new (id, endpoint, webhook_id, received_at, body, event, repo)
    ), existing AS (
        SELECT 1 FROM new CROSS JOIN LATERAL (
            SELECT 1 FROM webhooks_runtime.deliveries AS old
            WHERE old.endpoint = new.endpoint AND old.webhook_id = new.webhook_id AND old.latest
                AND old.webhook_id IS NOT NULL
            LIMIT 1
        ) AS old (one)
    ), inserted AS (
        INSERT INTO webhooks_runtime.deliveries (id, endpoint, webhook_id, received_at, event, repo)
        SELECT id, endpoint, webhook_id, to_timestamp(received_at / 1000.0), event, repo FROM new
        WHERE NOT EXISTS (SELECT 1 FROM existing)
        RETURNING id
    ), bodies AS (
        INSERT INTO webhooks_runtime.payloads (delivery, body)
        SELECT id, body FROM new WHERE NOT EXISTS (SELECT 1 FROM existing)
    )
    SELECT count(*) FROM inserted";

/// Locks the stored deliveries with these ids. Returns them as of when the lock was obtained, without those
/// that are no longer the latest of their id.
const LOCK_EXISTING: &str = "
    SELECT new.endpoint, new.webhook_id, old.id, old.state,
        (extract(epoch FROM clock_timestamp() - old.accepted_at) * 1000)::float8
    FROM UNNEST($1::bigint[], $2::text[]) AS new (endpoint, webhook_id)
    CROSS JOIN LATERAL (
        SELECT same.id, same.state, same.accepted_at FROM webhooks_runtime.deliveries AS same
        WHERE same.endpoint = new.endpoint AND same.webhook_id = new.webhook_id AND same.latest
            AND same.webhook_id IS NOT NULL
        LIMIT 1
        FOR UPDATE
    ) AS old";

/// Marks done deliveries as no longer the latest of their id.
const SUPERSEDE: &str =
    "UPDATE webhooks_runtime.deliveries SET latest = false WHERE id = ANY($1::uuid[])";

const INSERT: &str = "
    WITH new AS (
        SELECT * FROM UNNEST($1::uuid[], $2::bigint[], $3::text[], $4::bigint[], $5::bytea[], $6::text[], $7::text[])
            AS new (id, endpoint, webhook_id, received_at, body, event, repo)
    ), inserted AS (
        INSERT INTO webhooks_runtime.deliveries (id, endpoint, webhook_id, received_at, event, repo)
        SELECT id, endpoint, webhook_id, to_timestamp(received_at / 1000.0), event, repo FROM new
        ON CONFLICT DO NOTHING
        RETURNING id
    ), bodies AS (
        INSERT INTO webhooks_runtime.payloads (delivery, body)
        SELECT new.id, new.body FROM inserted JOIN new ON new.id = inserted.id
    )
    SELECT count(*) FROM inserted";

/// Queues dead deliveries with all their attempts restored, and with the new payload.
const REVIVE: &str = "
    WITH new AS (
        SELECT * FROM UNNEST($1::uuid[], $2::bigint[], $3::bytea[], $4::text[], $5::text[])
            AS new (id, received_at, body, event, repo)
    ), revived AS (
        UPDATE webhooks_runtime.deliveries AS old
        SET state = 0, attempt = 0, releases = 0, waits = 0, note = NULL, owner = NULL,
            ended_at = NULL, run_at = statement_timestamp(),
            accepted_at = statement_timestamp(),
            received_at = to_timestamp(new.received_at / 1000.0), event = new.event, repo = new.repo
        FROM new WHERE old.id = new.id
    )
    UPDATE webhooks_runtime.payloads AS old SET body = new.body
    FROM new WHERE old.delivery = new.id";

/// What identifies duplicates: the endpoint's id and the `Webhook-Id`.
type DedupKey<'a> = (i64, &'a str);

/// A stored delivery: its id, its state, and how many milliseconds ago it was accepted.
type StoredRow = (Uuid, State, f64);

/// How many deliveries may be inserted, and the limit that prevents more.
#[derive(Clone, Copy)]
struct Room {
    count: u64,
    full: Accepted,
}

impl PostgresStore {
    pub(super) async fn accept_batch(
        &self,
        batch: &[NewDelivery],
    ) -> Result<Vec<Accepted>, StoreError> {
        let count = batch.len() as u64;
        let reserved = self.backlog.reserve(&self.pool, count).await?;
        let fitting = self.size.room(batch);
        let room = Room {
            count: reserved.min(fitting),
            full: if fitting < reserved { Accepted::StoreFull } else { Accepted::BacklogFull },
        };
        let result = match self.insert_all_new(batch, room.count).await {
            Ok(true) => Ok(batch.iter().map(|new| Accepted::Queued(new.id)).collect()),
            Ok(false) => {
                with_retries(&self.pool, |mut connection| async move {
                    let accepted = self.accept_each(&mut connection, batch, room).await;
                    (connection, accepted)
                })
                .await
            }
            Err(error) => Err(error),
        };
        let accepted = result.as_deref().unwrap_or_default();
        let queued = batch.iter().zip(accepted).filter(|(_, it)| matches!(it, Accepted::Queued(_)));
        let queued: Vec<u64> = queued.map(|(new, _)| new.body.len() as u64).collect();
        self.size.add(queued.iter().sum());
        let queued = queued.len() as i64;
        self.backlog.add(queued - reserved.cast_signed());
        if queued > 0 {
            self.notifier.notify();
        }
        result
    }

    /// Inserts the batch if there is room for all of it and no duplicate. Returns whether it did.
    async fn insert_all_new(&self, batch: &[NewDelivery], room: u64) -> Result<bool, StoreError> {
        let keys: Vec<DedupKey<'_>> = batch.iter().filter_map(|new| self.key(new)).collect();
        if room < batch.len() as u64 || keys.iter().collect::<HashSet<_>>().len() < keys.len() {
            return Ok(false);
        }
        let all = &batch.iter().collect::<Vec<_>>();
        with_retries(&self.pool, |mut connection| async move {
            let inserted = match self.insert(&mut connection, INSERT_IF_ALL_NEW, all).await {
                Err(error) if has_code(&error, "23505") => Ok(false),
                result => result,
            };
            (connection, inserted)
        })
        .await
    }

    /// Decides about each delivery, in the order of arrival.
    async fn accept_each(
        &self,
        connection: &mut PgConnection,
        batch: &[NewDelivery],
        room: Room,
    ) -> Result<Vec<Accepted>, sqlx::Error> {
        let mut transaction = connection.begin().await?;
        let mut stored = self.lock_existing(&mut transaction, batch).await?;
        let (mut superseded, mut inserted, mut revived) = (Vec::new(), Vec::new(), Vec::new());
        let mut accepted = Vec::with_capacity(batch.len());
        for new in batch {
            let has_room = ((inserted.len() + revived.len()) as u64) < room.count;
            let Some((endpoint, webhook_id)) = self.key(new) else {
                accepted.push(if has_room { Accepted::Queued(new.id) } else { room.full });
                inserted.extend(has_room.then_some(new));
                continue;
            };
            let window = self.endpoints[new.endpoint].policy.dedup_window.as_secs_f64() * 1000.0;
            accepted.push(match stored.entry((endpoint, webhook_id.to_owned())) {
                Entry::Occupied(old) if is_duplicate(*old.get(), window, new.force) => {
                    let (id, state, _) = *old.get();
                    Accepted::Duplicate(id, state)
                }
                _ if !has_room => room.full,
                Entry::Occupied(mut old) if old.get().1 == State::Dead => {
                    old.get_mut().1 = State::Queued;
                    revived.push((old.get().0, new));
                    Accepted::Queued(old.get().0)
                }
                entry => {
                    if let Entry::Occupied(old) = &entry {
                        superseded.push(old.get().0);
                    }
                    entry.insert_entry((new.id, State::Queued, 0.0));
                    inserted.push(new);
                    Accepted::Queued(new.id)
                }
            });
        }

        if !superseded.is_empty() {
            sqlx::query(SUPERSEDE).bind(&superseded).execute(&mut *transaction).await?;
        }
        if !inserted.is_empty() && !self.insert(&mut transaction, INSERT, &inserted).await? {
            // Another replica has just inserted one: `with_retries` starts again and finds it.
            return Err(Conflict.into());
        }
        if !revived.is_empty() {
            let ids: Vec<Uuid> = revived.iter().map(|(id, _)| *id).collect();
            let received_at: Vec<i64> =
                revived.iter().map(|(_, new)| convert::unix(new.received_at)).collect();
            let bodies: Vec<&[u8]> = revived.iter().map(|(_, new)| &*new.body).collect();
            sqlx::query(REVIVE)
                .bind(&ids)
                .bind(&received_at)
                .bind(&bodies)
                .bind(convert::texts(revived.iter().map(|(_, new)| &new.event)))
                .bind(convert::texts(revived.iter().map(|(_, new)| &new.repo)))
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(accepted)
    }

    /// Locks and returns the stored deliveries with the ids of a batch.
    async fn lock_existing(
        &self,
        connection: &mut PgConnection,
        batch: &[NewDelivery],
    ) -> Result<HashMap<(i64, String), StoredRow>, sqlx::Error> {
        // Sorted, so that two replicas do not deadlock.
        let keys: BTreeSet<DedupKey<'_>> = batch.iter().filter_map(|new| self.key(new)).collect();
        let (endpoints, webhook_ids): (Vec<i64>, Vec<&str>) = keys.into_iter().unzip();
        let locked: Vec<(i64, String, Uuid, i16, f64)> = sqlx::query_as(LOCK_EXISTING)
            .bind(&endpoints)
            .bind(&webhook_ids)
            .fetch_all(connection)
            .await?;
        locked
            .into_iter()
            .map(|(endpoint, webhook_id, id, state, age)| {
                Ok(((endpoint, webhook_id), (id, convert::state(state)?, age)))
            })
            .collect()
    }

    /// Inserts deliveries, and returns whether all were inserted.
    async fn insert(
        &self,
        connection: &mut PgConnection,
        statement: &'static str,
        new: &[&NewDelivery],
    ) -> Result<bool, sqlx::Error> {
        let ids: Vec<Uuid> = new.iter().map(|new| new.id).collect();
        let endpoints: Vec<i64> = new.iter().map(|new| self.endpoint_ids[new.endpoint]).collect();
        let webhook_ids: Vec<Option<&str>> =
            new.iter().map(|new| new.webhook_id.as_deref()).collect();
        let received_at: Vec<i64> = new.iter().map(|new| convert::unix(new.received_at)).collect();
        let bodies: Vec<&[u8]> = new.iter().map(|new| &*new.body).collect();
        let inserted: i64 = sqlx::query_scalar(statement)
            .bind(&ids)
            .bind(&endpoints)
            .bind(&webhook_ids)
            .bind(&received_at)
            .bind(&bodies)
            .bind(convert::texts(new.iter().map(|new| &new.event)))
            .bind(convert::texts(new.iter().map(|new| &new.repo)))
            .fetch_one(connection)
            .await?;
        Ok(inserted == new.len() as i64)
    }

    fn key<'a>(&self, new: &'a NewDelivery) -> Option<DedupKey<'a>> {
        Some((self.endpoint_ids[new.endpoint], new.webhook_id.as_deref()?))
    }
}

/// Returns whether a new delivery is a duplicate of this stored one.
fn is_duplicate((_, state, age): StoredRow, window: f64, force: bool) -> bool {
    match state {
        State::Queued | State::Running => true,
        State::Done | State::Superseded | State::Cancelled => age < window && !force,
        State::Dead => false,
    }
}

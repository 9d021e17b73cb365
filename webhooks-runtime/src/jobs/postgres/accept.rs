//! Accepts deliveries, unless they are duplicates of stored ones.
//!
//! Usually no delivery of a batch has a key or a `Webhook-Id` that is already stored, and one statement inserts the
//! batch in one round trip. Otherwise each delivery is decided in a transaction that locks the keys, then the stored
//! deliveries.

use std::collections::hash_map::{Entry, HashMap};
use std::collections::{BTreeSet, HashSet};

use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::super::delivery::{Accepted, NewDelivery};
use super::super::error::StoreError;
use super::super::state::State;
use super::convert;
use super::errors::{Conflict, has_code};
use super::keys::{self, KeyId, LockedKeys};
use super::pool::with_retries;
use super::store::PostgresStore;

/// Locks the stored deliveries with these ids. Returns them as of when the lock was obtained, without those
/// that are no longer the latest of their id, and whether an unfinished delivery carries them.
pub(super) const LOCK_EXISTING: &str = "
    SELECT new.endpoint, new.webhook_id, old.id, old.state,
        (extract(epoch FROM clock_timestamp() - old.accepted_at) * 1000)::float8,
        old.state = 4 AND coalesce((
            SELECT true FROM webhooks_runtime.deliveries AS carrier
            WHERE carrier.merge_group = old.merge_group AND carrier.merge_group IS NOT NULL
                AND carrier.state <> 4 AND carrier.state < 2
            LIMIT 1
        ), false)
    FROM UNNEST($1::bigint[], $2::text[]) AS new (endpoint, webhook_id)
    CROSS JOIN LATERAL (
        SELECT same.id, same.state, same.accepted_at, same.merge_group FROM webhooks_runtime.deliveries AS same
        WHERE same.endpoint = new.endpoint AND same.webhook_id = new.webhook_id AND same.latest
            AND same.webhook_id IS NOT NULL
        LIMIT 1
        FOR UPDATE
    ) AS old";

/// Marks ended deliveries as no longer the latest of their id.
const OUTDATE: &str =
    "UPDATE webhooks_runtime.deliveries SET latest = false WHERE id = ANY($1::uuid[])";

/// What identifies duplicates: the endpoint's id and the `Webhook-Id`.
type DedupKey<'a> = (i64, &'a str);

/// A delivery that a new one may be a duplicate of.
#[derive(Clone, Copy)]
struct KnownDelivery {
    id: Uuid,
    state: State,
    /// How many milliseconds ago it was accepted.
    age: f64,
    /// Whether a delivery that carries it is queued or running.
    is_carried: bool,
}

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
            Ok(true) => Ok((batch.iter().map(|new| Accepted::Queued(new.id)).collect(), 0)),
            Ok(false) => {
                with_retries(&self.pool, |mut connection| async move {
                    let accepted = self.accept_each(&mut connection, batch, room).await;
                    (connection, accepted)
                })
                .await
            }
            Err(error) => Err(error),
        };
        let (accepted, superseded) = match &result {
            Ok((accepted, superseded)) => (accepted.as_slice(), *superseded),
            Err(_) => (&[][..], 0),
        };
        let queued = batch.iter().zip(accepted).filter(|(_, it)| matches!(it, Accepted::Queued(_)));
        let queued: Vec<u64> = queued.map(|(new, _)| new.body.len() as u64).collect();
        self.size.add(queued.iter().sum());
        let queued = queued.len() as i64;
        self.backlog.add(queued - superseded as i64 - reserved.cast_signed());
        if queued > 0 {
            self.notifier.notify();
        }
        Ok(result?.0)
    }

    /// Inserts the batch if there is room for all of it, no duplicate and no key. Returns whether it did.
    async fn insert_all_new(&self, batch: &[NewDelivery], room: u64) -> Result<bool, StoreError> {
        let ids: Vec<DedupKey<'_>> = batch.iter().filter_map(|new| self.dedup_key(new)).collect();
        let has_duplicates = ids.iter().collect::<HashSet<_>>().len() < ids.len();
        if room < batch.len() as u64 || has_duplicates || batch.iter().any(|new| new.key.is_some())
        {
            return Ok(false);
        }
        let all = &batch.iter().collect::<Vec<_>>();
        with_retries(&self.pool, |mut connection| async move {
            let inserted = match self.insert_if_all_new(&mut connection, all).await {
                Err(error) if has_code(&error, "23505") => Ok(false),
                result => result,
            };
            (connection, inserted)
        })
        .await
    }

    /// Decides about each delivery, in the order of arrival. Returns also how many became superseded.
    async fn accept_each(
        &self,
        connection: &mut PgConnection,
        batch: &[NewDelivery],
        room: Room,
    ) -> Result<(Vec<Accepted>, usize), sqlx::Error> {
        let mut transaction = connection.begin().await?;
        let keys: BTreeSet<KeyId> = batch.iter().filter_map(|new| self.key_of(new)).collect();
        let locked = keys::lock(&mut transaction, &keys, batch.len()).await?;
        let mut known = self.lock_existing(&mut transaction, batch).await?;
        let (mut outdated, mut inserted, mut revived) = (Vec::new(), Vec::new(), Vec::new());
        let mut accepted = Vec::with_capacity(batch.len());
        for new in batch {
            let has_room = ((inserted.len() + revived.len()) as u64) < room.count;
            let Some((endpoint, webhook_id)) = self.dedup_key(new) else {
                accepted.push(if has_room { Accepted::Queued(new.id) } else { room.full });
                inserted.extend(has_room.then_some(new));
                continue;
            };
            let window = self.endpoints[new.endpoint].policy.dedup_window.as_secs_f64() * 1000.0;
            accepted.push(match known.entry((endpoint, webhook_id.to_owned())) {
                Entry::Occupied(old) if is_duplicate(*old.get(), window, new.force) => {
                    Accepted::Duplicate(old.get().id, old.get().state)
                }
                _ if !has_room => room.full,
                Entry::Occupied(mut old) if old.get().state == State::Dead => {
                    old.get_mut().state = State::Queued;
                    revived.push((old.get().id, new));
                    Accepted::Queued(old.get().id)
                }
                entry => {
                    if let Entry::Occupied(old) = &entry {
                        outdated.push(old.get().id);
                    }
                    let (id, state) = (new.id, State::Queued);
                    entry.insert_entry(KnownDelivery { id, state, age: 0.0, is_carried: false });
                    inserted.push(new);
                    Accepted::Queued(new.id)
                }
            });
        }

        if !outdated.is_empty() {
            sqlx::query(OUTDATE).bind(&outdated).execute(&mut *transaction).await?;
        }
        let superseded = self.write(&mut transaction, &inserted, &revived, locked).await?;
        keys::refresh(&mut transaction, &keys).await?;
        transaction.commit().await?;
        Ok((accepted, superseded))
    }

    /// Writes new and revived deliveries, and returns how many became superseded.
    async fn write(
        &self,
        connection: &mut PgConnection,
        inserted: &[&NewDelivery],
        revived: &[(Uuid, &NewDelivery)],
        mut locked: LockedKeys,
    ) -> Result<usize, sqlx::Error> {
        // First, because they are barriers for new ones.
        if !revived.is_empty() {
            self.revive(connection, revived, &mut locked).await?;
        }
        if inserted.is_empty() {
            return Ok(0);
        }
        let arrivals = self.arrange(connection, inserted, locked).await?;
        if !self.insert(connection, inserted, &arrivals).await? {
            // Another replica has just inserted one: `with_retries` starts again and finds it.
            return Err(Conflict.into());
        }
        arrivals.write_changes(connection).await?;
        Ok(arrivals.superseded())
    }

    /// Locks and returns the stored deliveries with the ids of a batch.
    async fn lock_existing(
        &self,
        connection: &mut PgConnection,
        batch: &[NewDelivery],
    ) -> Result<HashMap<(i64, String), KnownDelivery>, sqlx::Error> {
        // Sorted, so that two replicas do not deadlock.
        let ids: BTreeSet<DedupKey<'_>> =
            batch.iter().filter_map(|new| self.dedup_key(new)).collect();
        let (endpoints, webhook_ids): (Vec<i64>, Vec<&str>) = ids.into_iter().unzip();
        let locked: Vec<(i64, String, Uuid, i16, f64, bool)> = sqlx::query_as(LOCK_EXISTING)
            .bind(&endpoints)
            .bind(&webhook_ids)
            .fetch_all(connection)
            .await?;
        locked
            .into_iter()
            .map(|(endpoint, webhook_id, id, state, age, is_carried)| {
                let state = convert::state(state)?;
                Ok(((endpoint, webhook_id), KnownDelivery { id, state, age, is_carried }))
            })
            .collect()
    }

    fn dedup_key<'a>(&self, new: &'a NewDelivery) -> Option<DedupKey<'a>> {
        Some((self.endpoint_ids[new.endpoint], new.webhook_id.as_deref()?))
    }
}

/// Returns whether a new delivery is a duplicate of this stored one.
fn is_duplicate(stored: KnownDelivery, window: f64, force: bool) -> bool {
    match stored.state {
        State::Queued | State::Running => true,
        State::Superseded if stored.is_carried => true,
        State::Done | State::Superseded | State::Cancelled => stored.age < window && !force,
        State::Dead => false,
    }
}

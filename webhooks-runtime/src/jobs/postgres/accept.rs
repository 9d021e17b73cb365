//! Keeps deliveries that have arrived.
//!
//! Nearly always nothing is in the way: none of a batch has a `Webhook-Id` that was there before, and it
//! is kept by one statement, in one round trip, which is a transaction by itself. Otherwise each is
//! looked at, in a transaction that holds what was there.

use std::collections::hash_map::{Entry, HashMap};
use std::collections::{BTreeSet, HashSet};

use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::super::error::StoreError;
use super::super::state::State;
use super::super::store::{Accepted, New};
use super::connect::{InTheWay, has_code, tried};
use super::{PostgresStore, rows};

/// Keeps all of them, or none where one's `Webhook-Id` is there. An error of the unique index, when
/// another replica has just brought one, leaves none either.
const KEEP: &str = "
    WITH new AS (
        SELECT * FROM UNNEST($1::uuid[], $2::bigint[], $3::text[], $4::bigint[], $5::bytea[], $6::text[], $7::text[])
            AS new (id, endpoint, webhook_id, received_at, body, event, repo)
    ), there AS (
        SELECT 1 FROM new CROSS JOIN LATERAL (
            SELECT 1 FROM webhooks_runtime.deliveries AS old
            WHERE old.endpoint = new.endpoint AND old.webhook_id = new.webhook_id AND old.latest
                AND old.webhook_id IS NOT NULL
            LIMIT 1
        ) AS old (one)
    ), kept AS (
        INSERT INTO webhooks_runtime.deliveries (id, endpoint, webhook_id, received_at, event, repo)
        SELECT id, endpoint, webhook_id, to_timestamp(received_at / 1000.0), event, repo FROM new
        WHERE NOT EXISTS (SELECT 1 FROM there)
        RETURNING id
    ), bodies AS (
        INSERT INTO webhooks_runtime.payloads (delivery, body)
        SELECT id, body FROM new WHERE NOT EXISTS (SELECT 1 FROM there)
    )
    SELECT count(*) FROM kept";

/// Those that are there. What was committed before they could be held is what is given; one that is
/// the latest no more isn't.
const HOLD: &str = "
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

/// Leaves done ones behind.
const LEAVE: &str =
    "UPDATE webhooks_runtime.deliveries SET latest = false WHERE id = ANY($1::uuid[])";

const INSERT: &str = "
    WITH new AS (
        SELECT * FROM UNNEST($1::uuid[], $2::bigint[], $3::text[], $4::bigint[], $5::bytea[], $6::text[], $7::text[])
            AS new (id, endpoint, webhook_id, received_at, body, event, repo)
    ), kept AS (
        INSERT INTO webhooks_runtime.deliveries (id, endpoint, webhook_id, received_at, event, repo)
        SELECT id, endpoint, webhook_id, to_timestamp(received_at / 1000.0), event, repo FROM new
        ON CONFLICT DO NOTHING
        RETURNING id
    ), bodies AS (
        INSERT INTO webhooks_runtime.payloads (delivery, body)
        SELECT new.id, new.body FROM kept JOIN new ON new.id = kept.id
    )
    SELECT count(*) FROM kept";

/// Gives dead ones all their attempts again, and what has arrived now.
const REVIVE: &str = "
    WITH new AS (
        SELECT * FROM UNNEST($1::uuid[], $2::bigint[], $3::bytea[], $4::text[], $5::text[])
            AS new (id, received_at, body, event, repo)
    ), revived AS (
        UPDATE webhooks_runtime.deliveries AS old
        SET state = 0, attempt = 0, releases = 0, owner = NULL, ended_at = NULL, run_at = statement_timestamp(),
            accepted_at = statement_timestamp(),
            received_at = to_timestamp(new.received_at / 1000.0), event = new.event, repo = new.repo
        FROM new WHERE old.id = new.id
    )
    UPDATE webhooks_runtime.payloads AS old SET body = new.body
    FROM new WHERE old.delivery = new.id";

/// What a delivery is known by.
type Key<'a> = (i64, &'a str);

/// What is there of a key: the delivery, its state, and how long ago it was accepted.
type There = (Uuid, State, f64);

/// How many there is room for, and why there isn't for more.
#[derive(Clone, Copy)]
struct Room {
    count: u64,
    full: Accepted,
}

impl PostgresStore {
    pub(super) async fn keep(&self, batch: &[New]) -> Result<Vec<Accepted>, StoreError> {
        let many = batch.len() as u64;
        let (taken, changing) = self.backlog.take(&self.pool, many).await?;
        let of_bytes = self.bytes.room(batch);
        let room = Room {
            count: taken.min(of_bytes),
            full: if of_bytes < taken { Accepted::StoreFull } else { Accepted::BacklogFull },
        };
        let result = match self.keep_new(batch, room.count).await {
            Ok(true) => Ok(batch.iter().map(|new| Accepted::Queued(new.id)).collect()),
            Ok(false) => {
                tried(&self.pool, |mut lent| async move {
                    let accepted = self.keep_each(&mut lent, batch, room).await;
                    (lent, accepted)
                })
                .await
            }
            Err(error) => Err(error),
        };
        let accepted = result.as_deref().unwrap_or_default();
        let queued = batch.iter().zip(accepted).filter(|(_, it)| matches!(it, Accepted::Queued(_)));
        let queued: Vec<u64> = queued.map(|(new, _)| new.body.len() as u64).collect();
        self.bytes.add(queued.iter().sum());
        let queued = queued.len() as i64;
        self.backlog.change(queued - taken.cast_signed());
        drop(changing);
        if queued > 0 {
            self.bell.ring();
        }
        result
    }

    /// Keeps all, if nothing is in the way.
    async fn keep_new(&self, batch: &[New], room: u64) -> Result<bool, StoreError> {
        let keys: Vec<Key<'_>> = batch.iter().filter_map(|new| self.key(new)).collect();
        if room < batch.len() as u64 || keys.iter().collect::<HashSet<_>>().len() < keys.len() {
            return Ok(false);
        }
        let all = &batch.iter().collect::<Vec<_>>();
        tried(&self.pool, |mut lent| async move {
            let kept = match self.insert(&mut lent, KEEP, all).await {
                Err(error) if has_code(&error, "23505") => Ok(false),
                kept => kept,
            };
            (lent, kept)
        })
        .await
    }

    /// Decides about each, in the order of their arrival.
    async fn keep_each(
        &self,
        connection: &mut PgConnection,
        batch: &[New],
        room: Room,
    ) -> Result<Vec<Accepted>, sqlx::Error> {
        let mut transaction = connection.begin().await?;
        let mut there = self.hold(&mut transaction, batch).await?;
        let (mut left, mut inserted, mut revived) = (Vec::new(), Vec::new(), Vec::new());
        let mut accepted = Vec::with_capacity(batch.len());
        for new in batch {
            let is_room = ((inserted.len() + revived.len()) as u64) < room.count;
            let Some((endpoint, webhook_id)) = self.key(new) else {
                accepted.push(if is_room { Accepted::Queued(new.id) } else { room.full });
                inserted.extend(is_room.then_some(new));
                continue;
            };
            let window = self.known[new.endpoint].policy.dedup_window.as_secs_f64() * 1000.0;
            accepted.push(match there.entry((endpoint, webhook_id.to_owned())) {
                Entry::Occupied(old) if is_known(*old.get(), window, new.insists) => {
                    let (id, state, _) = *old.get();
                    Accepted::Known(id, state)
                }
                _ if !is_room => room.full,
                Entry::Occupied(mut old) if old.get().1 == State::Dead => {
                    old.get_mut().1 = State::Queued;
                    revived.push((old.get().0, new));
                    Accepted::Queued(old.get().0)
                }
                entry => {
                    if let Entry::Occupied(old) = &entry {
                        left.push(old.get().0);
                    }
                    entry.insert_entry((new.id, State::Queued, 0.0));
                    inserted.push(new);
                    Accepted::Queued(new.id)
                }
            });
        }

        if !left.is_empty() {
            sqlx::query(LEAVE).bind(&left).execute(&mut *transaction).await?;
        }
        if !inserted.is_empty() && !self.insert(&mut transaction, INSERT, &inserted).await? {
            // Another replica has just brought one, which `tried` looks at from the start.
            return Err(InTheWay.into());
        }
        if !revived.is_empty() {
            let ids: Vec<Uuid> = revived.iter().map(|(id, _)| *id).collect();
            let received_at: Vec<i64> =
                revived.iter().map(|(_, new)| rows::unix(new.received_at)).collect();
            let bodies: Vec<&[u8]> = revived.iter().map(|(_, new)| &*new.body).collect();
            sqlx::query(REVIVE)
                .bind(&ids)
                .bind(&received_at)
                .bind(&bodies)
                .bind(texts(revived.iter().map(|(_, new)| &new.event)))
                .bind(texts(revived.iter().map(|(_, new)| &new.repo)))
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(accepted)
    }

    /// Takes hold of those that are there of a batch's keys.
    async fn hold(
        &self,
        connection: &mut PgConnection,
        batch: &[New],
    ) -> Result<HashMap<(i64, String), There>, sqlx::Error> {
        // In one order, so that two replicas don't wait for each other.
        let keys: BTreeSet<Key<'_>> = batch.iter().filter_map(|new| self.key(new)).collect();
        let (endpoints, webhook_ids): (Vec<i64>, Vec<&str>) = keys.into_iter().unzip();
        let held: Vec<(i64, String, Uuid, i16, f64)> =
            sqlx::query_as(HOLD).bind(&endpoints).bind(&webhook_ids).fetch_all(connection).await?;
        held.into_iter()
            .map(|(endpoint, webhook_id, id, state, age)| {
                Ok(((endpoint, webhook_id), (id, rows::state(state)?, age)))
            })
            .collect()
    }

    /// Inserts new ones, and says whether it were all.
    async fn insert(
        &self,
        connection: &mut PgConnection,
        statement: &'static str,
        new: &[&New],
    ) -> Result<bool, sqlx::Error> {
        let ids: Vec<Uuid> = new.iter().map(|new| new.id).collect();
        let endpoints: Vec<i64> = new.iter().map(|new| self.numbers[new.endpoint]).collect();
        let webhook_ids: Vec<Option<&str>> =
            new.iter().map(|new| new.webhook_id.as_deref()).collect();
        let received_at: Vec<i64> = new.iter().map(|new| rows::unix(new.received_at)).collect();
        let bodies: Vec<&[u8]> = new.iter().map(|new| &*new.body).collect();
        let kept: i64 = sqlx::query_scalar(statement)
            .bind(&ids)
            .bind(&endpoints)
            .bind(&webhook_ids)
            .bind(&received_at)
            .bind(&bodies)
            .bind(texts(new.iter().map(|new| &new.event)))
            .bind(texts(new.iter().map(|new| &new.repo)))
            .fetch_one(connection)
            .await?;
        Ok(kept == new.len() as i64)
    }

    fn key<'a>(&self, new: &'a New) -> Option<Key<'a>> {
        Some((self.numbers[new.endpoint], new.webhook_id.as_deref()?))
    }
}

/// Texts as PostgreSQL has them, without NUL.
fn texts<'a>(texts: impl Iterator<Item = &'a Option<String>>) -> Vec<Option<String>> {
    texts.map(|text| Some(text.as_ref()?.replace('\0', "\u{fffd}"))).collect()
}

/// Whether one that arrives is a retry of what is there.
fn is_known((_, state, age): There, window: f64, insists: bool) -> bool {
    match state {
        State::Queued | State::Running => true,
        State::Done => age < window && !insists,
        State::Dead => false,
    }
}

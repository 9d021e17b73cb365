//! What people see of the deliveries, and do about them.

use std::time::{Duration, Instant};

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{Connection, FromRow, PgConnection, Postgres, Row};
use uuid::Uuid;

use super::super::error::StoreError;
use super::super::state::State;
use super::super::store::{Detail, FailedAttempt, Filter, Listed, Purge, Which};
use super::connect::{ReadOnly, tried};
use super::{PostgresStore, rows};

/// How many are changed or deleted in one transaction.
const CHUNK: i64 = 1000;

macro_rules! listed {
    ($which:literal) => {
        concat!(
            "SELECT it.id, endpoint.path, it.webhook_id, it.state, it.attempt, it.error, it.event, it.repo,
                (extract(epoch FROM it.received_at) * 1000)::bigint AS received_at,
                (extract(epoch FROM it.run_at) * 1000)::bigint AS run_at,
                (extract(epoch FROM it.started_at) * 1000)::bigint AS started_at,
                (extract(epoch FROM it.ended_at) * 1000)::bigint AS ended_at
            FROM webhooks_runtime.deliveries AS it
            JOIN webhooks_runtime.endpoints AS endpoint ON endpoint.id = it.endpoint ",
            $which
        )
    };
}

const LIST: &str = listed!(
    "WHERE ($1::smallint IS NULL OR it.state = $1) AND ($2::text IS NULL OR endpoint.path = $2)
    ORDER BY it.id DESC LIMIT $3"
);

const SHOW: &str = listed!("WHERE it.id = $1");

const ATTEMPTS: &str = "
    SELECT attempt, (extract(epoch FROM started_at) * 1000)::bigint,
        (extract(epoch FROM ended_at) * 1000)::bigint, error
    FROM webhooks_runtime.attempts WHERE delivery = $1 ORDER BY fence";

const RETRY_ONE: &str = "
    UPDATE webhooks_runtime.deliveries
    SET state = 0, attempt = 0, releases = 0, ended_at = NULL,
        run_at = least(statement_timestamp(), ended_at)
    WHERE id = $1 AND state = 3";

/// Queues a chunk of those that died this long ago.
const RETRY_DEAD: &str = "
    WITH dead AS (
        SELECT id FROM webhooks_runtime.deliveries
        WHERE state = 3 AND state >= 2
            AND ended_at <= statement_timestamp() - $1 * interval '1 millisecond'
        LIMIT $2 FOR UPDATE SKIP LOCKED
    )
    UPDATE webhooks_runtime.deliveries AS it
    SET state = 0, attempt = 0, releases = 0, ended_at = NULL,
        run_at = least(statement_timestamp(), it.ended_at)
    FROM dead WHERE it.id = dead.id";

/// Deletes a chunk of those that ended in a state this long ago.
const DELETE: &str = "
    WITH old AS (
        SELECT id FROM webhooks_runtime.deliveries
        WHERE state = $1 AND state >= 2
            AND ended_at <= statement_timestamp() - $2 * interval '1 millisecond'
        LIMIT $3 FOR UPDATE SKIP LOCKED
    ), bodies AS (
        DELETE FROM webhooks_runtime.payloads AS it USING old WHERE it.delivery = old.id
    ), failed AS (
        DELETE FROM webhooks_runtime.attempts AS it USING old WHERE it.delivery = old.id
    )
    DELETE FROM webhooks_runtime.deliveries AS it USING old WHERE it.id = old.id";

/// Deletes a chunk of dead or queued ones, of one endpoint or of any.
const PURGE: &str = "
    WITH old AS (
        SELECT it.id FROM webhooks_runtime.deliveries AS it
        JOIN webhooks_runtime.endpoints AS endpoint ON endpoint.id = it.endpoint
        WHERE it.state = $1 AND (it.state = 0 OR it.state >= 2)
            AND ($2::text IS NULL OR endpoint.path = $2)
            AND CASE WHEN it.state = 0 THEN it.accepted_at ELSE it.ended_at END
                <= statement_timestamp() - $3 * interval '1 millisecond'
        LIMIT $4 FOR UPDATE OF it SKIP LOCKED
    ), bodies AS (
        DELETE FROM webhooks_runtime.payloads AS it USING old WHERE it.delivery = old.id
    ), failed AS (
        DELETE FROM webhooks_runtime.attempts AS it USING old WHERE it.delivery = old.id
    )
    DELETE FROM webhooks_runtime.deliveries AS it USING old WHERE it.id = old.id";

const FIND: &str =
    "SELECT id FROM webhooks_runtime.deliveries WHERE id BETWEEN $1 AND $2 ORDER BY id LIMIT $3";

const STRANGERS: &str = "
    SELECT endpoint.path FROM webhooks_runtime.endpoints AS endpoint
    WHERE endpoint.id <> ALL ($1) AND EXISTS (
        SELECT 1 FROM webhooks_runtime.deliveries AS queued
        WHERE queued.endpoint = endpoint.id AND queued.state = 0
    )
    ORDER BY endpoint.path";

/// Whether nothing can be changed, and the milliseconds for which the delivery that is due longest waits.
const OLDEST_DUE: &str = "
    SELECT current_setting('transaction_read_only') = 'on', (max(extract(epoch FROM statement_timestamp() - oldest.run_at)) * 1000)::float8
    FROM webhooks_runtime.endpoints AS endpoint CROSS JOIN LATERAL (
        SELECT queued.run_at FROM webhooks_runtime.deliveries AS queued
        WHERE queued.endpoint = endpoint.id AND queued.state = 0
            AND queued.run_at <= statement_timestamp()
        ORDER BY queued.run_at LIMIT 1
    ) AS oldest
    WHERE endpoint.id = ANY($1::bigint[])";

impl PostgresStore {
    /// Deletes those that ended in a state this long ago.
    pub(super) async fn delete(
        &self,
        state: State,
        older_than: Duration,
    ) -> Result<u64, StoreError> {
        let older_than = rows::milliseconds(older_than);
        self.in_chunks(|| async move {
            tried(&self.pool, |mut lent| async move {
                let deleted = sqlx::query(DELETE)
                    .bind(state.code())
                    .bind(older_than)
                    .bind(CHUNK)
                    .execute(&mut *lent)
                    .await;
                (lent, deleted.map(|it| it.rows_affected()))
            })
            .await
        })
        .await
    }

    /// Deletes what a person wants deleted.
    pub(super) async fn purge_chunks(&self, purge: &Purge) -> Result<u64, StoreError> {
        let older_than = rows::milliseconds(purge.older_than);
        let purged = self
            .in_chunks(|| async move {
                let changing = self.backlog.changing().await;
                let deleted = tried(&self.pool, |mut lent| async move {
                    let deleted = sqlx::query(PURGE)
                        .bind(purge.state.code())
                        .bind(purge.endpoint.as_deref())
                        .bind(older_than)
                        .bind(CHUNK)
                        .execute(&mut *lent)
                        .await;
                    (lent, deleted.map(|it| it.rows_affected()))
                })
                .await?;
                if purge.state == State::Queued {
                    self.backlog.change(-deleted.cast_signed());
                }
                drop(changing);
                Ok(deleted)
            })
            .await?;
        Ok(purged)
    }

    pub(super) async fn found(
        &self,
        first: Uuid,
        last: Uuid,
        limit: u32,
    ) -> Result<Vec<Uuid>, StoreError> {
        tried(&self.pool, |mut lent| async move {
            let found = sqlx::query_scalar(FIND)
                .bind(first)
                .bind(last)
                .bind(i64::from(limit))
                .fetch_all(&mut *lent)
                .await;
            (lent, found)
        })
        .await
    }

    pub(super) async fn revive(&self, which: Which) -> Result<u64, StoreError> {
        let revived = match which {
            Which::One(id) => self.revive_some(|| sqlx::query(RETRY_ONE).bind(id)).await?,
            Which::AllDead => {
                // Not those that die meanwhile: what fails at once would be queued for ever.
                let begun = Instant::now();
                self.in_chunks(|| async move {
                    let age = rows::milliseconds(begun.elapsed());
                    self.revive_some(|| sqlx::query(RETRY_DEAD).bind(age).bind(CHUNK)).await
                })
                .await?
            }
        };
        if revived > 0 {
            // At once, as this may be all that the process does.
            self.bell.ring_now(&self.pool).await;
        }
        Ok(revived)
    }

    /// Does a statement that queues dead deliveries, and gives how many there were.
    async fn revive_some(
        &self,
        statement: impl Fn() -> Query<'static, Postgres, PgArguments>,
    ) -> Result<u64, StoreError> {
        let changing = self.backlog.changing().await;
        let statement = &statement;
        let revived = tried(&self.pool, |mut lent| async move {
            let revived = statement().execute(&mut *lent).await;
            (lent, revived.map(|it| it.rows_affected()))
        })
        .await?;
        self.backlog.change(revived.cast_signed());
        drop(changing);
        Ok(revived)
    }

    /// Does chunks of work until there is no full one.
    async fn in_chunks<F>(&self, mut work: impl FnMut() -> F) -> Result<u64, StoreError>
    where
        F: Future<Output = Result<u64, StoreError>>,
    {
        let mut total = 0;
        loop {
            let done = work().await?;
            total += done;
            if done < CHUNK.unsigned_abs() {
                return Ok(total);
            }
        }
    }

    pub(super) async fn longest_wait(&self) -> Result<Option<Duration>, StoreError> {
        let milliseconds: Option<f64> = tried(&self.pool, |mut lent| async move {
            let oldest = sqlx::query_as(OLDEST_DUE).bind(&self.numbers).fetch_one(&mut *lent).await;
            let oldest = oldest.and_then(|(read_only, oldest)| match read_only {
                true => Err(ReadOnly.into()),
                false => Ok(oldest),
            });
            (lent, oldest)
        })
        .await?;
        Ok(milliseconds.map(rows::until))
    }

    pub(super) async fn unknown(&self) -> Result<Vec<String>, StoreError> {
        tried(&self.pool, |mut lent| async move {
            let strangers =
                sqlx::query_scalar(STRANGERS).bind(&self.numbers).fetch_all(&mut *lent).await;
            (lent, strangers)
        })
        .await
    }

    pub(super) async fn listed(&self, filter: &Filter) -> Result<Vec<Listed>, StoreError> {
        tried(&self.pool, |mut lent| async move {
            let listed = sqlx::query_as(LIST)
                .bind(filter.state.map(State::code))
                .bind(filter.endpoint.as_deref())
                .bind(i64::from(filter.limit))
                .fetch_all(&mut *lent)
                .await;
            (lent, listed)
        })
        .await
    }

    pub(super) async fn detail(&self, id: Uuid) -> Result<Option<Detail>, StoreError> {
        tried(&self.pool, |mut lent| async move {
            let detail = detail(&mut lent, id).await;
            (lent, detail)
        })
        .await
    }
}

async fn detail(connection: &mut PgConnection, id: Uuid) -> Result<Option<Detail>, sqlx::Error> {
    // All as it was at one moment.
    let mut transaction =
        connection.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let Some(listed) = sqlx::query_as(SHOW).bind(id).fetch_optional(&mut *transaction).await?
    else {
        return Ok(None);
    };
    let failed: Vec<(i32, i64, i64, String)> =
        sqlx::query_as(ATTEMPTS).bind(id).fetch_all(&mut *transaction).await?;
    let body: Vec<u8> =
        sqlx::query_scalar("SELECT body FROM webhooks_runtime.payloads WHERE delivery = $1")
            .bind(id)
            .fetch_one(&mut *transaction)
            .await?;
    transaction.commit().await?;
    let failed = failed
        .into_iter()
        .map(|(attempt, started_at, ended_at, error)| FailedAttempt {
            attempt: attempt.unsigned_abs(),
            started_at: rows::time(started_at),
            ended_at: rows::time(ended_at),
            error,
        })
        .collect();
    Ok(Some(Detail { listed, failed, body: body.into() }))
}

impl FromRow<'_, PgRow> for Listed {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let state = rows::state(row.try_get("state")?)?;
        let time = |name| row.try_get(name).map(|unix: Option<i64>| unix.map(rows::time));
        let attempt: i32 = row.try_get("attempt")?;
        Ok(Self {
            id: row.try_get("id")?,
            endpoint: row.try_get("path")?,
            webhook_id: row.try_get("webhook_id")?,
            state,
            attempts: attempt.unsigned_abs(),
            received_at: rows::time(row.try_get("received_at")?),
            run_at: time("run_at")?.filter(|_| state == State::Queued),
            started_at: time("started_at")?.filter(|_| state == State::Running),
            ended_at: time("ended_at")?,
            error: row.try_get("error")?,
            event: row.try_get("event")?,
            repo: row.try_get("repo")?,
        })
    }
}

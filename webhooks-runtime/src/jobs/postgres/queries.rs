//! Reads deliveries for the page, the command line and the health check.

use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::{Connection, FromRow, PgConnection, Row};
use uuid::Uuid;

use super::super::counts::StateCount;
use super::super::delivery::DeliveryOrigin;
use super::super::error::StoreError;
use super::super::inspect::{DeliveryDetail, DeliveryFilter, DeliverySummary, FailedAttempt};
use super::super::state::State;
use super::convert;
use super::errors::ReadOnly;
use super::pool::with_retries;
use super::store::PostgresStore;

macro_rules! select_summary {
    ($clause:literal) => {
        concat!(
            "SELECT it.id, endpoint.path, it.webhook_id, it.state, it.attempt, it.error, it.event, it.repo,
                it.note, it.key, it.superseded_by, it.merged, it.origin,
                it.state = 1 AND it.cancel_requested > 0 AS cancel_requested,
                (extract(epoch FROM it.received_at) * 1000)::bigint AS received_at,
                (extract(epoch FROM it.run_at) * 1000)::bigint AS run_at,
                (extract(epoch FROM it.started_at) * 1000)::bigint AS started_at,
                (extract(epoch FROM it.ended_at) * 1000)::bigint AS ended_at
            FROM webhooks_runtime.deliveries AS it
            JOIN webhooks_runtime.endpoints AS endpoint ON endpoint.id = it.endpoint ",
            $clause
        )
    };
}

const LIST: &str = select_summary!(
    "WHERE ($1::smallint IS NULL OR it.state = $1) AND ($2::text IS NULL OR endpoint.path = $2)
    ORDER BY it.id DESC LIMIT $3"
);

/// Plans the next statement for its values, if the server has the setting: which index serves a list best depends on the
/// filter.
const PLAN_EACH: &str = "
    SELECT set_config('plan_cache_mode', 'force_custom_plan', true)
    WHERE current_setting('plan_cache_mode', true) IS NOT NULL";

const SUMMARY: &str = select_summary!("WHERE it.id = $1");

const ATTEMPTS: &str = "
    SELECT attempt, (extract(epoch FROM started_at) * 1000)::bigint,
        (extract(epoch FROM ended_at) * 1000)::bigint, error
    FROM webhooks_runtime.attempts WHERE delivery = $1 ORDER BY fence";

const BODY: &str = "SELECT body FROM webhooks_runtime.payloads WHERE delivery = $1";

const FIND: &str =
    "SELECT id FROM webhooks_runtime.deliveries WHERE id BETWEEN $1 AND $2 ORDER BY id LIMIT $3";

const ORPHANED_ENDPOINTS: &str = "
    SELECT endpoint.path FROM webhooks_runtime.endpoints AS endpoint
    WHERE endpoint.id <> ALL ($1) AND EXISTS (
        SELECT 1 FROM webhooks_runtime.deliveries AS queued
        WHERE queued.endpoint = endpoint.id AND queued.state = 0 AND queued.key IS NULL
        UNION ALL
        SELECT 1 FROM webhooks_runtime.deliveries AS queued
        WHERE queued.endpoint = endpoint.id AND queued.state = 0 AND queued.key IS NOT NULL
    )
    ORDER BY endpoint.path";

/// Whether the database is read-only, and for how many milliseconds the longest due delivery waits for a slot. One that
/// waits for another of its key does not.
pub(super) const OLDEST_DUE: &str = "
    SELECT current_setting('transaction_read_only') = 'on', (max(extract(epoch FROM statement_timestamp() - oldest.run_at)) * 1000)::float8
    FROM webhooks_runtime.endpoints AS endpoint CROSS JOIN LATERAL (
        (SELECT queued.run_at FROM webhooks_runtime.deliveries AS queued
        WHERE queued.endpoint = endpoint.id AND queued.state = 0 AND queued.key IS NULL
            AND queued.run_at <= statement_timestamp()
        ORDER BY queued.run_at LIMIT 1)
        UNION ALL
        (SELECT head.run_at FROM webhooks_runtime.keys AS key CROSS JOIN LATERAL (
            SELECT queued.run_at FROM webhooks_runtime.deliveries AS queued
            WHERE queued.endpoint = key.endpoint AND queued.key = key.key
                AND queued.state = 0 AND queued.key IS NOT NULL
                AND queued.run_at <= statement_timestamp()
            ORDER BY queued.run_at LIMIT 1
        ) AS head
        WHERE key.endpoint = endpoint.id AND key.run_at <= statement_timestamp() AND NOT EXISTS (
            SELECT 1 FROM webhooks_runtime.deliveries AS running
            WHERE running.endpoint = key.endpoint AND running.key = key.key AND running.holds_key
        )
        ORDER BY key.run_at LIMIT 1)
    ) AS oldest
    WHERE endpoint.id = ANY($1::bigint[]) AND endpoint.paused_at IS NULL";

/// The number of deliveries of each endpoint in each state but `done`, each from its index.
const COUNTS: &str = "
    SELECT endpoint.path, it.state, sum(it.count)::bigint FROM (
        SELECT endpoint, state, count(*) AS count FROM webhooks_runtime.deliveries
        WHERE state = 0 AND key IS NULL GROUP BY endpoint, state
        UNION ALL
        SELECT endpoint, state, count(*) FROM webhooks_runtime.deliveries
        WHERE state = 0 AND key IS NOT NULL GROUP BY endpoint, state
        UNION ALL
        SELECT endpoint, state, count(*) FROM webhooks_runtime.deliveries
        WHERE state = 1 GROUP BY endpoint, state
        UNION ALL
        SELECT endpoint, state, count(*) FROM webhooks_runtime.deliveries
        WHERE state IN (3, 4, 5) GROUP BY endpoint, state
    ) AS it JOIN webhooks_runtime.endpoints AS endpoint ON endpoint.id = it.endpoint
    GROUP BY endpoint.path, it.state";

impl PostgresStore {
    pub(super) async fn count_states(&self) -> Result<Vec<StateCount>, StoreError> {
        let rows: Vec<(String, i16, i64)> = with_retries(&self.pool, |mut connection| async move {
            let rows = sqlx::query_as(COUNTS).fetch_all(&mut *connection).await;
            (connection, rows)
        })
        .await?;
        let count = |(endpoint, state, count): (String, i16, i64)| StateCount {
            endpoint,
            state: State::from_code(state).unwrap_or(State::Dead),
            count: count.unsigned_abs(),
        };
        Ok(rows.into_iter().map(count).collect())
    }

    pub(super) async fn list_deliveries(
        &self,
        filter: &DeliveryFilter,
    ) -> Result<Vec<DeliverySummary>, StoreError> {
        with_retries(&self.pool, |mut connection| async move {
            let summaries = read_list(&mut connection, filter).await;
            (connection, summaries)
        })
        .await
    }

    pub(super) async fn show_delivery(
        &self,
        id: Uuid,
    ) -> Result<Option<DeliveryDetail>, StoreError> {
        with_retries(&self.pool, |mut connection| async move {
            let detail = read_detail(&mut connection, id).await;
            (connection, detail)
        })
        .await
    }

    pub(super) async fn find_summary(
        &self,
        id: Uuid,
    ) -> Result<Option<DeliverySummary>, StoreError> {
        with_retries(&self.pool, |mut connection| async move {
            let found = sqlx::query_as(SUMMARY).bind(id).fetch_optional(&mut *connection).await;
            (connection, found)
        })
        .await
    }

    pub(super) async fn find_ids(
        &self,
        first: Uuid,
        last: Uuid,
        limit: u32,
    ) -> Result<Vec<Uuid>, StoreError> {
        with_retries(&self.pool, |mut connection| async move {
            let found = sqlx::query_scalar(FIND)
                .bind(first)
                .bind(last)
                .bind(i64::from(limit))
                .fetch_all(&mut *connection)
                .await;
            (connection, found)
        })
        .await
    }

    pub(super) async fn oldest_due_wait(&self) -> Result<Option<Duration>, StoreError> {
        let milliseconds: Option<f64> = with_retries(&self.pool, |mut connection| async move {
            let oldest = sqlx::query_as(OLDEST_DUE)
                .bind(&self.endpoint_ids)
                .fetch_one(&mut *connection)
                .await;
            let oldest = oldest.and_then(|(read_only, oldest)| match read_only {
                true => Err(ReadOnly.into()),
                false => Ok(oldest),
            });
            (connection, oldest)
        })
        .await?;
        Ok(milliseconds.map(convert::until))
    }

    pub(super) async fn find_orphaned_endpoints(&self) -> Result<Vec<String>, StoreError> {
        with_retries(&self.pool, |mut connection| async move {
            let paths = sqlx::query_scalar(ORPHANED_ENDPOINTS)
                .bind(&self.endpoint_ids)
                .fetch_all(&mut *connection)
                .await;
            (connection, paths)
        })
        .await
    }
}

async fn read_list(
    connection: &mut PgConnection,
    filter: &DeliveryFilter,
) -> Result<Vec<DeliverySummary>, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    sqlx::query(PLAN_EACH).execute(&mut *transaction).await?;
    let summaries = sqlx::query_as(LIST)
        .bind(filter.state.map(State::code))
        .bind(filter.endpoint.as_deref())
        .bind(i64::from(filter.limit))
        .fetch_all(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(summaries)
}

async fn read_detail(
    connection: &mut PgConnection,
    id: Uuid,
) -> Result<Option<DeliveryDetail>, sqlx::Error> {
    // One snapshot for all three queries.
    let mut transaction =
        connection.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let Some(summary) = sqlx::query_as(SUMMARY).bind(id).fetch_optional(&mut *transaction).await?
    else {
        return Ok(None);
    };
    let failed: Vec<(i32, i64, i64, String)> =
        sqlx::query_as(ATTEMPTS).bind(id).fetch_all(&mut *transaction).await?;
    let body: Vec<u8> = sqlx::query_scalar(BODY).bind(id).fetch_one(&mut *transaction).await?;
    transaction.commit().await?;
    let failed = failed
        .into_iter()
        .map(|(attempt, started_at, ended_at, error)| FailedAttempt {
            attempt: attempt.unsigned_abs(),
            started_at: convert::time(started_at),
            ended_at: convert::time(ended_at),
            error,
        })
        .collect();
    Ok(Some(DeliveryDetail { summary, failed, body: body.into() }))
}

impl FromRow<'_, PgRow> for DeliverySummary {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let state = convert::state(row.try_get("state")?)?;
        let time = |name| row.try_get(name).map(|unix: Option<i64>| unix.map(convert::time));
        let (attempt, merged): (i32, i32) = (row.try_get("attempt")?, row.try_get("merged")?);
        Ok(Self {
            id: row.try_get("id")?,
            endpoint: row.try_get("path")?,
            webhook_id: row.try_get("webhook_id")?,
            state,
            cancel_requested: row.try_get("cancel_requested")?,
            attempts: attempt.unsigned_abs(),
            received_at: convert::time(row.try_get("received_at")?),
            run_at: time("run_at")?.filter(|_| state == State::Queued),
            started_at: time("started_at")?.filter(|_| state == State::Running),
            ended_at: time("ended_at")?,
            error: row.try_get("error")?,
            event: row.try_get("event")?,
            repo: row.try_get("repo")?,
            note: row.try_get("note")?,
            key: row.try_get("key")?,
            superseded_by: row.try_get("superseded_by")?,
            merged: merged.unsigned_abs(),
            origin: DeliveryOrigin::from_code(row.try_get("origin")?)
                .unwrap_or(DeliveryOrigin::Webhook),
        })
    }
}

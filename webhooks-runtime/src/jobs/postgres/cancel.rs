//! Cancels deliveries and pauses endpoints when a person asks for it.

use std::time::{Duration, Instant, SystemTime};

use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::super::error::StoreError;
use super::super::inspect::{CancelReport, CancelTarget};
use super::super::state::{CANCELLED, CancelReason};
use super::pool::with_retries;
use super::retention::CHUNK;
use super::store::PostgresStore;
use super::{convert, keys};

/// A chunk of the queued deliveries of an endpoint that were accepted at least this long ago.
const QUEUED: &str = "
    (SELECT it.id FROM webhooks_runtime.endpoints AS endpoint
    JOIN webhooks_runtime.deliveries AS it ON it.endpoint = endpoint.id
    WHERE endpoint.path = $1 AND it.state = 0 AND it.key IS NULL
        AND it.accepted_at <= statement_timestamp() - $2 * interval '1 millisecond'
    LIMIT $3)
    UNION ALL
    (SELECT it.id FROM webhooks_runtime.endpoints AS endpoint
    JOIN webhooks_runtime.deliveries AS it ON it.endpoint = endpoint.id
    WHERE endpoint.path = $1 AND it.state = 0 AND it.key IS NOT NULL
        AND it.accepted_at <= statement_timestamp() - $2 * interval '1 millisecond'
    LIMIT $3)
    LIMIT $3";

const CANCEL: &str = "
    UPDATE webhooks_runtime.deliveries
    SET state = 5, ended_at = statement_timestamp(), note = $2, debounce_since = NULL
    WHERE id = ANY($1::uuid[]) AND state = 0";

/// Builds the statement that has running deliveries stopped, and returns them with whether they can be.
macro_rules! stop {
    ($which:literal) => {
        concat!(
            "WITH running AS (
                SELECT it.id, endpoint.stoppable FROM webhooks_runtime.endpoints AS endpoint
                JOIN webhooks_runtime.deliveries AS it ON it.endpoint = endpoint.id
                WHERE it.state = 1 AND ",
            $which,
            "), stopped AS (
                UPDATE webhooks_runtime.deliveries AS it SET cancel_requested = $2
                FROM running WHERE it.id = running.id AND it.state = 1 AND running.stoppable
            )
            SELECT id, stoppable FROM running ORDER BY id"
        )
    };
}

const STOP_ONE: &str = stop!("it.id = $1");

const STOP_ENDPOINT: &str = stop!("endpoint.path = $1");

const PAUSE: &str = "
    UPDATE webhooks_runtime.endpoints
    SET paused_at = CASE WHEN $2 THEN coalesce(paused_at, statement_timestamp()) END WHERE path = $1";

const PAUSED: &str = "
    SELECT path, (extract(epoch FROM paused_at) * 1000)::bigint FROM webhooks_runtime.endpoints
    WHERE paused_at IS NOT NULL ORDER BY path";

impl PostgresStore {
    /// Cancels queued deliveries, and has running ones stopped.
    pub(super) async fn cancel_target(
        &self,
        target: &CancelTarget,
    ) -> Result<CancelReport, StoreError> {
        let (mut cancelled, start) = (0, Instant::now());
        match target {
            CancelTarget::One(id) => cancelled = self.cancel_queued(&[*id]).await?,
            CancelTarget::Endpoint(path) => loop {
                // Not the deliveries that arrive meanwhile.
                let queued = self.find_queued(path, start.elapsed()).await?;
                cancelled += self.cancel_queued(&queued).await?;
                if queued.len() < CHUNK as usize {
                    break;
                }
            },
        }
        // Afterwards, so that none is claimed in between.
        let running = with_retries(&self.pool, |mut connection| async move {
            let running = match target {
                CancelTarget::One(id) => sqlx::query_as(STOP_ONE).bind(id),
                CancelTarget::Endpoint(path) => sqlx::query_as(STOP_ENDPOINT).bind(path),
            };
            let running = running.bind(CancelReason::Person.code());
            let running: Result<Vec<(Uuid, bool)>, _> = running.fetch_all(&mut *connection).await;
            (connection, running)
        })
        .await?;
        let (stopping, refused): (Vec<_>, Vec<_>) =
            running.into_iter().partition(|(_, can_be_stopped)| *can_be_stopped);
        if !stopping.is_empty() {
            // Their replicas stop them sooner than with the next heartbeat.
            self.notifier.notify_now(&self.pool).await;
        }
        let ids = |rows: Vec<(Uuid, bool)>| rows.into_iter().map(|(id, _)| id).collect();
        Ok(CancelReport { cancelled, stopping: ids(stopping), refused: ids(refused) })
    }

    async fn find_queued(&self, path: &str, age: Duration) -> Result<Vec<Uuid>, StoreError> {
        let age = convert::milliseconds(age);
        with_retries(&self.pool, |mut connection| async move {
            let queued = sqlx::query_scalar(QUEUED).bind(path).bind(age).bind(CHUNK);
            let queued = queued.fetch_all(&mut *connection).await;
            (connection, queued)
        })
        .await
    }

    /// Cancels deliveries if they are queued, and returns their number.
    async fn cancel_queued(&self, ids: &[Uuid]) -> Result<u64, StoreError> {
        let cancelled = with_retries(&self.pool, |mut connection| async move {
            let cancelled = cancel_queued_on(&mut connection, ids).await;
            (connection, cancelled)
        })
        .await?;
        self.backlog.add(-cancelled.cast_signed());
        Ok(cancelled)
    }

    /// Pauses or resumes an endpoint. Returns whether it exists.
    pub(super) async fn pause_endpoint(&self, path: &str, pause: bool) -> Result<bool, StoreError> {
        let changed = with_retries(&self.pool, |mut connection| async move {
            let changed = sqlx::query(PAUSE).bind(path).bind(pause).execute(&mut *connection).await;
            (connection, changed)
        })
        .await?;
        if !pause {
            self.notifier.notify_now(&self.pool).await;
        }
        Ok(changed.rows_affected() > 0)
    }

    pub(super) async fn paused_endpoints(&self) -> Result<Vec<(String, SystemTime)>, StoreError> {
        let paused: Vec<(String, i64)> = with_retries(&self.pool, |mut connection| async move {
            let paused = sqlx::query_as(PAUSED).fetch_all(&mut *connection).await;
            (connection, paused)
        })
        .await?;
        Ok(paused.into_iter().map(|(path, since)| (path, convert::time(since))).collect())
    }
}

async fn cancel_queued_on(connection: &mut PgConnection, ids: &[Uuid]) -> Result<u64, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let keys = keys::lock_of(&mut transaction, ids).await?;
    let cancelled =
        sqlx::query(CANCEL).bind(ids).bind(CANCELLED).execute(&mut *transaction).await?;
    keys::refresh(&mut transaction, &keys).await?;
    transaction.commit().await?;
    Ok(cancelled.rows_affected())
}

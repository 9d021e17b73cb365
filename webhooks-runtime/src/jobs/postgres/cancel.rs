//! Cancels deliveries and pauses endpoints when a person asks for it.

use std::time::{Duration, Instant, SystemTime};

use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::super::delivery::ClaimId;
use super::super::error::StoreError;
use super::super::inspect::{CancelReport, CancelTarget};
use super::super::state::{CANCELLED, CancelReason, State};
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

/// Locks the deliveries in the order of their ids, as the ends of attempts do, so that they do not wait for each other.
const CANCEL: &str = "
    WITH queued AS (
        SELECT id FROM webhooks_runtime.deliveries
        WHERE id = ANY($1::uuid[]) AND state = 0
        ORDER BY id FOR UPDATE
    )
    UPDATE webhooks_runtime.deliveries AS it
    SET state = 5, ended_at = statement_timestamp(), note = $2, debounce_since = NULL
    FROM queued WHERE it.id = queued.id AND it.state = 0";

/// Locks a delivery, so that its state stays the same.
const LOCK: &str = "
    SELECT it.state, it.fence, endpoint.stoppable FROM webhooks_runtime.deliveries AS it
    JOIN webhooks_runtime.endpoints AS endpoint ON endpoint.id = it.endpoint
    WHERE it.id = $1 FOR UPDATE OF it";

const STOP: &str = "
    UPDATE webhooks_runtime.deliveries SET cancel_requested = $2 WHERE id = $1 AND state = 1";

/// Requests to stop the running deliveries of an endpoint, and returns their claims and whether they can be stopped.
const STOP_ENDPOINT: &str = "
    WITH running AS (
        SELECT it.id, it.fence, endpoint.stoppable FROM webhooks_runtime.endpoints AS endpoint
        JOIN webhooks_runtime.deliveries AS it ON it.endpoint = endpoint.id
        WHERE endpoint.path = $1 AND it.state = 1
        ORDER BY it.id FOR UPDATE OF it
    ), stopped AS (
        UPDATE webhooks_runtime.deliveries AS it SET cancel_requested = $2
        FROM running
        WHERE it.id = running.id AND it.fence = running.fence AND it.state = 1 AND running.stoppable
        RETURNING it.id
    )
    SELECT running.id, running.fence, running.stoppable FROM running
    LEFT JOIN stopped ON stopped.id = running.id
    WHERE stopped.id IS NOT NULL OR NOT running.stoppable
    ORDER BY running.id";

/// How often the deliveries of an endpoint are looked for: one that is claimed or fails at the same time is found in the
/// next pass.
const MAX_PASSES: usize = 10;

const PAUSE: &str = "
    UPDATE webhooks_runtime.endpoints
    SET paused_at = CASE WHEN $2 THEN coalesce(paused_at, statement_timestamp()) END WHERE path = $1";

const PAUSED: &str = "
    SELECT path, (extract(epoch FROM paused_at) * 1000)::bigint FROM webhooks_runtime.endpoints
    WHERE paused_at IS NOT NULL ORDER BY path";

impl PostgresStore {
    /// Cancels queued deliveries, and requests that running ones are stopped.
    pub(super) async fn cancel_target(
        &self,
        target: &CancelTarget,
    ) -> Result<CancelReport, StoreError> {
        let report = match target {
            CancelTarget::One(id) => self.cancel_one(*id).await?,
            CancelTarget::Endpoint(path) => self.cancel_endpoint(path).await?,
        };
        if !report.stopping.is_empty() {
            // Their replicas stop them sooner than with the next heartbeat.
            self.notifier.notify_now(&self.pool).await;
        }
        Ok(report)
    }

    async fn cancel_one(&self, id: Uuid) -> Result<CancelReport, StoreError> {
        let report = with_retries(&self.pool, |mut connection| async move {
            let report = cancel_one_on(&mut connection, id).await;
            (connection, report)
        })
        .await?;
        self.backlog.add(-report.cancelled.cast_signed());
        Ok(report)
    }

    async fn cancel_endpoint(&self, path: &str) -> Result<CancelReport, StoreError> {
        let (mut report, start) = (CancelReport::default(), Instant::now());
        for _ in 0..MAX_PASSES {
            let (stopping, refused) = self.stop_endpoint(path).await?;
            let known = report.stopping.len();
            for claim in stopping {
                if !report.stopping.contains(&claim) {
                    report.stopping.push(claim);
                }
            }
            report.refused = refused;
            let mut cancelled = 0;
            loop {
                // Not the deliveries that arrive meanwhile.
                let queued = self.find_queued(path, start.elapsed()).await?;
                cancelled += self.cancel_queued(&queued).await?;
                if queued.len() < CHUNK as usize {
                    break;
                }
            }
            report.cancelled += cancelled;
            if cancelled == 0 && report.stopping.len() == known {
                break;
            }
        }
        Ok(report)
    }

    /// Requests to stop the running deliveries of an endpoint. Returns the claims of those that their replicas stop, and
    /// the ids of those that cannot be stopped.
    async fn stop_endpoint(&self, path: &str) -> Result<(Vec<ClaimId>, Vec<Uuid>), StoreError> {
        let running: Vec<(Uuid, i64, bool)> =
            with_retries(&self.pool, |mut connection| async move {
                let running =
                    sqlx::query_as(STOP_ENDPOINT).bind(path).bind(CancelReason::Person.code());
                let running = running.fetch_all(&mut *connection).await;
                (connection, running)
            })
            .await?;
        let (mut stopping, mut refused) = (Vec::new(), Vec::new());
        for (id, fencing_token, is_stoppable) in running {
            if is_stoppable {
                stopping.push((id, fencing_token));
            } else {
                refused.push(id);
            }
        }
        Ok((stopping, refused))
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

async fn cancel_one_on(
    connection: &mut PgConnection,
    id: Uuid,
) -> Result<CancelReport, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let keys = keys::lock_of(&mut transaction, &[id]).await?;
    let locked: Option<(i16, i64, bool)> =
        sqlx::query_as(LOCK).bind(id).fetch_optional(&mut *transaction).await?;
    let mut report = CancelReport::default();
    match locked.map(|(state, fence, stoppable)| (State::from_code(state), fence, stoppable)) {
        Some((Some(State::Queued), ..)) => {
            let cancelled = sqlx::query(CANCEL).bind([id]).bind(CANCELLED);
            report.cancelled = cancelled.execute(&mut *transaction).await?.rows_affected();
        }
        Some((Some(State::Running), fencing_token, true)) => {
            let stop = sqlx::query(STOP).bind(id).bind(CancelReason::Person.code());
            stop.execute(&mut *transaction).await?;
            report.stopping.push((id, fencing_token));
        }
        Some((Some(State::Running), _, false)) => report.refused.push(id),
        _ => {}
    }
    keys::refresh(&mut transaction, &keys).await?;
    transaction.commit().await?;
    Ok(report)
}

//! Deletes deliveries: those whose retention has ended, and those that a person purges. Each takes the superseded ones
//! that it carries with it.

use std::time::Duration;

use sqlx::postgres::PgArguments;
use sqlx::query::QueryAs;
use sqlx::{Connection, PgConnection, Postgres};
use uuid::Uuid;

use super::super::error::StoreError;
use super::super::inspect::Purge;
use super::super::state::State;
use super::pool::with_retries;
use super::store::PostgresStore;
use super::{convert, keys};

/// How many deliveries are changed or deleted in one transaction, except that a group is deleted as a whole.
pub(super) const CHUNK: i64 = 1000;

/// How many log lines are deleted in one transaction. A chunk of deliveries may have millions, and deleting them at once
/// could exceed every time limit.
const LINES: i64 = 10_000;

/// The deliveries that ended in a state at least this long ago, and how many others each carries.
const EXPIRED: &str = "
    SELECT id, merged FROM webhooks_runtime.deliveries
    WHERE state = $1 AND state >= 2
        AND ended_at <= statement_timestamp() - $2 * interval '1 millisecond'
    ORDER BY ended_at LIMIT $3";

/// Dead deliveries, of one endpoint or of all.
const DEAD: &str = "
    SELECT it.id, it.merged FROM webhooks_runtime.deliveries AS it
    JOIN webhooks_runtime.endpoints AS endpoint ON endpoint.id = it.endpoint
    WHERE it.state = 3 AND it.state >= 2 AND ($1::text IS NULL OR endpoint.path = $1)
        AND it.ended_at <= statement_timestamp() - $2 * interval '1 millisecond'
    ORDER BY it.ended_at LIMIT $3";

/// Queued deliveries, of one endpoint or of all.
const QUEUED: &str = "
    (SELECT it.id, it.merged FROM webhooks_runtime.deliveries AS it
    JOIN webhooks_runtime.endpoints AS endpoint ON endpoint.id = it.endpoint
    WHERE it.state = 0 AND it.key IS NULL AND ($1::text IS NULL OR endpoint.path = $1)
        AND it.accepted_at <= statement_timestamp() - $2 * interval '1 millisecond'
    LIMIT $3)
    UNION ALL
    (SELECT it.id, it.merged FROM webhooks_runtime.deliveries AS it
    JOIN webhooks_runtime.endpoints AS endpoint ON endpoint.id = it.endpoint
    WHERE it.state = 0 AND it.key IS NOT NULL AND ($1::text IS NULL OR endpoint.path = $1)
        AND it.accepted_at <= statement_timestamp() - $2 * interval '1 millisecond'
    LIMIT $3)
    LIMIT $3";

/// Deletes log lines of deliveries that are still in this state, and of those that they carry, up to a number.
const DELETE_LINES: &str = "
    WITH old AS (
        SELECT id, merge_group FROM webhooks_runtime.deliveries
        WHERE id = ANY($1::uuid[]) AND state = $2
    ), every AS (
        SELECT id FROM old UNION ALL
        SELECT carried.id FROM old JOIN webhooks_runtime.deliveries AS carried
            ON carried.merge_group = old.merge_group AND carried.state = 4
    ), chunk AS (
        SELECT line.delivery, line.fence, line.line
        FROM every JOIN webhooks_runtime.attempt_logs AS line ON line.delivery = every.id LIMIT $3
    )
    DELETE FROM webhooks_runtime.attempt_logs AS it USING chunk
    WHERE it.delivery = chunk.delivery AND it.fence = chunk.fence AND it.line = chunk.line";

/// Deletes deliveries that are still in this state, and those that they carry. Returns the number of the former, and of
/// all. Locks the carried ones, because a person may run one of them again at the same moment.
const DELETE: &str = "
    WITH old AS (
        SELECT id, merge_group FROM webhooks_runtime.deliveries
        WHERE id = ANY($1::uuid[]) AND state = $2 FOR UPDATE SKIP LOCKED
    ), carried AS (
        SELECT it.id FROM old JOIN webhooks_runtime.deliveries AS it
            ON it.merge_group = old.merge_group AND it.state = 4
        FOR UPDATE OF it
    ), every AS (
        SELECT id FROM old UNION ALL SELECT id FROM carried
    ), bodies AS (
        DELETE FROM webhooks_runtime.payloads AS it USING every WHERE it.delivery = every.id
    ), failed AS (
        DELETE FROM webhooks_runtime.attempts AS it USING every WHERE it.delivery = every.id
    ), logs AS (
        DELETE FROM webhooks_runtime.attempt_logs AS it USING every WHERE it.delivery = every.id
    ), deliveries AS (
        DELETE FROM webhooks_runtime.deliveries AS it USING every WHERE it.id = every.id
    )
    SELECT (SELECT count(*) FROM old), (SELECT count(*) FROM every)";

/// A query of the deliveries to delete, and of how many others each carries.
type Candidates = QueryAs<'static, Postgres, (Uuid, i32), PgArguments>;

/// A deleted chunk.
struct DeletedChunk {
    deleted: i64,
    /// How many of them the query found.
    found: i64,
    is_last: bool,
}

impl PostgresStore {
    /// Deletes the deliveries that ended in a state at least this long ago.
    pub(super) async fn delete_ended(
        &self,
        state: State,
        older_than: Duration,
    ) -> Result<u64, StoreError> {
        let older_than = convert::milliseconds(older_than);
        let expired = || sqlx::query_as(EXPIRED).bind(state.code()).bind(older_than).bind(CHUNK);
        self.delete(state, expired).await
    }

    /// Deletes the deliveries that a person purges.
    pub(super) async fn purge_matching(&self, purge: &Purge) -> Result<u64, StoreError> {
        let older_than = convert::milliseconds(purge.older_than);
        let statement = if purge.state == State::Queued { QUEUED } else { DEAD };
        let matching = || {
            let endpoint = purge.endpoint.clone();
            sqlx::query_as(statement).bind(endpoint).bind(older_than).bind(CHUNK)
        };
        self.delete(purge.state, matching).await
    }

    /// Deletes the deliveries that a query finds, in chunks.
    async fn delete(
        &self,
        state: State,
        candidates: impl Fn() -> Candidates,
    ) -> Result<u64, StoreError> {
        let candidates = &candidates;
        let mut total = 0;
        loop {
            let chunk = with_retries(&self.pool, |mut connection| async move {
                let deleted = delete_chunk(&mut connection, state, candidates()).await;
                (connection, deleted)
            })
            .await?;
            if state == State::Queued {
                self.backlog.add(-chunk.found);
            }
            total += chunk.deleted.unsigned_abs();
            if chunk.is_last {
                return Ok(total);
            }
        }
    }
}

async fn delete_chunk(
    connection: &mut PgConnection,
    state: State,
    candidates: Candidates,
) -> Result<DeletedChunk, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let candidates = candidates.fetch_all(&mut *transaction).await?;
    let (mut ids, mut deletions) = (Vec::new(), 0);
    for (id, merged) in &candidates {
        if deletions >= CHUNK {
            break;
        }
        ids.push(*id);
        deletions += i64::from(*merged) + 1;
    }
    let lines = sqlx::query(DELETE_LINES).bind(&ids).bind(state.code()).bind(LINES);
    if lines.execute(&mut *transaction).await?.rows_affected() >= LINES.unsigned_abs() {
        // The deliveries are in the next chunks.
        transaction.commit().await?;
        return Ok(DeletedChunk { deleted: 0, found: 0, is_last: false });
    }
    let keys = match state {
        State::Queued => keys::lock_of(&mut transaction, &ids).await?,
        // An ended delivery is in no queue.
        _ => Default::default(),
    };
    let (found, deleted): (i64, i64) =
        sqlx::query_as(DELETE).bind(&ids).bind(state.code()).fetch_one(&mut *transaction).await?;
    keys::refresh(&mut transaction, &keys).await?;
    transaction.commit().await?;
    // Does not wait for locked deliveries.
    let is_last = found == 0 || ids.len() == candidates.len() && deletions < CHUNK;
    Ok(DeletedChunk { deleted, found, is_last })
}

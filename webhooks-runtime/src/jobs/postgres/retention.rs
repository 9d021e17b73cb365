//! Deletes deliveries: those whose retention has ended, and those that a person purges.

use std::time::Duration;

use super::super::error::StoreError;
use super::super::inspect::Purge;
use super::super::state::State;
use super::convert;
use super::pool::with_retries;
use super::store::PostgresStore;

/// How many deliveries are changed or deleted in one transaction.
pub(super) const CHUNK: i64 = 1000;

/// Deletes a chunk of the deliveries that ended in a state at least this long ago.
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

/// Deletes a chunk of dead or queued deliveries, of one endpoint or of all.
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

impl PostgresStore {
    /// Deletes the deliveries that ended in a state at least this long ago.
    pub(super) async fn delete_ended(
        &self,
        state: State,
        older_than: Duration,
    ) -> Result<u64, StoreError> {
        let older_than = convert::milliseconds(older_than);
        in_chunks(|| async move {
            with_retries(&self.pool, |mut connection| async move {
                let deleted = sqlx::query(DELETE)
                    .bind(state.code())
                    .bind(older_than)
                    .bind(CHUNK)
                    .execute(&mut *connection)
                    .await;
                (connection, deleted.map(|it| it.rows_affected()))
            })
            .await
        })
        .await
    }

    /// Deletes the deliveries that a person purges.
    pub(super) async fn purge_matching(&self, purge: &Purge) -> Result<u64, StoreError> {
        let older_than = convert::milliseconds(purge.older_than);
        let purged = in_chunks(|| async move {
            let deleted = with_retries(&self.pool, |mut connection| async move {
                let deleted = sqlx::query(PURGE)
                    .bind(purge.state.code())
                    .bind(purge.endpoint.as_deref())
                    .bind(older_than)
                    .bind(CHUNK)
                    .execute(&mut *connection)
                    .await;
                (connection, deleted.map(|it| it.rows_affected()))
            })
            .await?;
            if purge.state == State::Queued {
                self.backlog.add(-deleted.cast_signed());
            }
            Ok(deleted)
        })
        .await?;
        Ok(purged)
    }
}

/// Repeats work until it has no full chunk left, and returns the sum.
pub(super) async fn in_chunks<F>(mut work: impl FnMut() -> F) -> Result<u64, StoreError>
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

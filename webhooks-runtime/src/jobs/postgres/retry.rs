//! Queues dead deliveries again when a person retries them.

use std::time::Instant;

use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;

use super::super::error::StoreError;
use super::super::inspect::RetryTarget;
use super::convert;
use super::pool::with_retries;
use super::retention::{CHUNK, in_chunks};
use super::store::PostgresStore;

const RETRY_ONE: &str = "
    UPDATE webhooks_runtime.deliveries
    SET state = 0, attempt = 0, releases = 0, waits = 0, note = NULL, ended_at = NULL,
        run_at = least(statement_timestamp(), ended_at)
    WHERE id = $1 AND state = 3";

/// Queues a chunk of the deliveries that died at least this long ago.
const RETRY_DEAD: &str = "
    WITH dead AS (
        SELECT id FROM webhooks_runtime.deliveries
        WHERE state = 3 AND state >= 2
            AND ended_at <= statement_timestamp() - $1 * interval '1 millisecond'
        LIMIT $2 FOR UPDATE SKIP LOCKED
    )
    UPDATE webhooks_runtime.deliveries AS it
    SET state = 0, attempt = 0, releases = 0, waits = 0, note = NULL, ended_at = NULL,
        run_at = least(statement_timestamp(), it.ended_at)
    FROM dead WHERE it.id = dead.id";

impl PostgresStore {
    /// Queues dead deliveries, and notifies the other replicas.
    pub(super) async fn retry_dead(&self, target: RetryTarget) -> Result<u64, StoreError> {
        let revived = match target {
            RetryTarget::One(id) => self.retry_chunk(|| sqlx::query(RETRY_ONE).bind(id)).await?,
            RetryTarget::AllDead => {
                // Not those that die meanwhile: one that fails at once would be retried forever.
                let start = Instant::now();
                in_chunks(|| async move {
                    let age = convert::milliseconds(start.elapsed());
                    self.retry_chunk(|| sqlx::query(RETRY_DEAD).bind(age).bind(CHUNK)).await
                })
                .await?
            }
        };
        if revived > 0 {
            // Not in the background, because the process may end right after this.
            self.notifier.notify_now(&self.pool).await;
        }
        Ok(revived)
    }

    /// Executes a statement that queues dead deliveries, and returns their number.
    async fn retry_chunk(
        &self,
        statement: impl Fn() -> Query<'static, Postgres, PgArguments>,
    ) -> Result<u64, StoreError> {
        let statement = &statement;
        let revived = with_retries(&self.pool, |mut connection| async move {
            let revived = statement().execute(&mut *connection).await;
            (connection, revived.map(|it| it.rows_affected()))
        })
        .await?;
        self.backlog.add(revived.cast_signed());
        Ok(revived)
    }
}

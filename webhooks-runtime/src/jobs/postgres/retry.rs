//! Queues ended deliveries again when a person retries or reruns them.

use std::time::Instant;

use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::super::error::StoreError;
use super::super::inspect::RetryTarget;
use super::super::state::State;
use super::pool::with_retries;
use super::retention::CHUNK;
use super::store::PostgresStore;
use super::{convert, keys};

/// A chunk of the deliveries that died at least this long ago.
const DEAD: &str = "
    SELECT id FROM webhooks_runtime.deliveries
    WHERE state = 3 AND state >= 2
        AND ended_at <= statement_timestamp() - $1 * interval '1 millisecond'
    ORDER BY ended_at LIMIT $2";

/// Queues ended deliveries, as barriers of their keys: those in state `$2`, or all if that is null. They are due since
/// their last attempts started, or since they were accepted. A superseded one leaves its group.
const QUEUE_AGAIN: &str = "
    WITH ended AS (
        SELECT id, state, merge_group FROM webhooks_runtime.deliveries
        WHERE id = ANY($1::uuid[]) AND state >= 2 AND ($2::smallint IS NULL OR state = $2)
        FOR UPDATE
    ), carrying AS (
        UPDATE webhooks_runtime.deliveries AS it SET merged = it.merged - 1
        FROM ended
        WHERE ended.state = 4 AND it.merge_group = ended.merge_group
            AND it.state <> 4 AND it.merge_group IS NOT NULL
    )
    UPDATE webhooks_runtime.deliveries AS it
    SET state = 0, attempt = 0, releases = 0, waits = 0, snoozes = 0, note = NULL, ended_at = NULL,
        run_at = coalesce(it.started_at, it.accepted_at), merge_scope = NULL, superseded_by = NULL,
        merge_group = CASE WHEN ended.state <> 4 THEN it.merge_group END,
        merged = CASE WHEN ended.state <> 4 THEN it.merged ELSE 0 END
    FROM ended WHERE it.id = ended.id";

impl PostgresStore {
    /// Queues dead deliveries, and notifies the other replicas.
    pub(super) async fn retry_dead(&self, target: RetryTarget) -> Result<u64, StoreError> {
        let mut revived = 0;
        match target {
            RetryTarget::One(id) => revived = self.queue_again(&[id], Some(State::Dead)).await?,
            RetryTarget::AllDead => {
                // Not those that die meanwhile: one that fails at once would be retried forever.
                let start = Instant::now();
                loop {
                    let dead = self.find_dead(start).await?;
                    revived += self.queue_again(&dead, Some(State::Dead)).await?;
                    if dead.len() < CHUNK as usize {
                        break;
                    }
                }
            }
        }
        self.notify_of(revived).await;
        Ok(revived)
    }

    /// Queues an ended delivery, and notifies the other replicas. Returns whether it had ended.
    pub(super) async fn rerun_ended(&self, id: Uuid) -> Result<bool, StoreError> {
        let queued = self.queue_again(&[id], None).await?;
        self.notify_of(queued).await;
        Ok(queued > 0)
    }

    async fn find_dead(&self, until: Instant) -> Result<Vec<Uuid>, StoreError> {
        with_retries(&self.pool, |mut connection| async move {
            let age = convert::milliseconds(until.elapsed());
            let dead = sqlx::query_scalar(DEAD).bind(age).bind(CHUNK);
            let dead = dead.fetch_all(&mut *connection).await;
            (connection, dead)
        })
        .await
    }

    /// Queues ended deliveries, and returns their number.
    async fn queue_again(&self, ids: &[Uuid], state: Option<State>) -> Result<u64, StoreError> {
        let queued = with_retries(&self.pool, |mut connection| async move {
            let queued = queue_again_on(&mut connection, ids, state).await;
            (connection, queued)
        })
        .await?;
        self.backlog.add(queued.cast_signed());
        Ok(queued)
    }

    /// Notifies the other replicas of deliveries. Not in the background, because the process may end right after this.
    async fn notify_of(&self, queued: u64) {
        if queued > 0 {
            self.notifier.notify_now(&self.pool).await;
        }
    }
}

async fn queue_again_on(
    connection: &mut PgConnection,
    ids: &[Uuid],
    state: Option<State>,
) -> Result<u64, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let keys = keys::lock_of(&mut transaction, ids).await?;
    let queued = sqlx::query(QUEUE_AGAIN)
        .bind(ids)
        .bind(state.map(State::code))
        .execute(&mut *transaction)
        .await?;
    keys::refresh(&mut transaction, &keys).await?;
    transaction.commit().await?;
    Ok(queued.rows_affected())
}

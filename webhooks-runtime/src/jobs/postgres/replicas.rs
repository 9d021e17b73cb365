//! Registers replicas, renews their leases, and recovers the deliveries of lost ones.

use std::sync::atomic::Ordering;
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::super::attempt_log::LogUpdate;
use super::super::delivery::{
    ClaimId, Completion, HeartbeatResponse, RecoveryReport, ReplicaId, UnresponsiveReplicas,
};
use super::super::error::StoreError;
use super::super::outcome::AttemptOutcome;
use super::super::state::State;
use super::super::store::RecoveryPolicy;
use super::convert;
use super::pool::with_retries;
use super::store::PostgresStore;

const REGISTER: &str = "
    INSERT INTO webhooks_runtime.owners (id, lease_until)
    VALUES ($1, clock_timestamp() + $2 * interval '1 millisecond')
    ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until";

/// Renews a lease. Returns whether the replica is registered, and the number of live replicas.
const HEARTBEAT: &str = "
    WITH renewed AS (
        UPDATE webhooks_runtime.owners
        SET lease_until = clock_timestamp() + $2 * interval '1 millisecond' WHERE id = $1
        RETURNING id
    )
    SELECT EXISTS (SELECT 1 FROM renewed), 1 + (
        SELECT count(*) FROM webhooks_runtime.owners
        WHERE id <> $1 AND lease_until >= clock_timestamp()
    )";

/// Limits how long a heartbeat waits while another session has locked the deliveries.
const LIMIT_LOCKS: &str = "SET LOCAL lock_timeout = '500ms'";

/// The claims of a replica whose attempts are to be stopped.
const CANCELLED: &str = "
    SELECT id, fence FROM webhooks_runtime.deliveries
    WHERE owner = $1 AND state = 1 AND cancel_requested > 0";

const DEREGISTER: &str = "DELETE FROM webhooks_runtime.owners WHERE id = ANY($1::uuid[])";

/// Locks the replicas whose leases have expired. Skips those that another replica recovers or that send a
/// heartbeat at this moment.
const EXPIRED_REPLICAS: &str = "
    SELECT id FROM webhooks_runtime.owners
    WHERE id <> $1 AND lease_until < statement_timestamp()
    ORDER BY id FOR UPDATE SKIP LOCKED";

/// The running deliveries of expired and unregistered replicas. Takes no lock: the fencing tokens tell later
/// whether they are still the same claims.
const LOST: &str = "
    SELECT it.id, it.fence, it.endpoint, it.attempt FROM webhooks_runtime.deliveries AS it
    WHERE it.state = 1 AND (
        it.owner = ANY($1::uuid[])
        OR NOT EXISTS (SELECT 1 FROM webhooks_runtime.owners AS there WHERE there.id = it.owner)
    )
    ORDER BY it.id";

/// The number of running deliveries of other replicas whose leases end soon, for known endpoints, and the
/// milliseconds until the last of these leases expires.
const UNRESPONSIVE: &str = "
    SELECT count(*), coalesce(
        max(extract(epoch FROM owner.lease_until - statement_timestamp())) * 1000, 0
    )::float8
    FROM webhooks_runtime.owners AS owner
    JOIN webhooks_runtime.deliveries AS running
        ON running.owner = owner.id AND running.state = 1 AND running.endpoint = ANY($2::bigint[])
    WHERE owner.id <> $1 AND owner.lease_until >= statement_timestamp()
        AND owner.lease_until < statement_timestamp() + $3 * interval '1 millisecond'";

impl PostgresStore {
    pub(super) async fn register_replica(
        &self,
        replica: ReplicaId,
        lease: Duration,
    ) -> Result<(), StoreError> {
        let lease = convert::milliseconds(lease);
        with_retries(&self.pool, |mut connection| async move {
            let registered =
                sqlx::query(REGISTER).bind(replica).bind(lease).execute(&mut *connection).await;
            (connection, registered)
        })
        .await
        .map(|_| ())
    }

    pub(super) async fn renew_lease(
        &self,
        replica: ReplicaId,
        lease: Duration,
    ) -> Result<HeartbeatResponse, StoreError> {
        let lease = convert::milliseconds(lease);
        let renewed = with_retries(&self.heartbeats, |mut connection| async move {
            let renewed = sqlx::query_as(HEARTBEAT)
                .bind(replica)
                .bind(lease)
                .fetch_one(&mut *connection)
                .await;
            (connection, renewed)
        })
        .await?;
        let (is_registered, replicas): (bool, i64) = renewed;
        self.replicas.store(u32::try_from(replicas).unwrap_or(1), Ordering::Relaxed);
        let cancelled = if is_registered { self.find_cancelled(replica).await } else { Vec::new() };
        Ok(HeartbeatResponse { is_registered, cancelled })
    }

    /// Returns the claims of a replica whose attempts are to be stopped; none when they cannot be read, because the lease
    /// is renewed nevertheless.
    async fn find_cancelled(&self, replica: ReplicaId) -> Vec<ClaimId> {
        let cancelled = with_retries(&self.heartbeats, |mut connection| async move {
            let cancelled = read_cancelled(&mut connection, replica).await;
            (connection, cancelled)
        });
        cancelled.await.unwrap_or_else(|error| {
            tracing::debug!(%error, "cannot read which deliveries are to be stopped");
            Vec::new()
        })
    }

    pub(super) async fn find_unresponsive(
        &self,
        replica: ReplicaId,
        lease_left: Duration,
    ) -> Result<Option<UnresponsiveReplicas>, StoreError> {
        let lease_left = convert::milliseconds(lease_left);
        let (deliveries, left): (i64, f64) =
            with_retries(&self.pool, |mut connection| async move {
                let unresponsive = sqlx::query_as(UNRESPONSIVE)
                    .bind(replica)
                    .bind(&self.endpoint_ids)
                    .bind(lease_left)
                    .fetch_one(&mut *connection)
                    .await;
                (connection, unresponsive)
            })
            .await?;
        let deliveries = deliveries.unsigned_abs();
        Ok((deliveries > 0)
            .then(|| UnresponsiveReplicas { deliveries, lease_left: convert::until(left) }))
    }

    pub(super) async fn deregister_replica(&self, replica: ReplicaId) -> Result<(), StoreError> {
        self.ledger.forget(replica);
        with_retries(&self.pool, |mut connection| async move {
            let deregistered =
                sqlx::query(DEREGISTER).bind([replica]).execute(&mut *connection).await;
            (connection, deregistered)
        })
        .await
        .map(|_| ())
    }

    pub(super) async fn recover_lost_deliveries(
        &self,
        replica: ReplicaId,
        decide: RecoveryPolicy<'_>,
    ) -> Result<RecoveryReport, StoreError> {
        let report = with_retries(&self.pool, |mut connection| async move {
            let report = self.recover_lost_on(&mut connection, replica, decide).await;
            (connection, report)
        })
        .await?;
        if report.recovered > 0 {
            self.notifier.notify();
        }
        Ok(report)
    }

    async fn recover_lost_on(
        &self,
        connection: &mut PgConnection,
        replica: ReplicaId,
        decide: RecoveryPolicy<'_>,
    ) -> Result<RecoveryReport, sqlx::Error> {
        let mut transaction = connection.begin().await?;
        let unresponsive: Vec<Uuid> =
            sqlx::query_scalar(EXPIRED_REPLICAS).bind(replica).fetch_all(&mut *transaction).await?;
        let lost: Vec<(Uuid, i64, i64, i32)> =
            sqlx::query_as(LOST).bind(&unresponsive).fetch_all(&mut *transaction).await?;
        let completions: Vec<Completion> = lost
            .into_iter()
            .map(|(id, fencing_token, endpoint, attempt)| Completion {
                id,
                fencing_token,
                next: decide(self.index_of(endpoint), attempt.unsigned_abs()),
                error: AttemptOutcome::Lost.error().map(str::to_owned),
                note: None,
                log: LogUpdate::default(),
            })
            .collect();
        let mut report = RecoveryReport::default();
        if !completions.is_empty() {
            let completed = self.complete_lost(&mut transaction, replica, &completions).await?;
            report.recovered = completed.states.len() as u64;
            let dead = completed.states.into_iter().filter(|(_, state)| *state == State::Dead);
            report.dead = dead.map(|(id, _)| id).collect();
        }
        if !unresponsive.is_empty() {
            sqlx::query(DEREGISTER).bind(&unresponsive).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(report)
    }
}

async fn read_cancelled(
    connection: &mut PgConnection,
    replica: ReplicaId,
) -> Result<Vec<ClaimId>, sqlx::Error> {
    // Not in the statement that renews the lease, which must not wait for deliveries.
    let mut transaction = connection.begin().await?;
    sqlx::query(LIMIT_LOCKS).execute(&mut *transaction).await?;
    let cancelled = sqlx::query_as(CANCELLED).bind(replica).fetch_all(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(cancelled)
}

//! Claims due deliveries for a replica.

use sqlx::PgConnection;
use uuid::Uuid;

use super::super::delivery::{ClaimRequest, Claimed, ReplicaId};
use super::convert;
use super::store::PostgresStore;

/// Locks the endpoints, if the replica is registered and its lease has not expired, so that claims of one
/// endpoint are serialized. A separate statement: a statement's snapshot is taken before it waits for a
/// lock, so only the next statement sees what the lock's former holders claimed. Locking the replica's row
/// keeps others from recovering it meanwhile.
const LOCK_ENDPOINTS: &str = "
    WITH me AS (
        SELECT id FROM webhooks_runtime.owners
        WHERE id = $1 AND lease_until >= clock_timestamp() FOR KEY SHARE
    )
    SELECT id FROM webhooks_runtime.endpoints
    WHERE id = ANY($2::bigint[]) AND EXISTS (SELECT 1 FROM me)
    ORDER BY id FOR UPDATE";

/// Claims the longest due deliveries of each endpoint, up to the requested slots and the endpoint's
/// concurrency. Deliveries of a replica whose lease has expired occupy no slot: that replica has stopped
/// them.
const CLAIM: &str = "
    WITH free AS (
        SELECT wanted.endpoint, least(wanted.slots, wanted.concurrency - (
            SELECT count(*) FROM webhooks_runtime.deliveries AS running
            JOIN webhooks_runtime.owners AS owner ON owner.id = running.owner
            WHERE running.endpoint = wanted.endpoint AND running.state = 1
                AND owner.lease_until >= statement_timestamp()
        )) AS slots
        FROM UNNEST($2::bigint[], $3::bigint[], $4::bigint[])
            AS wanted (endpoint, slots, concurrency)
    ), due AS (
        SELECT first.id FROM free CROSS JOIN LATERAL (
            SELECT queued.id FROM webhooks_runtime.deliveries AS queued
            WHERE queued.endpoint = free.endpoint AND queued.state = 0
                AND queued.run_at <= statement_timestamp()
            ORDER BY queued.run_at LIMIT greatest(free.slots, 0)
            FOR UPDATE SKIP LOCKED
        ) AS first
    ), claimed AS (
        UPDATE webhooks_runtime.deliveries AS it
        SET state = 1, attempt = it.attempt + 1, fence = it.fence + 1, owner = $1,
            started_at = statement_timestamp()
        FROM due WHERE it.id = due.id
        RETURNING it.id, it.fence, it.endpoint, it.webhook_id, it.attempt, it.releases,
            it.waits, it.received_at, it.run_at
    )
    SELECT claimed.id, claimed.fence, claimed.endpoint, claimed.webhook_id, claimed.attempt,
        claimed.releases, claimed.waits, (extract(epoch FROM claimed.received_at) * 1000)::bigint, payload.body
    FROM claimed JOIN webhooks_runtime.payloads AS payload ON payload.delivery = claimed.id
    ORDER BY claimed.run_at";

/// The running deliveries of a replica.
const CLAIMED_BY: &str = "
    SELECT it.id, it.fence, it.endpoint, it.webhook_id, it.attempt, it.releases, it.waits,
        (extract(epoch FROM it.received_at) * 1000)::bigint, payload.body
    FROM webhooks_runtime.deliveries AS it
    JOIN webhooks_runtime.payloads AS payload ON payload.delivery = it.id
    WHERE it.state = 1 AND it.endpoint = ANY($2::bigint[]) AND it.owner = $1";

/// Whether anything can be claimed, and the time until the next delivery is due. Takes no lock, so that a
/// replica that finds nothing writes nothing and waits for no disk.
const PEEK: &str = "
    SELECT EXISTS (
        SELECT 1 FROM UNNEST($2::bigint[], $3::bigint[]) AS wanted (endpoint, concurrency)
        CROSS JOIN LATERAL (
            SELECT 1 FROM webhooks_runtime.deliveries AS queued
            WHERE queued.endpoint = wanted.endpoint AND queued.state = 0
                AND queued.run_at <= statement_timestamp()
            ORDER BY queued.run_at LIMIT 1
        ) AS due (one)
        WHERE wanted.concurrency > (
            SELECT count(*) FROM webhooks_runtime.deliveries AS running
            JOIN webhooks_runtime.owners AS owner ON owner.id = running.owner
            WHERE running.endpoint = wanted.endpoint AND running.state = 1
                AND owner.lease_until >= statement_timestamp()
        )
    ), (
        SELECT (min(extract(epoch FROM next.run_at - statement_timestamp())) * 1000)::float8
        FROM UNNEST($1::bigint[]) AS known (endpoint) CROSS JOIN LATERAL (
            SELECT queued.run_at FROM webhooks_runtime.deliveries AS queued
            WHERE queued.endpoint = known.endpoint AND queued.state = 0
                AND queued.run_at > statement_timestamp()
            ORDER BY queued.run_at LIMIT 1
        ) AS next
    )";

type ClaimRow = (Uuid, i64, i64, Option<String>, i32, i32, i32, i64, Vec<u8>);

impl PostgresStore {
    /// Returns whether anything can be claimed, and the milliseconds until the next delivery is due.
    pub(super) async fn peek(
        &self,
        connection: &mut PgConnection,
        requests: &[ClaimRequest],
    ) -> Result<(bool, Option<f64>), sqlx::Error> {
        sqlx::query_as(PEEK)
            .bind(&self.endpoint_ids)
            .bind(self.ids_of(requests))
            .bind(self.concurrency_of(requests))
            .fetch_one(connection)
            .await
    }

    pub(super) async fn claim(
        &self,
        connection: &mut PgConnection,
        replica: ReplicaId,
        requests: &[ClaimRequest],
    ) -> Result<Vec<Claimed>, sqlx::Error> {
        let endpoints = self.ids_of(requests);
        let locked: Vec<i64> = sqlx::query_scalar(LOCK_ENDPOINTS)
            .bind(replica)
            .bind(&endpoints)
            .fetch_all(&mut *connection)
            .await?;
        if locked.is_empty() {
            return Ok(Vec::new());
        }
        let slots: Vec<i64> = requests.iter().map(|request| request.slots.into()).collect();
        let rows: Vec<ClaimRow> = sqlx::query_as(CLAIM)
            .bind(replica)
            .bind(&endpoints)
            .bind(&slots)
            .bind(self.concurrency_of(requests))
            .fetch_all(connection)
            .await?;
        Ok(self.to_claimed(rows))
    }

    /// Returns the running deliveries of a replica, including those that it does not know of.
    pub(super) async fn claimed_by(
        &self,
        connection: &mut PgConnection,
        replica: ReplicaId,
    ) -> Result<Vec<Claimed>, sqlx::Error> {
        let rows: Vec<ClaimRow> = sqlx::query_as(CLAIMED_BY)
            .bind(replica)
            .bind(&self.endpoint_ids)
            .fetch_all(connection)
            .await?;
        Ok(self.to_claimed(rows))
    }

    fn ids_of(&self, requests: &[ClaimRequest]) -> Vec<i64> {
        requests.iter().map(|request| self.endpoint_ids[request.endpoint]).collect()
    }

    fn concurrency_of(&self, requests: &[ClaimRequest]) -> Vec<i64> {
        requests
            .iter()
            .map(|request| self.endpoints[request.endpoint].policy.concurrency.into())
            .collect()
    }

    fn to_claimed(&self, rows: Vec<ClaimRow>) -> Vec<Claimed> {
        let claimed = |(
            id,
            fencing_token,
            endpoint,
            webhook_id,
            attempt,
            releases,
            waits,
            received_at,
            body,
        ): ClaimRow| {
            Some(Claimed {
                id,
                fencing_token,
                endpoint: self.index_of(endpoint)?,
                webhook_id,
                attempt: attempt.unsigned_abs(),
                releases: releases.unsigned_abs(),
                waits: waits.unsigned_abs(),
                snoozes: 0,
                received_at: convert::time(received_at),
                body: body.into(),
                merged: Vec::new(),
            })
        };
        rows.into_iter().filter_map(claimed).collect()
    }
}

//! Finds out whether a replica could claim anything now, and locks the endpoints that it could claim of.

use sqlx::PgConnection;

use super::super::delivery::{ClaimId, ClaimRequest, ReplicaId};
use super::store::PostgresStore;

/// Locks the requested endpoints that have due deliveries and free slots and are not paused, if the replica is registered
/// and its lease has not expired. Returns them, the time until the next delivery is due, and the replica's claims
/// whose attempts are to be stopped.
///
/// The locks serialize the claims of an endpoint. They are taken by a separate statement: a statement's snapshot is
/// taken before it waits for a lock, so only the next statement sees what the lock's former holders claimed. Locking the
/// replica's row keeps others from recovering it meanwhile.
///
/// Locks nothing when nothing is due, so that such a replica writes nothing and waits for no disk. Instead of `EXISTS`,
/// which the server may answer by reading every queued delivery, each condition reads one row.
pub(super) const PEEK: &str = "
    WITH due AS MATERIALIZED (
        SELECT wanted.endpoint FROM UNNEST($2::bigint[], $3::bigint[]) AS wanted (endpoint, concurrency)
        JOIN webhooks_runtime.endpoints AS endpoint
            ON endpoint.id = wanted.endpoint AND endpoint.paused_at IS NULL
        WHERE coalesce((
            SELECT true FROM webhooks_runtime.deliveries AS queued
            WHERE queued.endpoint = wanted.endpoint AND queued.state = 0 AND queued.key IS NULL
                AND queued.run_at <= statement_timestamp()
            ORDER BY queued.run_at LIMIT 1
        ), (
            SELECT true FROM webhooks_runtime.keys AS key
            WHERE key.endpoint = wanted.endpoint AND key.run_at <= statement_timestamp()
                AND NOT EXISTS (
                    SELECT 1 FROM webhooks_runtime.deliveries AS running
                    WHERE running.endpoint = key.endpoint AND running.key = key.key
                        AND running.holds_key
                )
            ORDER BY key.run_at LIMIT 1
        ), false) AND wanted.concurrency > (
            SELECT count(*) FROM webhooks_runtime.deliveries AS running
            JOIN webhooks_runtime.owners AS owner ON owner.id = running.owner
            WHERE running.endpoint = wanted.endpoint AND running.state = 1
                AND owner.lease_until >= statement_timestamp()
        )
    ), me AS MATERIALIZED (
        SELECT id FROM webhooks_runtime.owners
        WHERE id = $4 AND lease_until >= clock_timestamp() AND EXISTS (SELECT 1 FROM due)
        FOR KEY SHARE
    ), locked AS MATERIALIZED (
        SELECT id FROM webhooks_runtime.endpoints
        WHERE id = ANY($2::bigint[]) AND paused_at IS NULL AND id IN (SELECT endpoint FROM due)
            AND EXISTS (SELECT 1 FROM me)
        ORDER BY id FOR UPDATE
    )
    SELECT ARRAY(SELECT id FROM locked), (
        SELECT (min(extract(epoch FROM next.run_at - statement_timestamp())) * 1000)::float8
        FROM UNNEST($1::bigint[]) AS known (endpoint) CROSS JOIN LATERAL (
            (SELECT queued.run_at FROM webhooks_runtime.deliveries AS queued
            WHERE queued.endpoint = known.endpoint AND queued.state = 0 AND queued.key IS NULL
                AND queued.run_at > statement_timestamp()
            ORDER BY queued.run_at LIMIT 1)
            UNION ALL
            (SELECT key.run_at FROM webhooks_runtime.keys AS key
            WHERE key.endpoint = known.endpoint AND key.run_at > statement_timestamp()
            ORDER BY key.run_at LIMIT 1)
        ) AS next
    ), ARRAY(
        SELECT ROW (id, fence) FROM webhooks_runtime.deliveries
        WHERE owner = $4 AND state = 1 AND cancel_requested > 0
    )";

/// What a replica can do now.
pub(super) struct Peek {
    /// The ids of the locked endpoints.
    pub(super) locked: Vec<i64>,
    /// The milliseconds until the next delivery is due.
    pub(super) next_due: Option<f64>,
    /// Its claims whose attempts are to be stopped.
    pub(super) cancelled: Vec<ClaimId>,
}

impl PostgresStore {
    pub(super) async fn peek(
        &self,
        connection: &mut PgConnection,
        replica: ReplicaId,
        requests: &[ClaimRequest],
    ) -> Result<Peek, sqlx::Error> {
        let (locked, next_due, cancelled) = sqlx::query_as(PEEK)
            .bind(&self.endpoint_ids)
            .bind(self.ids_of(requests))
            .bind(self.concurrency_of(requests))
            .bind(replica)
            .fetch_one(connection)
            .await?;
        Ok(Peek { locked, next_due, cancelled })
    }
}

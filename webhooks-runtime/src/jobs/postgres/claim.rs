//! Claims what an owner could run.

use sqlx::PgConnection;
use uuid::Uuid;

use super::super::store::{Claimed, Owner, Want};
use super::{PostgresStore, rows};

/// Holds the endpoints, if the owner is there and its lease isn't over, so that claims of one endpoint come one after the other.
/// It is a statement of its own: what a statement sees is settled before it waits for a lock, and the
/// next one sees what those claimed who were waited for. A reaper can't take the owner meanwhile.
const HOLD: &str = "
    WITH me AS (
        SELECT id FROM webhooks_runtime.owners
        WHERE id = $1 AND lease_until >= clock_timestamp() FOR KEY SHARE
    )
    SELECT id FROM webhooks_runtime.endpoints
    WHERE id = ANY($2::bigint[]) AND EXISTS (SELECT 1 FROM me)
    ORDER BY id FOR UPDATE";

/// Claims those that are due longest of each endpoint, as many as are wanted and as may run besides
/// those that run. What an owner has whose lease is over takes no room: that owner has stopped it.
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
            it.received_at, it.run_at
    )
    SELECT claimed.id, claimed.fence, claimed.endpoint, claimed.webhook_id, claimed.attempt,
        claimed.releases, (extract(epoch FROM claimed.received_at) * 1000)::bigint, payload.body
    FROM claimed JOIN webhooks_runtime.payloads AS payload ON payload.delivery = claimed.id
    ORDER BY claimed.run_at";

/// What an owner has.
const HAS: &str = "
    SELECT it.id, it.fence, it.endpoint, it.webhook_id, it.attempt, it.releases,
        (extract(epoch FROM it.received_at) * 1000)::bigint, payload.body
    FROM webhooks_runtime.deliveries AS it
    JOIN webhooks_runtime.payloads AS payload ON payload.delivery = it.id
    WHERE it.state = 1 AND it.endpoint = ANY($2::bigint[]) AND it.owner = $1";

/// Whether there is something to claim, and how long it is until the next one is due of all that wait
/// for their time. A look without a lock, so that one who finds nothing writes nothing, and waits for
/// no disk.
const LOOK: &str = "
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

type Row = (Uuid, i64, i64, Option<String>, i32, i32, i64, Vec<u8>);

impl PostgresStore {
    /// Whether any of what is wanted can be claimed, and the milliseconds until the next one is due.
    pub(super) async fn look(
        &self,
        connection: &mut PgConnection,
        wants: &[Want],
    ) -> Result<(bool, Option<f64>), sqlx::Error> {
        sqlx::query_as(LOOK)
            .bind(&self.numbers)
            .bind(self.numbers_of(wants))
            .bind(self.concurrency_of(wants))
            .fetch_one(connection)
            .await
    }

    pub(super) async fn claim(
        &self,
        connection: &mut PgConnection,
        owner: Owner,
        wants: &[Want],
    ) -> Result<Vec<Claimed>, sqlx::Error> {
        let endpoints = self.numbers_of(wants);
        let held: Vec<i64> = sqlx::query_scalar(HOLD)
            .bind(owner)
            .bind(&endpoints)
            .fetch_all(&mut *connection)
            .await?;
        if held.is_empty() {
            return Ok(Vec::new());
        }
        let slots: Vec<i64> = wants.iter().map(|want| want.slots.into()).collect();
        let rows: Vec<Row> = sqlx::query_as(CLAIM)
            .bind(owner)
            .bind(&endpoints)
            .bind(&slots)
            .bind(self.concurrency_of(wants))
            .fetch_all(connection)
            .await?;
        Ok(self.claimed(rows))
    }

    /// What an owner has, whether it knows it or not.
    pub(super) async fn has(
        &self,
        connection: &mut PgConnection,
        owner: Owner,
    ) -> Result<Vec<Claimed>, sqlx::Error> {
        let rows: Vec<Row> =
            sqlx::query_as(HAS).bind(owner).bind(&self.numbers).fetch_all(connection).await?;
        Ok(self.claimed(rows))
    }

    fn numbers_of(&self, wants: &[Want]) -> Vec<i64> {
        wants.iter().map(|want| self.numbers[want.endpoint]).collect()
    }

    fn concurrency_of(&self, wants: &[Want]) -> Vec<i64> {
        wants.iter().map(|want| self.known[want.endpoint].policy.concurrency.into()).collect()
    }

    fn claimed(&self, rows: Vec<Row>) -> Vec<Claimed> {
        let claimed =
            |(id, fence, endpoint, webhook_id, attempt, releases, received_at, body): Row| {
                Some(Claimed {
                    id,
                    fence,
                    endpoint: self.place(endpoint)?,
                    webhook_id,
                    attempt: attempt.unsigned_abs(),
                    releases: releases.unsigned_abs(),
                    received_at: rows::time(received_at),
                    body: body.into(),
                })
            };
        rows.into_iter().filter_map(claimed).collect()
    }
}

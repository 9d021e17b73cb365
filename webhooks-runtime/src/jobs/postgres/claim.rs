//! Claims due deliveries for a replica.

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::super::delivery::{ClaimRequest, Claimed, DeliveryOrigin, ReplicaId};
use super::convert;
use super::store::PostgresStore;

/// The columns of a [`ClaimRow`].
macro_rules! claim_columns {
    ($delivery:literal) => {
        concat!(
            $delivery,
            ".id, ",
            $delivery,
            ".fence, ",
            $delivery,
            ".endpoint, ",
            $delivery,
            ".webhook_id, ",
            $delivery,
            ".attempt, ",
            $delivery,
            ".releases, ",
            $delivery,
            ".waits, ",
            $delivery,
            ".snoozes, ",
            "(extract(epoch FROM ",
            $delivery,
            ".received_at) * 1000)::bigint AS received_at, ",
            $delivery,
            ".key, ",
            $delivery,
            ".arrival, ",
            $delivery,
            ".origin, ",
            $delivery,
            ".trace, ",
            $delivery,
            ".merge_group, payload.body "
        )
    };
}

/// Claims the longest due deliveries of each endpoint, up to the requested slots and the endpoint's
/// concurrency. Deliveries of a replica whose lease has expired occupy no slot: that replica has stopped
/// them. Of each key that none runs of, only the first one can be claimed. It is found through its key, so that it does
/// not matter how many others wait. One that another transaction has locked is skipped, and the next one takes its slot.
pub(super) const CLAIM: &str = concat!(
    "WITH free AS MATERIALIZED (
        SELECT wanted.endpoint, greatest(least(wanted.slots, wanted.concurrency - (
            SELECT count(*) FROM webhooks_runtime.deliveries AS running
            JOIN webhooks_runtime.owners AS owner ON owner.id = running.owner
            WHERE running.endpoint = wanted.endpoint AND running.state = 1
                AND owner.lease_until >= statement_timestamp()
        )), 0) AS slots
        FROM UNNEST($2::bigint[], $3::bigint[], $4::bigint[])
            AS wanted (endpoint, slots, concurrency)
    ), first AS (
        SELECT due.id FROM free CROSS JOIN LATERAL (
            SELECT candidate.id FROM (
                SELECT * FROM (
                    SELECT queued.id, queued.run_at FROM webhooks_runtime.deliveries AS queued
                    WHERE queued.endpoint = free.endpoint AND queued.state = 0 AND queued.key IS NULL
                        AND queued.run_at <= statement_timestamp()
                    ORDER BY queued.run_at LIMIT free.slots FOR UPDATE SKIP LOCKED
                ) AS without_key
                UNION ALL
                SELECT * FROM (
                    SELECT it.id, it.run_at FROM webhooks_runtime.keys AS key CROSS JOIN LATERAL (
                        SELECT queued.id FROM webhooks_runtime.deliveries AS queued
                        WHERE queued.endpoint = key.endpoint AND queued.key = key.key
                            AND queued.state = 0 AND queued.key IS NOT NULL
                            AND queued.run_at <= statement_timestamp()
                        ORDER BY queued.run_at, queued.arrival LIMIT 1
                    ) AS head
                    JOIN webhooks_runtime.deliveries AS it ON it.id = head.id AND it.state = 0
                    WHERE key.endpoint = free.endpoint AND key.run_at <= statement_timestamp()
                        AND NOT EXISTS (
                            SELECT 1 FROM webhooks_runtime.deliveries AS running
                            WHERE running.endpoint = key.endpoint AND running.key = key.key
                                AND running.holds_key
                        )
                    ORDER BY key.run_at LIMIT free.slots FOR UPDATE OF it SKIP LOCKED
                ) AS with_key
            ) AS candidate
            ORDER BY candidate.run_at, candidate.id LIMIT free.slots
        ) AS due
    ), claimed AS (
        UPDATE webhooks_runtime.deliveries AS it
        SET state = 1, attempt = it.attempt + 1, fence = it.fence + 1, owner = $1,
            started_at = statement_timestamp(), holds_key = it.key IS NOT NULL, debounce_since = NULL
        FROM first WHERE it.id = first.id
        RETURNING it.*
    )
    SELECT ",
    claim_columns!("claimed"),
    "FROM claimed JOIN webhooks_runtime.payloads AS payload ON payload.delivery = claimed.id
    ORDER BY claimed.run_at, claimed.id"
);

/// The running deliveries of a replica.
const CLAIMED_BY: &str = concat!(
    "SELECT ",
    claim_columns!("it"),
    "FROM webhooks_runtime.deliveries AS it
    JOIN webhooks_runtime.payloads AS payload ON payload.delivery = it.id
    WHERE it.state = 1 AND it.endpoint = ANY($2::bigint[]) AND it.owner = $1"
);

/// A claimed delivery, and where older ones that it carries are.
#[derive(Debug)]
pub(super) struct ClaimRow {
    pub(super) claimed: Claimed,
    pub(super) has_key: bool,
    /// Its group, and its number of arrival.
    pub(super) group: Option<(Uuid, i64)>,
}

impl PostgresStore {
    /// Claims deliveries of endpoints that this transaction has locked.
    pub(super) async fn claim(
        &self,
        connection: &mut PgConnection,
        replica: ReplicaId,
        requests: &[ClaimRequest],
        locked: &[i64],
    ) -> Result<Vec<ClaimRow>, sqlx::Error> {
        let is_locked =
            |request: &&ClaimRequest| locked.contains(&self.endpoint_ids[request.endpoint]);
        let requests: Vec<ClaimRequest> = requests.iter().filter(is_locked).copied().collect();
        let slots: Vec<i64> = requests.iter().map(|request| request.slots.into()).collect();
        let rows = sqlx::query(CLAIM)
            .bind(replica)
            .bind(self.ids_of(&requests))
            .bind(slots)
            .bind(self.concurrency_of(&requests))
            .fetch_all(connection)
            .await?;
        self.to_claimed(&rows)
    }

    /// Returns the running deliveries of a replica, including those that it does not know of.
    pub(super) async fn claimed_by(
        &self,
        connection: &mut PgConnection,
        replica: ReplicaId,
    ) -> Result<Vec<ClaimRow>, sqlx::Error> {
        let rows = sqlx::query(CLAIMED_BY)
            .bind(replica)
            .bind(&self.endpoint_ids)
            .fetch_all(connection)
            .await?;
        self.to_claimed(&rows)
    }

    /// Returns the ids of the requested endpoints in the tables.
    pub(super) fn ids_of(&self, requests: &[ClaimRequest]) -> Vec<i64> {
        requests.iter().map(|request| self.endpoint_ids[request.endpoint]).collect()
    }

    pub(super) fn concurrency_of(&self, requests: &[ClaimRequest]) -> Vec<i64> {
        requests
            .iter()
            .map(|request| self.endpoints[request.endpoint].policy.concurrency.into())
            .collect()
    }

    /// Reads claimed deliveries, without those of endpoints that this program does not have.
    fn to_claimed(&self, rows: &[PgRow]) -> Result<Vec<ClaimRow>, sqlx::Error> {
        rows.iter().filter_map(|row| self.to_claim_row(row).transpose()).collect()
    }

    fn to_claim_row(&self, row: &PgRow) -> Result<Option<ClaimRow>, sqlx::Error> {
        let Some(endpoint) = self.index_of(row.try_get("endpoint")?) else { return Ok(None) };
        let count = |name| row.try_get(name).map(i32::unsigned_abs);
        let claimed = Claimed {
            id: row.try_get("id")?,
            fencing_token: row.try_get("fence")?,
            endpoint,
            webhook_id: row.try_get("webhook_id")?,
            attempt: count("attempt")?,
            releases: count("releases")?,
            waits: count("waits")?,
            snoozes: count("snoozes")?,
            received_at: convert::time(row.try_get("received_at")?),
            origin: DeliveryOrigin::from_code(row.try_get("origin")?)
                .unwrap_or(DeliveryOrigin::Webhook),
            body: row.try_get::<Vec<u8>, _>("body")?.into(),
            merged: Vec::new(),
            trace: row.try_get("trace")?,
            merged_traces: Vec::new(),
        };
        let key: Option<String> = row.try_get("key")?;
        let group: Option<Uuid> = row.try_get("merge_group")?;
        let arrival: Option<i64> = row.try_get("arrival")?;
        Ok(Some(ClaimRow { claimed, has_key: key.is_some(), group: group.zip(arrival) }))
    }
}

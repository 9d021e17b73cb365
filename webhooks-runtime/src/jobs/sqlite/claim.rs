//! Claims due deliveries for a replica.

use std::time::Duration;

use super::keys::KeyQueue;
use super::writer::{Changes, Writer};
use crate::jobs::clock::from_millis;
use crate::jobs::delivery::{
    ClaimRequest, ClaimResponse, Claimed, Completion, DeliveryOrigin, ReplicaId,
};

/// Up to this many requests, each endpoint is queried. With more, the endpoints that have due deliveries
/// are found first.
const FEW_REQUESTS: usize = 4;

impl Writer {
    /// Writes completions, then claims due deliveries.
    pub(super) fn complete_and_claim(
        &self,
        replica: ReplicaId,
        completions: &[Completion],
        requests: &[ClaimRequest],
        changes: &mut Changes,
    ) -> Result<ClaimResponse, rusqlite::Error> {
        let mut response = ClaimResponse { replicas: 1, ..ClaimResponse::default() };
        if !completions.is_empty() {
            let completed = self.complete(replica, completions, false, changes)?;
            (response.stale, response.diverted) = (completed.stale, completed.diverted);
        }
        response.cancelled = self.cancelling(replica)?;
        if requests.is_empty() || !self.is_registered(replica)? {
            return Ok(response);
        }
        self.notice_others(changes)?;
        let now = self.clock.now();
        let due = if requests.len() > FEW_REQUESTS { Some(self.due_endpoints(now)?) } else { None };
        for request in requests {
            let endpoint = self.endpoints[request.endpoint].id;
            let before = response.claimed.len();
            if due.as_ref().is_none_or(|due| due.contains(&endpoint)) {
                self.claim(replica, *request, now, &mut response.claimed)?;
            }
            // Otherwise there may be more due, and the scheduler asks again when it has free slots.
            if response.claimed.len() - before < request.slots.max(1) as usize {
                let next = self.next_due(endpoint, now)?;
                response.next_due = response.next_due.into_iter().chain(next).min();
            }
        }
        Ok(response)
    }

    /// Returns the endpoints that have due deliveries.
    fn due_endpoints(&self, now: i64) -> Result<Vec<i64>, rusqlite::Error> {
        self.connection
            .prepare_cached(
                "SELECT id FROM endpoints AS e WHERE EXISTS (
                     SELECT 1 FROM deliveries WHERE endpoint = e.id AND state = 0 AND key IS NULL AND run_at <= ?1
                 ) OR EXISTS (SELECT 1 FROM key_heads WHERE endpoint = e.id AND run_at <= ?1)",
            )?
            .query_map([now], |row| row.get(0))?
            .collect()
    }

    fn claim(
        &self,
        replica: ReplicaId,
        request: ClaimRequest,
        now: i64,
        claimed: &mut Vec<Claimed>,
    ) -> Result<(), rusqlite::Error> {
        let endpoint = &self.endpoints[request.endpoint];
        let mut statement = self.connection.prepare_cached(
            "UPDATE deliveries
             SET state = 1, attempt = attempt + 1, fence = fence + 1, owner = ?1, started_at = ?2,
                 debounce_since = NULL
             WHERE seq IN (SELECT seq FROM (
                 SELECT run_at, seq FROM deliveries
                 WHERE endpoint = ?3 AND state = 0 AND key IS NULL AND run_at <= ?2
                 UNION ALL
                 SELECT run_at, delivery FROM key_heads WHERE endpoint = ?3 AND run_at <= ?2
                 ORDER BY 1, 2
                 LIMIT (SELECT paused_at IS NULL FROM endpoints WHERE id = ?3) * max(0, min(?4, ?5 - (
                     SELECT count(*) FROM deliveries WHERE endpoint = ?3 AND state = 1
                 )))
             ))
             RETURNING id, fence, webhook_id, attempt, received_at, run_at, releases, waits,
                 (SELECT body FROM payloads WHERE delivery = deliveries.seq), snoozes, key, merge_group, merged, origin,
                 trace",
        )?;
        let concurrency = endpoint.endpoint.policy.concurrency;
        let id = endpoint.id;
        let rows = statement.query_map((replica, now, id, request.slots, concurrency), |row| {
            let has_merged = row.get::<_, i64>(12)? > 0;
            let claimed = Claimed {
                id: row.get(0)?,
                fencing_token: row.get(1)?,
                endpoint: request.endpoint,
                webhook_id: row.get(2)?,
                attempt: row.get(3)?,
                releases: row.get(6)?,
                waits: row.get(7)?,
                snoozes: row.get(9)?,
                received_at: from_millis(row.get(4)?),
                origin: DeliveryOrigin::from_code(row.get(13)?).unwrap_or(DeliveryOrigin::Webhook),
                body: row.get::<_, Vec<u8>>(8)?.into(),
                merged: Vec::new(),
                trace: row.get(14)?,
                merged_traces: Vec::new(),
            };
            let queue = KeyQueue::of(id, row.get(10)?);
            let group: Option<i64> = row.get(11)?;
            Ok((row.get::<_, i64>(5)?, claimed, queue, group.filter(|_| has_merged)))
        })?;
        let mut some = rows.collect::<Result<Vec<_>, _>>()?;
        // `RETURNING` has no order. Ids are in the order of arrival.
        some.sort_by_key(|(run_at, claimed, ..)| (*run_at, claimed.id));
        for (_, mut one, queue, group) in some {
            if let Some(queue) = queue {
                self.remove_head(&queue)?;
            }
            if let Some(group) = group {
                self.merge(group, &mut one)?;
            }
            claimed.push(one);
        }
        Ok(())
    }

    fn next_due(&self, endpoint: i64, now: i64) -> Result<Option<Duration>, rusqlite::Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT min(run_at) FROM (
                 SELECT min(run_at) AS run_at FROM deliveries
                 WHERE endpoint = ?1 AND state = 0 AND key IS NULL AND run_at > ?2
                 UNION ALL SELECT min(run_at) FROM key_heads WHERE endpoint = ?1 AND run_at > ?2
             )",
        )?;
        let due: Option<i64> = statement.query_row((endpoint, now), |row| row.get(0))?;
        Ok(due.map(|due| Duration::from_millis((due - now).unsigned_abs())))
    }
}

//! What an owner does with deliveries: settles those that it has run, and claims others.

use std::time::Duration;

use uuid::Uuid;

use super::writer::{Changes, Writer};
use crate::jobs::clock::{from_millis, millis};
use crate::jobs::state::{Next, State};
use crate::jobs::store::{Advanced, Claimed, Owner, Settlement, Want};

/// How many wants are asked for one by one. Of more, those that have something due are found first.
const FEW_WANTS: usize = 4;

/// A delivery whose owner is dead.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lost {
    pub(super) id: Uuid,
    pub(super) fence: i64,
    pub(super) owner: Owner,
    pub(super) endpoint: Option<usize>,
    pub(super) attempt: u32,
}

impl Writer {
    pub(super) fn enlist(&self, owner: Owner, lease: Duration) -> Result<(), rusqlite::Error> {
        self.execute(
            "INSERT INTO owners (id, lease_until) VALUES (?, ?)
             ON CONFLICT DO UPDATE SET lease_until = excluded.lease_until",
            (owner, self.clock.now() + millis(lease)),
        )?;
        Ok(())
    }

    pub(super) fn beat(&self, owner: Owner, lease: Duration) -> Result<bool, rusqlite::Error> {
        let until = self.clock.now() + millis(lease);
        let beaten =
            self.execute("UPDATE owners SET lease_until = ? WHERE id = ?", (until, owner))?;
        Ok(beaten == 1)
    }

    pub(super) fn retire(&self, owner: Owner) -> Result<(), rusqlite::Error> {
        self.execute("DELETE FROM owners WHERE id = ?", [owner])?;
        Ok(())
    }

    pub(super) fn advance(
        &self,
        owner: Owner,
        settled: &[Settlement],
        wants: &[Want],
        changes: &mut Changes,
    ) -> Result<Advanced, rusqlite::Error> {
        let mut advanced = Advanced { owners: 1, ..Advanced::default() };
        if !settled.is_empty() {
            advanced.refused = self.settle(owner, settled, changes)?;
        }
        if wants.is_empty() || !self.is_owner(owner)? {
            return Ok(advanced);
        }
        let now = self.clock.now();
        let due = if wants.len() > FEW_WANTS { Some(self.due_endpoints(now)?) } else { None };
        for want in wants {
            let endpoint = self.endpoints[want.endpoint].id;
            let before = advanced.claimed.len();
            if due.as_ref().is_none_or(|due| due.contains(&endpoint)) {
                self.claim(owner, *want, now, &mut advanced.claimed)?;
            }
            // Where some are left they are looked for when there is room for them.
            if advanced.claimed.len() - before < want.slots.max(1) as usize {
                let next = self.next_due(endpoint, now)?;
                advanced.next_due = advanced.next_due.into_iter().chain(next).min();
            }
        }
        Ok(advanced)
    }

    fn is_owner(&self, owner: Owner) -> Result<bool, rusqlite::Error> {
        self.connection.prepare_cached("SELECT 1 FROM owners WHERE id = ?")?.exists([owner])
    }

    /// The endpoints that have something to do.
    fn due_endpoints(&self, now: i64) -> Result<Vec<i64>, rusqlite::Error> {
        self.connection
            .prepare_cached(
                "SELECT id FROM endpoints AS e WHERE EXISTS (
                     SELECT 1 FROM deliveries WHERE endpoint = e.id AND state = 0 AND run_at <= ?
                 )",
            )?
            .query_map([now], |row| row.get(0))?
            .collect()
    }

    fn claim(
        &self,
        owner: Owner,
        want: Want,
        now: i64,
        claimed: &mut Vec<Claimed>,
    ) -> Result<(), rusqlite::Error> {
        let endpoint = &self.endpoints[want.endpoint];
        let mut statement = self.connection.prepare_cached(
            "UPDATE deliveries
             SET state = 1, attempt = attempt + 1, fence = fence + 1, owner = ?1, started_at = ?2
             WHERE seq IN (
                 SELECT seq FROM deliveries
                 WHERE endpoint = ?3 AND state = 0 AND run_at <= ?2
                 ORDER BY run_at, seq
                 LIMIT max(0, min(?4, ?5 - (
                     SELECT count(*) FROM deliveries WHERE endpoint = ?3 AND state = 1
                 )))
             )
             RETURNING id, fence, webhook_id, attempt, received_at, run_at, releases,
                 (SELECT body FROM payloads WHERE delivery = deliveries.seq)",
        )?;
        let concurrency = endpoint.known.policy.concurrency;
        let rows =
            statement.query_map((owner, now, endpoint.id, want.slots, concurrency), |row| {
                let claimed = Claimed {
                    id: row.get(0)?,
                    fence: row.get(1)?,
                    endpoint: want.endpoint,
                    webhook_id: row.get(2)?,
                    attempt: row.get(3)?,
                    releases: row.get(6)?,
                    received_at: from_millis(row.get(4)?),
                    body: row.get::<_, Vec<u8>>(7)?.into(),
                };
                Ok((row.get::<_, i64>(5)?, claimed))
            })?;
        let mut some = rows.collect::<Result<Vec<_>, _>>()?;
        // Ids are made in the order of arrival.
        some.sort_by_key(|(run_at, claimed)| (*run_at, claimed.id));
        claimed.extend(some.into_iter().map(|(_, claimed)| claimed));
        Ok(())
    }

    fn next_due(&self, endpoint: i64, now: i64) -> Result<Option<Duration>, rusqlite::Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT min(run_at) FROM deliveries WHERE endpoint = ? AND state = 0 AND run_at > ?",
        )?;
        let due: Option<i64> = statement.query_row((endpoint, now), |row| row.get(0))?;
        Ok(due.map(|due| Duration::from_millis((due - now).unsigned_abs())))
    }

    /// Settles, and gives those that didn't count.
    fn settle(
        &self,
        owner: Owner,
        settled: &[Settlement],
        changes: &mut Changes,
    ) -> Result<Vec<Uuid>, rusqlite::Error> {
        let now = self.clock.now();
        let mut refused = Vec::new();
        for settled in settled {
            let state = settled.next.state();
            let (run_at, uncounted) = match settled.next {
                Next::Retry { after } => (Some(now.saturating_add(millis(after))), 0),
                // It was due, and keeps its place among the others.
                Next::Released => (None, 1),
                Next::Done | Next::Dead => (None, 0),
            };
            let has_ended = matches!(state, State::Done | State::Dead);
            let counted = self.execute(
                "UPDATE deliveries
                 SET state = ?4, run_at = coalesce(?5, run_at), attempt = attempt - ?6,
                     releases = releases + ?6,
                     error = coalesce(?7, error), ended_at = ?8, owner = NULL
                 WHERE id = ?1 AND fence = ?2 AND owner = ?3 AND state = 1",
                (
                    settled.id,
                    settled.fence,
                    owner,
                    state.code(),
                    run_at,
                    uncounted,
                    &settled.error,
                    has_ended.then_some(now),
                ),
            )?;
            if counted == 0 {
                refused.push(settled.id);
                continue;
            }
            changes.backlog -= i64::from(has_ended);
            if let Some(error) = &settled.error {
                self.execute(
                    "INSERT INTO attempts (delivery, attempt, started_at, ended_at, error)
                     SELECT seq, attempt, started_at, ?2, ?3 FROM deliveries WHERE id = ?1",
                    (settled.id, now, error),
                )?;
            }
        }
        Ok(refused)
    }

    /// The deliveries of other owners that are dead.
    pub(super) fn lost(&self, me: Owner) -> Result<Vec<Lost>, rusqlite::Error> {
        self.connection
            .prepare_cached(
                "SELECT d.id, d.fence, d.owner, d.endpoint, d.attempt
                 FROM deliveries AS d LEFT JOIN owners AS o ON o.id = d.owner
                 WHERE d.state = 1 AND d.owner != ?1 AND coalesce(o.lease_until, 0) < ?2",
            )?
            .query_map((me, self.clock.now()), |row| {
                let endpoint: i64 = row.get(3)?;
                Ok(Lost {
                    id: row.get(0)?,
                    fence: row.get(1)?,
                    owner: row.get(2)?,
                    endpoint: self.endpoints.iter().position(|known| known.id == endpoint),
                    attempt: row.get(4)?,
                })
            })?
            .collect()
    }

    /// Settles what was lost, where its owner is still dead, and strikes the dead owners off.
    pub(super) fn reap(
        &self,
        me: Owner,
        settled: Vec<(Owner, Settlement)>,
        changes: &mut Changes,
    ) -> Result<u64, rusqlite::Error> {
        let now = self.clock.now();
        let mut reaped = 0;
        for (owner, settlement) in settled {
            if self.is_alive(owner, now)? {
                continue;
            }
            let refused = self.settle(owner, &[settlement], changes)?;
            reaped += u64::from(refused.is_empty());
        }
        self.execute("DELETE FROM owners WHERE id != ? AND lease_until < ?", (me, now))?;
        Ok(reaped)
    }

    fn is_alive(&self, owner: Owner, now: i64) -> Result<bool, rusqlite::Error> {
        self.connection
            .prepare_cached("SELECT 1 FROM owners WHERE id = ? AND lease_until >= ?")?
            .exists((owner, now))
    }
}

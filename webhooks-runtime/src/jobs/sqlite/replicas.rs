//! Registers replicas, renews their leases, and recovers the deliveries of lost ones.
//!
//! Only one process has the file. Other replicas in it are this process before it restarted or was suspended.

use std::time::Duration;

use super::command::LostDelivery;
use super::writer::{Changes, Writer};
use crate::jobs::clock::millis;
use crate::jobs::delivery::{Completion, HeartbeatResponse, RecoveryReport, ReplicaId};
use crate::jobs::state::State;

impl Writer {
    /// Registers a replica.
    pub(super) fn register(
        &self,
        replica: ReplicaId,
        lease: Duration,
    ) -> Result<(), rusqlite::Error> {
        self.execute(
            "INSERT INTO owners (id, lease_until) VALUES (?, ?)
             ON CONFLICT DO UPDATE SET lease_until = excluded.lease_until",
            (replica, self.clock.now() + millis(lease)),
        )?;
        Ok(())
    }

    /// Renews a replica's lease. Returns whether the replica is registered.
    pub(super) fn heartbeat(
        &self,
        replica: ReplicaId,
        lease: Duration,
    ) -> Result<HeartbeatResponse, rusqlite::Error> {
        let until = self.clock.now() + millis(lease);
        let renewed =
            self.execute("UPDATE owners SET lease_until = ? WHERE id = ?", (until, replica))?;
        let cancelled = self.cancelling(replica)?;
        Ok(HeartbeatResponse { is_registered: renewed == 1, cancelled })
    }

    /// Removes a replica.
    pub(super) fn deregister(&self, replica: ReplicaId) -> Result<(), rusqlite::Error> {
        self.execute("DELETE FROM owners WHERE id = ?", [replica])?;
        Ok(())
    }

    /// Returns whether a replica is registered.
    pub(super) fn is_registered(&self, replica: ReplicaId) -> Result<bool, rusqlite::Error> {
        self.connection.prepare_cached("SELECT 1 FROM owners WHERE id = ?")?.exists([replica])
    }

    /// Returns the running deliveries of other replicas whose leases have expired.
    pub(super) fn find_lost(&self, me: ReplicaId) -> Result<Vec<LostDelivery>, rusqlite::Error> {
        self.connection
            .prepare_cached(
                "SELECT d.id, d.fence, d.owner, d.endpoint, d.attempt
                 FROM deliveries AS d LEFT JOIN owners AS o ON o.id = d.owner
                 WHERE d.state = 1 AND d.owner != ?1 AND coalesce(o.lease_until, 0) < ?2",
            )?
            .query_map((me, self.clock.now()), |row| {
                let endpoint: i64 = row.get(3)?;
                Ok(LostDelivery {
                    id: row.get(0)?,
                    fencing_token: row.get(1)?,
                    replica: row.get(2)?,
                    endpoint: self.endpoints.iter().position(|row| row.id == endpoint),
                    attempt: row.get(4)?,
                })
            })?
            .collect()
    }

    /// Completes lost deliveries whose replica is still gone, and removes the replicas.
    pub(super) fn recover_lost(
        &self,
        me: ReplicaId,
        completions: Vec<(ReplicaId, Completion)>,
        changes: &mut Changes,
    ) -> Result<RecoveryReport, rusqlite::Error> {
        let now = self.clock.now();
        let mut report = RecoveryReport::default();
        for (replica, completion) in completions {
            if self.is_alive(replica, now)? {
                continue;
            }
            let (id, next) = (completion.id, completion.next.state());
            let completed = self.complete(replica, &[completion], true, changes)?;
            if !completed.stale.is_empty() {
                continue;
            }
            report.recovered += 1;
            let state = completed.diverted.first().map_or(next, |(_, state)| *state);
            if state == State::Dead {
                report.dead.push(id);
            }
        }
        self.execute("DELETE FROM owners WHERE id != ? AND lease_until < ?", (me, now))?;
        Ok(report)
    }

    fn is_alive(&self, replica: ReplicaId, now: i64) -> Result<bool, rusqlite::Error> {
        self.connection
            .prepare_cached("SELECT 1 FROM owners WHERE id = ? AND lease_until >= ?")?
            .exists((replica, now))
    }
}

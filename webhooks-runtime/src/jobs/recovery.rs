//! Recovers the deliveries of replicas whose leases expired, and reports replicas that miss heartbeats.
//!
//! Runs beside the heartbeats and not between them: a slow query must not cost this replica its own lease.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::delivery::{RecoveryReport, ReplicaId, UnresponsiveReplicas};
use super::observer::JobsObservers;
use super::outcome::AttemptOutcome;
use super::state::Transition;
use super::store::{EndpointPolicy, Store};
use super::wakeups::Wakeups;
use crate::random;

/// The recovery of lost deliveries.
pub(super) struct Recovery {
    pub(super) store: Arc<dyn Store>,
    pub(super) endpoints: Vec<EndpointPolicy>,
    pub(super) wakeups: Arc<Wakeups>,
    /// The duration of a lease.
    pub(super) lease: Duration,
    /// This replica, whenever it may recover others.
    pub(super) recover_as: watch::Receiver<ReplicaId>,
    pub(super) observers: JobsObservers,
}

impl Recovery {
    /// Recovers lost deliveries whenever the heartbeats say so.
    pub(super) async fn run(&mut self) {
        let mut reported = 0;
        while self.recover_as.changed().await.is_ok() {
            let replica = *self.recover_as.borrow_and_update();
            self.recover_lost(replica).await;
            reported = self.report_unresponsive(replica, reported).await;
        }
    }

    async fn recover_lost(&self, replica: ReplicaId) {
        let decide = |endpoint: Option<usize>, attempt: u32| {
            // The policy of an endpoint that this program does not have is unknown: it stays queued.
            let policy = endpoint.map(|endpoint| &self.endpoints[endpoint].policy);
            policy.map_or(Transition::Retry { after: Duration::ZERO }, |policy| {
                AttemptOutcome::Lost.transition(policy, attempt, random::fraction())
            })
        };
        match self.store.recover_lost(replica, &decide).await {
            Ok(RecoveryReport { recovered: 0, .. }) => {}
            Ok(RecoveryReport { recovered, dead }) => {
                self.observers.deliveries_died(dead.into_iter());
                tracing::warn!(
                    count = recovered,
                    "recovered the running deliveries of a process that died, or whose lease expired"
                );
                self.wakeups.wake_all();
            }
            Err(error) => tracing::warn!(%error, "lost deliveries could not be recovered"),
        }
    }

    /// Reports other replicas that have running deliveries and miss heartbeats. Returns the number of
    /// these deliveries.
    async fn report_unresponsive(&self, replica: ReplicaId, reported: u64) -> u64 {
        match self.store.unresponsive(replica, self.lease / 2).await {
            Ok(Some(UnresponsiveReplicas { deliveries, lease_left })) => {
                if deliveries != reported {
                    tracing::warn!(
                        deliveries,
                        ?lease_left,
                        "another replica misses heartbeats: its running deliveries are recovered when its \
                         lease expires"
                    );
                }
                deliveries
            }
            Ok(None) | Err(_) => 0,
        }
    }
}

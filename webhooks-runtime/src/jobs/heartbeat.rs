//! Sends this replica's heartbeats, tells when lost deliveries may be recovered, and purges expired deliveries.
//!
//! Runs on the engine's thread, which runs no function, so that no function can block a heartbeat.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout_at};
use uuid::Uuid;

use super::delivery::{HeartbeatResponse, ReplicaId};
use super::error::StoreError;
use super::observer::{JobsObservers, StoreOperation};
use super::scheduler::SchedulerCommand;
use super::store::{Retention, Store};
use crate::task;

/// The interval between purges of expired deliveries.
const PURGE_INTERVAL: Duration = Duration::from_secs(60);

/// The heartbeats of this replica, and the housekeeping that goes with them.
pub(super) struct Heartbeats {
    pub(super) store: Arc<dyn Store>,
    pub(super) replica: ReplicaId,
    /// The duration of a lease.
    pub(super) lease: Duration,
    pub(super) retention: Retention,
    pub(super) commands: mpsc::Sender<SchedulerCommand>,
    /// Counts how often this replica's lease may have expired. A change stops the running attempts.
    pub(super) lease_expiries: watch::Sender<u64>,
    /// When this replica's lease ends, if it can end. Nothing starts after that.
    pub(super) lease_ends: watch::Sender<Option<Instant>>,
    /// Has this replica recover lost deliveries, as this replica.
    pub(super) recover_as: watch::Sender<ReplicaId>,
    pub(super) observers: JobsObservers,
}

impl Heartbeats {
    /// Sends heartbeats until the scheduler ends.
    pub(super) async fn run(&mut self) {
        // Since when every heartbeat has succeeded, if one failed before. Other replicas may have been cut
        // off from the store as well, so they get a full lease to come back before they are recovered.
        let mut recovering_since: Option<Instant> = None;
        let mut last_sent = Instant::now();
        // A heartbeat may have renewed the lease even if its response was lost. The lease is counted from
        // when the last acknowledged one was sent, which is the earlier of the two.
        let mut renewed = Instant::now();
        // The first purge is due at once: a process that never lives for a minute must purge too.
        let mut next_purge = Instant::now();
        let mut purging: JoinHandle<()> = task::spawn(std::future::ready(()));
        let mut failed = false;
        while !self.commands.is_closed() {
            let sent = Instant::now();
            match self.send(renewed + self.lease).await {
                Ok(HeartbeatResponse { is_registered: true, cancelled }) => {
                    failed = false;
                    renewed = sent;
                    self.extend_lease(sent);
                    if !cancelled.is_empty() {
                        // Not waiting: a busy scheduler must not delay the next heartbeat, which repeats it.
                        let _ = self.commands.try_send(SchedulerCommand::Cancel(cancelled));
                    }
                }
                // Unless it is unknown because the scheduler has just deregistered it.
                Ok(_) if !self.commands.is_closed() => {
                    failed = false;
                    let sent = Instant::now();
                    if self.reregister().await {
                        renewed = sent;
                    } else {
                        recovering_since = Some(Instant::now());
                    }
                }
                Ok(_) => return,
                Err(error) => {
                    if !failed {
                        log_unreachable(&error);
                    }
                    failed = true;
                }
            }
            if failed || last_sent.elapsed() > self.lease {
                recovering_since = Some(Instant::now());
            }
            last_sent = Instant::now();
            let is_steady = recovering_since
                .is_none_or(|since| !self.store.is_shared() || since.elapsed() >= self.lease);
            if !failed && is_steady {
                let _ = self.recover_as.send(self.replica);
            }
            if !failed && next_purge <= Instant::now() && purging.is_finished() {
                next_purge = Instant::now() + PURGE_INTERVAL;
                // In a task: deleting many deliveries must not delay a heartbeat.
                purging = task::spawn(purge_expired(Arc::clone(&self.store), self.retention));
            }
            let next = Instant::now() + self.lease / if failed { 10 } else { 4 };
            let lease_ends = renewed + self.lease;
            sleep_until(if lease_ends > Instant::now() { next.min(lease_ends) } else { next })
                .await;
        }
    }

    /// Sends a heartbeat. Stops the running attempts when the lease may have expired by the store's clock:
    /// the response is late, or this process was suspended.
    async fn send(&self, lease_ends: Instant) -> Result<HeartbeatResponse, StoreError> {
        let heartbeat = self.store.heartbeat(self.replica, self.lease);
        let mut heartbeat = pin!(self.observers.measure(StoreOperation::Heartbeat, heartbeat));
        let response = match timeout_at(lease_ends, &mut heartbeat).await {
            Ok(response) => response,
            Err(_) => {
                self.stop_running();
                heartbeat.await
            }
        };
        if Instant::now() >= lease_ends {
            self.stop_running();
        }
        response
    }

    /// Stops the running attempts, because other replicas may own their deliveries by now.
    fn stop_running(&self) {
        // Each attempt that can still be stopped has a receiver.
        let running = self.lease_expiries.receiver_count();
        if self.store.is_shared() && running > 0 {
            self.lease_expiries.send_modify(|times| *times += 1);
            tracing::error!(
                running,
                "lease expired: this replica could not reach its store, so it stops its running background \
                 deliveries, which another replica may run now. A function that is not async cannot be stopped"
            );
        }
    }

    /// Notes that the lease was renewed at this time, if it can end.
    fn extend_lease(&self, renewed: Instant) {
        if self.store.is_shared() {
            self.lease_ends.send_replace(Some(renewed + self.lease));
        }
    }

    /// Registers this process as another replica, because its lease expired. Returns whether it succeeded.
    async fn reregister(&mut self) -> bool {
        let (replica, sent) = (Uuid::now_v7(), Instant::now());
        match self.store.register(replica, self.lease).await {
            Ok(()) => {
                self.replica = replica;
                self.extend_lease(sent);
                let _ = self.commands.send(SchedulerCommand::Reregistered(replica)).await;
                true
            }
            Err(error) => {
                log_unreachable(&error);
                false
            }
        }
    }
}

fn log_unreachable(error: &StoreError) {
    tracing::warn!(%error, "the store of background deliveries does not respond");
}

async fn purge_expired(store: Arc<dyn Store>, retention: Retention) {
    match store.purge_expired(retention).await {
        Ok(_) | Err(StoreError::Closed) => {}
        Err(error) => tracing::warn!(%error, "expired deliveries could not be purged"),
    }
}

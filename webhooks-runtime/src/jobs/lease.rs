//! Says that this process lives, and looks for those that don't. On a thread that runs no function, so
//! that none can keep it from that.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout_at};
use uuid::Uuid;

use super::error::StoreError;
use super::scheduler::{Hints, Order};
use super::state::{End, Next};
use super::store::{Known, Owner, Retention, Silent, Store};

/// How often finished deliveries are looked through.
const SWEEP: Duration = Duration::from_secs(60);

/// What the process does to keep what it has.
pub(super) struct Lease {
    pub(super) store: Arc<dyn Store>,
    pub(super) known: Vec<Known>,
    pub(super) hints: Arc<Hints>,
    pub(super) owner: Owner,
    /// For how long an owner that isn't heard of counts as alive.
    pub(super) length: Duration,
    pub(super) retention: Retention,
    pub(super) orders: mpsc::Sender<Order>,
    /// How often this replica was cut off from its store for as long as its lease.
    pub(super) cut_off: watch::Sender<u64>,
}

impl Lease {
    /// Sends heartbeats until the scheduler is gone.
    pub(super) async fn keep(&mut self) {
        // Since when the store has answered each time, when it didn't before. Other replicas that could not
        // reach it either may not have been heard of yet.
        let mut steady_since: Option<Instant> = None;
        let mut last_beat = Instant::now();
        // Before its first answer a heartbeat may have renewed the lease or not, so it is counted from when
        // the last one that was answered was sent.
        let mut renewed = Instant::now();
        // At the start, too: a process that never lives as long as that is to sweep as well.
        let mut next_sweep = Instant::now();
        let mut sweeping = tokio::spawn(std::future::ready(()));
        let mut failed = false;
        let mut waited_for = 0;
        while !self.orders.is_closed() {
            let sent = Instant::now();
            match self.beat(renewed + self.length).await {
                Ok(true) => {
                    failed = false;
                    renewed = sent;
                }
                // Not because it has just deregistered.
                Ok(false) if !self.orders.is_closed() => {
                    failed = false;
                    let sent = Instant::now();
                    if self.begin_anew().await {
                        renewed = sent;
                    } else {
                        steady_since = Some(Instant::now());
                    }
                }
                Ok(false) => return,
                Err(error) => {
                    if !failed {
                        tracing::warn!(%error, "the store of background deliveries doesn't answer");
                    }
                    failed = true;
                }
            }
            if failed || last_beat.elapsed() > self.length {
                steady_since = Some(Instant::now());
            }
            last_beat = Instant::now();
            let is_steady = steady_since
                .is_none_or(|since| !self.store.is_shared() || since.elapsed() >= self.length);
            if !failed && is_steady {
                self.reap().await;
                waited_for = self.report_silent(waited_for).await;
            }
            if !failed && next_sweep <= Instant::now() && sweeping.is_finished() {
                next_sweep = Instant::now() + SWEEP;
                // Beside the beats: there can be very many to delete.
                sweeping = tokio::spawn(sweep(Arc::clone(&self.store), self.retention));
            }
            let next = Instant::now() + self.length / if failed { 10 } else { 4 };
            let lease_ends = renewed + self.length;
            sleep_until(if lease_ends > Instant::now() { next.min(lease_ends) } else { next })
                .await;
        }
    }

    /// Sends a heartbeat. Stops what this replica runs when its lease may be over by the store's clock, be
    /// it that the answer is missing or that this process was frozen.
    async fn beat(&self, lease_ends: Instant) -> Result<bool, StoreError> {
        let mut beat = self.store.beat(self.owner, self.length);
        let answer = match timeout_at(lease_ends, &mut beat).await {
            Ok(answer) => answer,
            Err(_) => {
                self.cut_off();
                beat.await
            }
        };
        if Instant::now() >= lease_ends {
            self.cut_off();
        }
        answer
    }

    /// Stops what runs here, as another replica may have it by now.
    fn cut_off(&self) {
        // Each attempt that can still be stopped listens.
        let running = self.cut_off.receiver_count();
        if self.store.is_shared() && running > 0 {
            self.cut_off.send_modify(|times| *times += 1);
            tracing::error!(
                running,
                "this replica could not reach its store for as long as its lease, so it stops the \
                 background deliveries that it runs: another replica may have them. A function that isn't \
                 async cannot be stopped"
            );
        }
    }

    /// Reports other replicas that weren't heard of lately and still have deliveries. Gives how many
    /// deliveries these are.
    async fn report_silent(&self, reported: u64) -> u64 {
        match self.store.silent(self.owner, self.length / 2).await {
            Ok(Some(Silent { deliveries, lease_left })) => {
                if deliveries != reported {
                    tracing::warn!(
                        deliveries,
                        ?lease_left,
                        "a replica that runs deliveries isn't heard of: they are recovered when its lease \
                         has expired"
                    );
                }
                deliveries
            }
            Ok(None) | Err(_) => 0,
        }
    }

    /// Becomes another owner, since this one was taken for dead.
    async fn begin_anew(&mut self) -> bool {
        let owner = Uuid::now_v7();
        match self.store.enlist(owner, self.length).await {
            Ok(()) => {
                self.owner = owner;
                let _ = self.orders.send(Order::Lost(owner)).await;
                true
            }
            Err(error) => {
                tracing::warn!(%error, "the store of background deliveries doesn't answer");
                false
            }
        }
    }

    async fn reap(&self) {
        let decide = |endpoint: Option<usize>, attempt: u32| {
            // Of an endpoint that this program doesn't have, nothing is known but that it waits.
            let policy = endpoint.map(|endpoint| &self.known[endpoint].policy);
            policy.map_or(Next::Retry { after: Duration::ZERO }, |policy| {
                End::Lost.next(policy, attempt, fastrand::f64())
            })
        };
        match self.store.reap(self.owner, &decide).await {
            Ok(0) => {}
            Ok(count) => {
                tracing::warn!(count, "took deliveries of a process that died while it ran them");
                self.hints.give_all();
            }
            Err(error) => tracing::warn!(%error, "lost deliveries could not be looked for"),
        }
    }
}

async fn sweep(store: Arc<dyn Store>, retention: Retention) {
    match store.sweep(retention).await {
        Ok(_) | Err(StoreError::Closed) => {}
        Err(error) => tracing::warn!(%error, "old deliveries could not be deleted"),
    }
}

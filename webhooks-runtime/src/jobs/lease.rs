//! Says that this process lives, and looks for those that don't. On a thread that runs no function, so
//! that none can keep it from that.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::error::StoreError;
use super::scheduler::{Hints, Order};
use super::state::{End, Next};
use super::store::{Known, Owner, Retention, Store};

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
}

impl Lease {
    /// Beats until the scheduler is gone.
    pub(super) async fn keep(mut self) {
        // Since when the store has answered each time. Others that could not reach it either may not
        // have been heard of yet.
        let mut steady_since = Instant::now();
        let mut last_beat = Instant::now();
        // At the start, too: a process that never lives as long as that is to sweep as well.
        let mut next_sweep = Instant::now();
        let mut sweeping = tokio::spawn(std::future::ready(()));
        let mut failed = false;
        while !self.orders.is_closed() {
            match self.store.beat(self.owner, self.length).await {
                Ok(true) => failed = false,
                // Not because it has just deregistered.
                Ok(false) if !self.orders.is_closed() => {
                    failed = false;
                    if !self.begin_anew().await {
                        steady_since = Instant::now();
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
                steady_since = Instant::now();
            }
            last_beat = Instant::now();
            let patience = if self.store.is_shared() { self.length } else { Duration::ZERO };
            if !failed && steady_since.elapsed() >= patience {
                self.reap().await;
            }
            if !failed && next_sweep <= Instant::now() && sweeping.is_finished() {
                next_sweep = Instant::now() + SWEEP;
                // Beside the beats: there can be very many to delete.
                sweeping = tokio::spawn(sweep(Arc::clone(&self.store), self.retention));
            }
            sleep(self.length / if failed { 10 } else { 4 }).await;
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

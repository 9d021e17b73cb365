//! Decides what this replica claims.

use std::collections::HashMap;

use tokio::time::Instant;

use super::Scheduler;
use crate::endpoint::background::Latest;
use crate::jobs::delivery::{ClaimRequest, Claimed};

impl Scheduler {
    /// Returns the free slots of the endpoints that have pending wakeups. One whose newer deliveries stop running ones
    /// needs no slot for that. None without a lease: a poll follows the heartbeat that renews it.
    pub(super) fn claim_requests(&self, leave_share: bool) -> Vec<ClaimRequest> {
        if !self.has_lease() {
            return Vec::new();
        }
        let replicas = if leave_share { self.replicas } else { 1 };
        (0..self.handlers.len())
            .filter_map(|endpoint| {
                let policy = &self.handlers[endpoint].background.policy;
                let slots = policy
                    .concurrency
                    .div_ceil(replicas)
                    .saturating_sub(self.running.of_endpoint(endpoint));
                let stops = policy.latest == Latest::Cancel;
                let pending = (slots > 0 || stops) && self.wakeups.take(endpoint);
                pending.then_some(ClaimRequest { endpoint, slots })
            })
            .collect()
    }

    /// Marks the endpoints whose requests were met in full, because they may have more.
    pub(super) fn mark_filled(&self, requests: &[ClaimRequest], claimed: &[Claimed]) {
        let mut counts: HashMap<usize, u32> = HashMap::new();
        for claimed in claimed {
            *counts.entry(claimed.endpoint).or_default() += 1;
        }
        for request in requests {
            if counts.get(&request.endpoint) == Some(&request.slots) {
                self.wakeups.mark(request.endpoint);
            }
        }
    }

    /// Returns whether this replica still has its lease, as far as it knows. Not when it was suspended while it waited for
    /// the store.
    pub(super) fn has_lease(&self) -> bool {
        self.lease_ends.borrow().is_none_or(|ends| Instant::now() < ends)
    }
}

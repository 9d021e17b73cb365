//! Records which deliveries a replica of this process knows to own.
//!
//! The server's response to a claim can be lost after the claim was committed. Without the ledger, no replica would
//! run the claimed deliveries until this replica's lease expires.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

use super::super::delivery::{Completion, ReplicaId};

/// The deliveries that this process's replicas know to own.
#[derive(Default)]
pub(super) struct ClaimLedger(Mutex<HashMap<ReplicaId, LedgerEntry>>);

#[derive(Clone, Default)]
struct LedgerEntry {
    /// Whether each of them has a key.
    owned: HashMap<Uuid, bool>,
    /// Whether a response was lost since the entry was last compared with the tables.
    in_doubt: bool,
}

impl ClaimLedger {
    /// Begins a step, which is in doubt until it ends. Returns what the replica knows to own if it already was
    /// in doubt.
    pub(super) fn begin(&self, replica: ReplicaId) -> Option<HashSet<Uuid>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = all.entry(replica).or_default();
        let doubted = entry.in_doubt.then(|| entry.owned.keys().copied().collect());
        entry.in_doubt = true;
        doubted
    }

    /// Returns whether any of these deliveries may have a key.
    pub(super) fn may_have_keys(&self, replica: ReplicaId, completions: &[Completion]) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let owned = all.get(&replica).map(|entry| &entry.owned);
        let has_no_key = |id| owned.and_then(|owned| owned.get(id)) == Some(&false);
        completions.iter().any(|it| !has_no_key(&it.id))
    }

    /// Ends a step whose response was received. `claimed` says of each claimed delivery whether it has a key.
    pub(super) fn end(
        &self,
        replica: ReplicaId,
        completions: &[Completion],
        claimed: impl Iterator<Item = (Uuid, bool)>,
    ) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = all.entry(replica).or_default();
        entry.in_doubt = false;
        for completion in completions {
            entry.owned.remove(&completion.id);
        }
        entry.owned.extend(claimed);
    }

    /// Removes a replica.
    pub(super) fn forget(&self, replica: ReplicaId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&replica);
    }
}

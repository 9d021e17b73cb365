//! Defines a background delivery at each step of its life: accepted, claimed by a replica, completed.

use std::time::{Duration, SystemTime};

use actix_web::web::Bytes;
use uuid::Uuid;

use super::attempt_log::LogUpdate;
use super::state::{State, Transition};
use crate::payload::MergeScope;

/// A process that shares the store and runs deliveries. A process gets a new id at each start, and also
/// when it registers again after its lease expired.
pub(crate) type ReplicaId = Uuid;

/// A delivery to store.
#[derive(Clone, Debug)]
pub(crate) struct NewDelivery {
    pub(crate) id: Uuid,
    /// The index of its endpoint in the list that the store was opened with.
    pub(crate) endpoint: usize,
    /// The `Webhook-Id` header.
    pub(crate) webhook_id: Option<String>,
    /// The event in the payload, for display only.
    pub(crate) event: Option<String>,
    /// The repo in the payload, for display only.
    pub(crate) repo: Option<String>,
    /// When it was received by this process's clock, for display only.
    pub(crate) received_at: SystemTime,
    pub(crate) body: Bytes,
    /// Whether to run it even if the same `Webhook-Id` was done within the deduplication window.
    pub(crate) force: bool,
    /// Its key, if its endpoint has keys.
    pub(crate) key: Option<DeliveryKey>,
    pub(crate) origin: DeliveryOrigin,
    /// The context of the span that stores it, if it has one.
    pub(crate) trace: Option<String>,
}

/// The key of a delivery: at most one delivery of an endpoint's key runs at a time, in order of arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeliveryKey {
    pub(crate) text: String,
    /// Which deliveries of the key it can be merged with: those with the same scope. `None` is a barrier: no older
    /// delivery is merged into one that arrives after it.
    pub(crate) merge: Option<MergeScope>,
    /// How many bytes of the body a merge carries over to a newer one.
    pub(crate) merge_bytes: u32,
}

/// How many older deliveries one can carry.
pub(crate) const MAX_MERGED: u32 = 10_000;

/// Where a delivery comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeliveryOrigin {
    /// A request of the Hub.
    Webhook,
    /// A comparison with the Hub, which found a missed event.
    Reconcile,
    /// The program itself, which enqueued it.
    Enqueued,
}

impl DeliveryOrigin {
    const ALL: [Self; 3] = [Self::Webhook, Self::Reconcile, Self::Enqueued];

    /// Returns the number that the stores' tables use for it.
    pub(crate) fn code(self) -> i16 {
        match self {
            Self::Webhook => 0,
            Self::Reconcile => 1,
            Self::Enqueued => 2,
        }
    }

    pub(crate) fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|origin| origin.code() == code)
    }

    /// Returns the name for people and scripts.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Reconcile => "reconcile",
            Self::Enqueued => "enqueued",
        }
    }

    /// Returns whether it is checked before an attempt whether to call the function. What the program enqueues is not,
    /// because the program itself wants the function to run.
    pub(super) fn is_checked(self) -> bool {
        self != Self::Enqueued
    }
}

/// The store's response to a [`NewDelivery`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepted {
    /// It is on disk and will run. When a dead delivery was revived, the id is that of the dead one.
    Queued(Uuid),
    /// It is a duplicate of this stored delivery, so nothing was written.
    Duplicate(Uuid, State),
    /// The number of queued and running deliveries has reached its limit.
    BacklogFull,
    /// The bytes of all stored deliveries have reached their limit.
    StoreFull,
}

/// How many deliveries of one endpoint a replica could start now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClaimRequest {
    pub(crate) endpoint: usize,
    pub(crate) slots: u32,
}

/// A claimed delivery. The start of its attempt is already on disk.
#[derive(Clone, Debug)]
pub(crate) struct Claimed {
    pub(crate) id: Uuid,
    pub(crate) fencing_token: i64,
    pub(crate) endpoint: usize,
    pub(crate) webhook_id: Option<String>,
    /// The number of this attempt, counted from 1.
    pub(crate) attempt: u32,
    /// How often the delivery was released without its attempt being counted.
    pub(crate) releases: u32,
    /// How often in a row it could not be decided whether to call the function.
    pub(crate) waits: u32,
    /// How often in a row the function asked to run it again later.
    pub(crate) snoozes: u32,
    pub(crate) received_at: SystemTime,
    /// Where it comes from: the program if that enqueued it, or one of those that it carries.
    pub(crate) origin: DeliveryOrigin,
    /// The body, with what the merged deliveries brought.
    pub(crate) body: Bytes,
    /// The older deliveries that the body carries, in order of arrival.
    pub(crate) merged: Vec<Uuid>,
    /// The context of the span that stored it, if it had one.
    pub(crate) trace: Option<String>,
    /// Those of the older deliveries.
    pub(crate) merged_traces: Vec<String>,
}

/// A claim: the id of the delivery, and the fencing token. A later attempt of the delivery has another one.
pub(crate) type ClaimId = (Uuid, i64);

/// The result of an attempt, to be written to the store.
#[derive(Clone, Debug)]
pub(crate) struct Completion {
    pub(crate) id: Uuid,
    /// The token of the claim. The store discards the completion when the delivery has another one.
    pub(crate) fencing_token: i64,
    pub(crate) next: Transition,
    /// Why the attempt failed.
    pub(crate) error: Option<String>,
    /// What else people should know of the attempt: why it was skipped or waits, or which files matched. Replaces
    /// the note of an earlier attempt.
    pub(crate) note: Option<String>,
    /// What the attempt logged and is not written yet.
    pub(crate) log: LogUpdate,
}

/// The store's response to a round of completions and claim requests.
#[derive(Debug, Default)]
pub(crate) struct ClaimResponse {
    /// Completions that were discarded, because the replica no longer owned the delivery.
    pub(crate) stale: Vec<Uuid>,
    pub(crate) claimed: Vec<Claimed>,
    /// The time until the next delivery that is not due yet. Covers at least the requested endpoints.
    pub(crate) next_due: Option<Duration>,
    /// The number of live replicas.
    pub(crate) replicas: u32,
    /// The claims of this replica whose attempts are to be stopped.
    pub(crate) cancelled: Vec<ClaimId>,
    /// The states of completed deliveries that differ from those of their transitions: a person has cancelled the
    /// delivery, or a newer one supersedes it.
    pub(crate) diverted: Vec<(Uuid, State)>,
}

/// The store's response to a heartbeat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HeartbeatResponse {
    /// Whether the replica is registered. Otherwise its lease expired, and its deliveries were recovered.
    pub(crate) is_registered: bool,
    /// The claims of this replica whose attempts are to be stopped.
    pub(crate) cancelled: Vec<ClaimId>,
}

/// Deliveries of other replicas that missed heartbeats and whose leases have not expired yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnresponsiveReplicas {
    pub(crate) deliveries: u64,
    /// The time until the last of their leases expires.
    pub(crate) lease_left: Duration,
}

/// What a recovery of lost deliveries did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RecoveryReport {
    /// How many deliveries it took from lost replicas.
    pub(crate) recovered: u64,
    /// Those of them that are dead now, because the lost attempt was their last one.
    pub(crate) dead: Vec<Uuid>,
}

//! Defines the interface of a store of background deliveries. `sqlite` and `postgres` implement it, and
//! `conformance` tests both against the guarantees that are documented here.
//!
//! Three rules hold for every store:
//!
//! - The store's own clock decides when a delivery is due, a row expired or a lease over.
//! - A replica must send a heartbeat at least once per lease, or other replicas recover its deliveries.
//! - Each claim has a fencing token that is never reused for the same delivery. A completion with an older
//!   token is discarded, so a replica that lost a delivery cannot overwrite the result of the replica that has it now.
//!
//! Deliveries with a key form one queue per endpoint and key, in order of arrival:
//!
//! - At most one of a key runs at a time, in all replicas. A claim takes the queued one that is due first; the others of
//!   its key wait for it, however many they are. One that waits for its retry does not block its key.
//! - Where [`Policy::supersedes`], a new delivery replaces the newest queued one, if both have the same merge scope, no
//!   barrier arrived in between, and the sum stays within the limits. The older one becomes superseded, and the new one
//!   takes its place: its due time if that has come, and its group, which is all older deliveries that it carries.
//! - A claim merges the bodies of the group, in order of arrival.
//! - A running delivery that would be queued again becomes superseded by the delivery that arrived after it in its key,
//!   if that one could have replaced it. One that becomes done supersedes the queued ones of its scope that arrived
//!   earlier: they joined its group too late to run with it.
//! - Every superseded delivery belongs to a group with exactly one other that is not superseded, and is deleted with that
//!   one.
//! - Deliveries that a person queues again, or that arrive again after they died, are barriers, and keep their groups.

use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::attempt_log::{AttemptLogLine, LogPosition, RunningLog};
use super::counts::StateCount;
use super::delivery::{
    Accepted, ClaimRequest, ClaimResponse, Completion, HeartbeatResponse, NewDelivery,
    RecoveryReport, ReplicaId, UnresponsiveReplicas,
};
use super::error::StoreError;
use super::inspect::{
    CancelReport, CancelTarget, DeliveryDetail, DeliveryFilter, DeliverySummary, Purge, RetryTarget,
};
use super::state::Transition;
use crate::endpoint::background::Policy;
use crate::state::SharedState;

/// An endpoint that a store accepts deliveries for. The store's methods refer to it by its index in the
/// list that the store was opened with.
#[derive(Clone, Debug)]
pub(crate) struct EndpointPolicy {
    pub(crate) path: String,
    pub(crate) policy: Policy,
}

/// Returns the longest deduplication window of these endpoints.
pub(crate) fn longest_window<'a>(endpoints: impl Iterator<Item = &'a EndpointPolicy>) -> Duration {
    endpoints.map(|endpoint| endpoint.policy.dedup_window).max().unwrap_or_default()
}

/// How much a store may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoreLimits {
    /// The maximum number of queued and running deliveries.
    pub(crate) deliveries: u64,
    /// The approximate maximum number of bytes of all deliveries in any state: the size of a file, or of
    /// the payloads in a database.
    pub(crate) bytes: u64,
    /// The maximum number of bytes of a body. No delivery takes over older ones beyond that.
    pub(crate) body: u64,
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self { deliveries: 10_000_000, bytes: 10 << 30, body: DEFAULT_BODY_LIMIT }
    }
}

/// The default of [`StoreLimits::body`], which is that of the server.
pub(super) const DEFAULT_BODY_LIMIT: u64 = 10 << 20;

#[cfg(test)]
impl From<u64> for StoreLimits {
    fn from(deliveries: u64) -> Self {
        Self { deliveries, bytes: u64::MAX, body: DEFAULT_BODY_LIMIT }
    }
}

/// How long finished deliveries are retained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retention {
    pub(crate) done: Duration,
    /// `None` retains them forever.
    pub(crate) dead: Option<Duration>,
}

/// The access of a process to a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// A server: accepts and runs deliveries, and creates and migrates the tables.
    Serve,
    /// A command that changes deliveries while a server may be running. Does not touch the schema.
    Modify,
    /// A command that only reads.
    Read,
}

/// Decides what happens to a lost delivery: called with the index of its endpoint, or `None` when this
/// program does not have that endpoint, and the number of the lost attempt.
pub(crate) type RecoveryPolicy<'a> = &'a (dyn Fn(Option<usize>, u32) -> Transition + Send + Sync);

/// The future that a store's method returns.
pub(crate) type StoreFuture<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// A store of background deliveries. Besides, it stores small values, which commands can only use with
/// [`Access::Modify`].
pub(crate) trait Store: SharedState {
    /// Accepts a batch, all of it or nothing. Every delivery reported as [`Accepted::Queued`] is synced to
    /// disk.
    fn accept(&self, batch: Vec<NewDelivery>) -> StoreFuture<'_, Vec<Accepted>>;

    /// Registers a replica and starts its lease.
    fn register(&self, replica: ReplicaId, lease: Duration) -> StoreFuture<'_, ()>;

    /// Renews a replica's lease.
    fn heartbeat(&self, replica: ReplicaId, lease: Duration) -> StoreFuture<'_, HeartbeatResponse>;

    /// Removes a replica. Deliveries that it still owns count as lost.
    fn deregister(&self, replica: ReplicaId) -> StoreFuture<'_, ()>;

    /// Writes the results of a replica's attempts, then claims due deliveries for it, in one transaction.
    ///
    /// Claims the longest due deliveries of each requested endpoint, within the endpoint's `concurrency`
    /// over all replicas with a valid lease. Claims nothing when the replica's own lease has expired.
    fn complete_and_claim<'a>(
        &'a self,
        replica: ReplicaId,
        completions: &'a [Completion],
        requests: &'a [ClaimRequest],
    ) -> StoreFuture<'a, ClaimResponse>;

    /// Writes the log lines of running attempts. Returns the ids and fencing tokens of those that are written: all whose
    /// tokens are current, unless their deliveries are locked at this moment.
    fn write_logs<'a>(&'a self, logs: &'a [RunningLog]) -> StoreFuture<'a, Vec<(Uuid, i64)>>;

    /// Recovers the deliveries of other replicas whose leases have expired: applies the transition that `decide`
    /// returns for each. Each delivery that is dead afterwards is in the report of one replica, unless that one does
    /// not get the response.
    fn recover_lost<'a>(
        &'a self,
        replica: ReplicaId,
        decide: RecoveryPolicy<'a>,
    ) -> StoreFuture<'a, RecoveryReport>;

    /// Returns the running deliveries of other replicas whose leases end within `lease_left`; `None` when
    /// there are none.
    fn unresponsive(
        &self,
        replica: ReplicaId,
        lease_left: Duration,
    ) -> StoreFuture<'_, Option<UnresponsiveReplicas>>;

    /// Deletes finished deliveries whose retention has ended, and returns their number.
    fn purge_expired(&self, retention: Retention) -> StoreFuture<'_, u64>;

    /// Returns for how long the longest due delivery of this program's endpoints has been waiting; `None`
    /// when none is due.
    ///
    /// # Errors
    ///
    /// When the store is unreachable or read-only.
    fn oldest_due(&self) -> StoreFuture<'_, Option<Duration>>;

    /// Counts the deliveries of each endpoint in each state of [`COUNTED`](super::counts::COUNTED). Leaves out what
    /// there is none of.
    fn counts(&self) -> StoreFuture<'_, Vec<StateCount>>;

    /// Returns the paths of endpoints that have queued deliveries and that this program does not have.
    fn orphaned_endpoints(&self) -> StoreFuture<'_, Vec<String>>;

    /// Lists deliveries, newest first.
    fn list<'a>(&'a self, filter: &'a DeliveryFilter) -> StoreFuture<'a, Vec<DeliverySummary>>;

    /// Returns a delivery in full.
    fn show(&self, id: Uuid) -> StoreFuture<'_, Option<DeliveryDetail>>;

    /// Returns a delivery as a list shows it, without reading its body.
    fn summary_of(&self, id: Uuid) -> StoreFuture<'_, Option<DeliverySummary>>;

    /// Returns the log lines of a delivery's attempts, in order: the first `limit` after a position, or else the last
    /// `limit`.
    fn logs(
        &self,
        id: Uuid,
        after: Option<LogPosition>,
        limit: u32,
    ) -> StoreFuture<'_, Vec<AttemptLogLine>>;

    /// Queues dead deliveries with all their attempts restored, and returns their number. They are due
    /// since their last attempts started, so they run before everything that was accepted later.
    fn retry(&self, target: RetryTarget) -> StoreFuture<'_, u64>;

    /// Queues an ended delivery again, with all its attempts restored. It is due since its last attempt started, or since
    /// it was accepted if it had none. A superseded one no longer belongs to the delivery that replaced it. Returns
    /// whether it was ended.
    fn rerun(&self, id: Uuid) -> StoreFuture<'_, bool>;

    /// Cancels queued deliveries, and requests that the replicas of running ones stop them.
    fn cancel<'a>(&'a self, target: &'a CancelTarget) -> StoreFuture<'a, CancelReport>;

    /// Pauses an endpoint, or resumes it: no replica claims a delivery of a paused endpoint. Returns whether the
    /// store has the endpoint.
    fn pause<'a>(&'a self, path: &'a str, pause: bool) -> StoreFuture<'a, bool>;

    /// Returns the paths of the paused endpoints, and since when each is paused.
    fn paused(&self) -> StoreFuture<'_, Vec<(String, SystemTime)>>;

    /// Returns at most `limit` ids between `first` and `last` inclusive, in order.
    fn find(&self, first: Uuid, last: Uuid, limit: u32) -> StoreFuture<'_, Vec<Uuid>>;

    /// Deletes dead or queued deliveries on request, and returns their number.
    fn purge<'a>(&'a self, purge: &'a Purge) -> StoreFuture<'a, u64>;

    /// Waits until another process may have queued something. Never completes in a store that other processes cannot use.
    fn notified(&self) -> BoxFuture<'_, ()>;

    /// Finishes pending work and closes the store.
    fn close(&self) -> BoxFuture<'_, ()>;

    /// Returns how many batches to accept concurrently: more than one where a commit crosses the network.
    fn max_concurrent_batches(&self) -> usize;

    /// Returns whether other replicas may run its deliveries at the same time.
    fn is_shared(&self) -> bool;

    /// Returns whether its methods only work in the runtime that opened it, where its connections live.
    fn is_runtime_bound(&self) -> bool;

    /// Returns the store's name for messages, without a password.
    fn name(&self) -> &str;

    /// Returns the kind of store: `sqlite` or `postgres`.
    fn kind(&self) -> &'static str;

    /// Moves the store's clock forward by making everything in it older.
    #[cfg(test)]
    fn advance_clock(&self, time: Duration) -> StoreFuture<'_, ()>;
}

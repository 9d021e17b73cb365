//! Defines the interface of a store of background deliveries. `sqlite` and `postgres` implement it, and
//! `conformance` tests both against the guarantees that are documented here.
//!
//! Three rules hold for every store:
//!
//! - The store's own clock decides when a delivery is due, a row expired or a lease over.
//! - A replica must send a heartbeat at least once per lease, or other replicas recover its deliveries.
//! - Each claim has a fencing token that is never reused for the same delivery. A completion with an older
//!   token is discarded, so a replica that lost a delivery cannot overwrite the result of the replica that has it now.

use std::time::Duration;

use futures_util::future::BoxFuture;
use uuid::Uuid;

use super::delivery::{
    Accepted, ClaimRequest, ClaimResponse, Completion, NewDelivery, ReplicaId, UnresponsiveReplicas,
};
use super::error::StoreError;
use super::inspect::{DeliveryDetail, DeliveryFilter, DeliverySummary, Purge, RetryTarget};
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StoreLimits {
    /// The maximum number of queued and running deliveries.
    pub(crate) deliveries: u64,
    /// The approximate maximum number of bytes of all deliveries in any state: the size of a file, or of
    /// the payloads in a database.
    pub(crate) bytes: u64,
}

#[cfg(test)]
impl From<u64> for StoreLimits {
    fn from(deliveries: u64) -> Self {
        Self { deliveries, bytes: u64::MAX }
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

    /// Renews a replica's lease. Returns `false` when the replica is no longer registered: its lease
    /// expired, and its deliveries were recovered.
    fn heartbeat(&self, replica: ReplicaId, lease: Duration) -> StoreFuture<'_, bool>;

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

    /// Recovers the deliveries of other replicas whose leases have expired: applies the transition that `decide`
    /// returns for each. Returns their number.
    fn recover_lost<'a>(
        &'a self,
        replica: ReplicaId,
        decide: RecoveryPolicy<'a>,
    ) -> StoreFuture<'a, u64>;

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

    /// Returns the paths of endpoints that have queued deliveries and that this program does not have.
    fn orphaned_endpoints(&self) -> StoreFuture<'_, Vec<String>>;

    /// Lists deliveries, newest first.
    fn list<'a>(&'a self, filter: &'a DeliveryFilter) -> StoreFuture<'a, Vec<DeliverySummary>>;

    /// Returns a delivery in full.
    fn show(&self, id: Uuid) -> StoreFuture<'_, Option<DeliveryDetail>>;

    /// Queues dead deliveries with all their attempts restored, and returns their number. They are due
    /// since they died, so they run before everything that was accepted later.
    fn retry(&self, target: RetryTarget) -> StoreFuture<'_, u64>;

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

//! What a store of deliveries does. `sqlite` and `postgres` are the stores, `conformance` holds both to
//! what is said here.
//!
//! A store's own clock decides when something is due, old or lost. A process that has deliveries is an
//! owner, which must be heard of at least once in a lease. What an owner says of a delivery counts only
//! while it has it: each claim has a fence, a number that is never given twice for one delivery.

use std::time::{Duration, SystemTime};

use actix_web::web::Bytes;
use futures_util::future::BoxFuture;
use uuid::Uuid;

use super::error::StoreError;
use super::state::{Next, State};
use crate::endpoint::background::Policy;

/// An endpoint that a store is to have deliveries of. Its place in the list is what the store's methods
/// know it by.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) path: String,
    pub(crate) policy: Policy,
}

/// The longest time after its arrival for which the id of a delivery of any of these is known.
pub(crate) fn longest_window<'a>(known: impl Iterator<Item = &'a Known>) -> Duration {
    known.map(|known| known.policy.dedup_window).max().unwrap_or_default()
}

/// A delivery that has arrived.
#[derive(Clone, Debug)]
pub(crate) struct New {
    pub(crate) id: Uuid,
    /// Its endpoint's place in the list of [`Known`] ones.
    pub(crate) endpoint: usize,
    /// The `Webhook-Id` header.
    pub(crate) webhook_id: Option<String>,
    /// The event and the repo that the payload names, for people to read.
    pub(crate) event: Option<String>,
    pub(crate) repo: Option<String>,
    /// By this process's clock, for people to read.
    pub(crate) received_at: SystemTime,
    pub(crate) body: Bytes,
    /// Whether a person wants it run again, though it was just done.
    pub(crate) insists: bool,
}

/// What became of a delivery that has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepted {
    /// It is kept, and will be run. The id is an older one when a dead delivery was revived.
    Queued(Uuid),
    /// It is a retry of one that is there.
    Known(Uuid, State),
    /// There are as many waiting as may be.
    BacklogFull,
    /// All deliveries together take as many bytes as they may.
    StoreFull,
}

/// A process that runs deliveries. It has a new name at each start, and when it was taken for dead.
pub(crate) type Owner = Uuid;

/// How many deliveries of an endpoint an owner could run now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Want {
    pub(crate) endpoint: usize,
    pub(crate) slots: u32,
}

/// A delivery to be run. Its attempt has begun, and that is on disk.
#[derive(Clone, Debug)]
pub(crate) struct Claimed {
    pub(crate) id: Uuid,
    pub(crate) fence: i64,
    pub(crate) endpoint: usize,
    pub(crate) webhook_id: Option<String>,
    /// Which attempt this is, counted from 1.
    pub(crate) attempt: u32,
    /// How often it was released without its attempt being counted.
    pub(crate) releases: u32,
    pub(crate) received_at: SystemTime,
    pub(crate) body: Bytes,
}

/// What became of a delivery that was claimed.
#[derive(Clone, Debug)]
pub(crate) struct Settlement {
    pub(crate) id: Uuid,
    pub(crate) fence: i64,
    pub(crate) next: Next,
    /// Why the attempt failed.
    pub(crate) error: Option<String>,
}

/// What a step of an owner's work brought.
#[derive(Debug, Default)]
pub(crate) struct Advanced {
    /// Settlements that didn't count, as the owner had the delivery no more.
    pub(crate) refused: Vec<Uuid>,
    pub(crate) claimed: Vec<Claimed>,
    /// When the next delivery is due that waits for its time: of the wanted endpoints, at the least.
    pub(crate) next_due: Option<Duration>,
    /// How many owners there are.
    pub(crate) owners: u32,
}

/// Where a lost delivery goes: by its endpoint's place, if it is known, and the attempt that was lost.
pub(crate) type Decide<'a> = &'a (dyn Fn(Option<usize>, u32) -> Next + Send + Sync);

/// Deliveries of replicas that weren't heard of lately, and whose lease isn't over yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Silent {
    pub(crate) deliveries: u64,
    /// How long it is until the last of their leases has expired.
    pub(crate) lease_left: Duration,
}

/// Which deliveries to list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) state: Option<State>,
    /// The endpoint's path.
    pub(crate) endpoint: Option<String>,
    /// At most this many, the newest first.
    pub(crate) limit: u32,
}

/// A delivery as people see it in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) id: Uuid,
    /// The endpoint's path.
    pub(crate) endpoint: String,
    pub(crate) webhook_id: Option<String>,
    /// The action and the scope, `update repo.content`; `None` when the payload names none.
    pub(crate) event: Option<String>,
    /// The repo's name; `None` when the payload names none.
    pub(crate) repo: Option<String>,
    pub(crate) state: State,
    /// How many attempts have begun.
    pub(crate) attempts: u32,
    pub(crate) received_at: SystemTime,
    /// When the next attempt is due, of a queued one.
    pub(crate) run_at: Option<SystemTime>,
    /// When the last attempt began, of a running one.
    pub(crate) started_at: Option<SystemTime>,
    /// When it was done or dead.
    pub(crate) ended_at: Option<SystemTime>,
    /// Why the last failed attempt failed.
    pub(crate) error: Option<String>,
}

/// How long after its timeout an attempt counts as overdue: an `async fn` is dropped by then.
pub(crate) const GRACE: Duration = Duration::from_secs(1);

impl Listed {
    /// Whether it runs longer than this timeout of its endpoint allows, by this machine's clock.
    #[cfg(any(feature = "cli", feature = "page"))]
    pub(crate) fn is_overdue(&self, timeout: Option<Duration>) -> bool {
        let began = self.started_at.filter(|_| self.state == State::Running);
        let age = began.and_then(|began| SystemTime::now().duration_since(began).ok());
        age.zip(timeout).is_some_and(|(age, timeout)| age > timeout.saturating_add(GRACE))
    }

    /// Its state in words.
    #[cfg(any(feature = "cli", feature = "page"))]
    pub(crate) fn state_in_words(&self, timeout: Option<Duration>) -> &'static str {
        if self.is_overdue(timeout) { "timed out, still running" } else { self.state.name() }
    }
}

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FailedAttempt {
    pub(crate) attempt: u32,
    pub(crate) started_at: SystemTime,
    pub(crate) ended_at: SystemTime,
    pub(crate) error: String,
}

/// A delivery in full.
#[derive(Clone, Debug)]
pub(crate) struct Detail {
    pub(crate) listed: Listed,
    /// The oldest first.
    pub(crate) failed: Vec<FailedAttempt>,
    pub(crate) body: Bytes,
}

/// Which dead deliveries to run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    One(Uuid),
    AllDead,
}

/// Which deliveries a person wants deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Purge {
    /// Dead or queued.
    pub(crate) state: State,
    /// The endpoint's path; of any endpoint when there is none.
    pub(crate) endpoint: Option<String>,
    /// Those that died, or were accepted, this long ago.
    pub(crate) older_than: Duration,
}

/// How much a store may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StoreLimits {
    /// How many deliveries may be queued or running.
    pub(crate) deliveries: u64,
    /// How many bytes all deliveries together may take, in whatever state: of a file, or their payloads in
    /// a database, about.
    pub(crate) bytes: u64,
}

#[cfg(test)]
impl From<u64> for StoreLimits {
    fn from(deliveries: u64) -> Self {
        Self { deliveries, bytes: u64::MAX }
    }
}

/// How long finished deliveries are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retention {
    pub(crate) done: Duration,
    /// `None` for ever.
    pub(crate) dead: Option<Duration>,
}

/// What a process may do with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// It accepts deliveries and runs them. It creates and updates the tables.
    Own,
    /// It changes deliveries as a person asks, while a server may run. The tables stay as they are.
    Change,
    /// It only reads.
    Read,
}

/// What a store's method gives.
pub(crate) type Given<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// A store of deliveries.
pub(crate) trait Store: Send + Sync {
    /// Keeps deliveries, all of them or none. What it says `Queued` of is on disk, synced.
    fn accept(&self, batch: Vec<New>) -> Given<'_, Vec<Accepted>>;

    /// Becomes an owner, heard of now.
    fn enlist(&self, owner: Owner, lease: Duration) -> Given<'_, ()>;

    /// Is heard of. `false` when the owner was taken for dead, and has nothing any more.
    fn beat(&self, owner: Owner, lease: Duration) -> Given<'_, bool>;

    /// Is an owner no more. What it still has is lost.
    fn retire(&self, owner: Owner) -> Given<'_, ()>;

    /// Settles what an owner has run, then claims what it could run: of each endpoint those that are
    /// due, the one that is due longest first, within `concurrency` over all owners
    /// whose lease isn't over. One transaction. An owner whose own lease is over claims nothing.
    fn advance<'a>(
        &'a self,
        owner: Owner,
        settled: &'a [Settlement],
        wants: &'a [Want],
    ) -> Given<'a, Advanced>;

    /// Takes the deliveries of other owners that have not been heard of for their lease, and sends them
    /// where `decide` says. Gives how many there were.
    fn reap<'a>(&'a self, me: Owner, decide: Decide<'a>) -> Given<'a, u64>;

    /// The running deliveries of other owners whose lease ends within this time; `None` where there are
    /// none.
    fn silent(&self, me: Owner, lease_left: Duration) -> Given<'_, Option<Silent>>;

    /// Deletes finished deliveries that were kept long enough, and gives how many there were.
    fn sweep(&self, retention: Retention) -> Given<'_, u64>;

    /// How long the delivery of a known endpoint has been waiting that is due longest; `None` when none is
    /// due. An error when the store takes no changes.
    fn oldest_due(&self) -> Given<'_, Option<Duration>>;

    /// The paths of endpoints that aren't known here and have deliveries waiting.
    fn strangers(&self) -> Given<'_, Vec<String>>;

    /// The newest first.
    fn list<'a>(&'a self, filter: &'a Filter) -> Given<'a, Vec<Listed>>;

    /// A delivery in full.
    fn show(&self, id: Uuid) -> Given<'_, Option<Detail>>;

    /// Queues dead deliveries at once, with all attempts before them, and gives how many there were. They
    /// take their turn as if they had been queued when they died: before what was accepted since.
    fn retry(&self, which: Which) -> Given<'_, u64>;

    /// The ids between these two, both included, in their order: at most `limit`.
    fn find(&self, first: Uuid, last: Uuid, limit: u32) -> Given<'_, Vec<Uuid>>;

    /// Deletes dead or queued deliveries, and gives how many there were. A queued one never runs.
    fn purge<'a>(&'a self, purge: &'a Purge) -> Given<'a, u64>;

    /// Waits until another process may have brought something to do; for ever where none can tell.
    fn news(&self) -> BoxFuture<'_, ()>;

    /// Ends its work and closes it.
    fn close(&self) -> BoxFuture<'_, ()>;

    /// How many batches to have kept at the same time: more than one where a commit takes a way over the
    /// network.
    fn at_once(&self) -> usize;

    /// Whether other processes may run its deliveries at the same time.
    fn is_shared(&self) -> bool;

    /// Whether it can be asked only in the runtime that it was opened in, where its connections live.
    fn is_bound(&self) -> bool;

    /// What to call it in a message: no password in it.
    fn name(&self) -> &str;

    /// The kind of store: `sqlite` or `postgres`.
    fn kind(&self) -> &'static str;

    /// Moves the store's clock on, by making all that it has older.
    #[cfg(test)]
    fn pass(&self, time: Duration) -> Given<'_, ()>;
}

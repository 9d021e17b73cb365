//! Tests every store against the promises of the [`Store`] trait.
//!
//! `conformance!` in `suite` instantiates all tests for one store, which a [`Fixture`] provides. `keyed` makes deliveries
//! with keys.

pub(crate) mod accept;
pub(crate) mod cancel;
mod case;
pub(crate) mod claim;
pub(crate) mod debounce;
pub(crate) mod inspect;
pub(crate) mod interleavings;
mod keyed;
pub(crate) mod keys;
pub(crate) mod latest;
pub(crate) mod logs;
mod model;
pub(crate) mod pause;
pub(crate) mod replaced;
pub(crate) mod replicas;
pub(crate) mod rerun;
pub(crate) mod retention;
pub(crate) mod retry;
pub(crate) mod simulation;
mod steps;
mod suite;
pub(crate) mod trace;
pub(crate) mod values;
pub(crate) mod version_3;
pub(crate) mod waiting;
pub(crate) mod yielding;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use actix_web::web::Bytes;
use futures_util::future::{BoxFuture, LocalBoxFuture};
use uuid::Uuid;

use super::attempt_log::LogUpdate;
use super::delivery::{
    Accepted, ClaimId, ClaimRequest, Claimed, Completion, DeliveryOrigin, NewDelivery, ReplicaId,
};
use super::inspect::{DeliveryFilter, DeliverySummary, Purge};
use super::outcome::AttemptOutcome;
use super::state::{State, Transition};
use super::store::{EndpointPolicy, Store, StoreLimits};
use crate::endpoint::background::{Policy, TaskFailure};

pub(crate) use self::suite::conformance;

/// A location for a store that is empty at first.
pub(crate) trait Fixture: Send + Sync {
    /// Opens the store. If it is open already, opens it as another replica would.
    fn open(
        &self,
        endpoints: Vec<EndpointPolicy>,
        limits: StoreLimits,
    ) -> BoxFuture<'_, Arc<dyn Store>>;
}

/// A test of a store.
pub(crate) type Behavior = for<'a> fn(&'a dyn Fixture) -> LocalBoxFuture<'a, ()>;

const LEASE: Duration = Duration::from_secs(30);
const NO_LIMIT: u64 = 1_000_000_000;

/// The indexes of the endpoints in the tests.
const TRAIN: usize = 0;
const ONE_AT_A_TIME: usize = 1;

fn endpoints() -> Vec<EndpointPolicy> {
    let endpoint = |path: &str, policy| EndpointPolicy { path: path.to_owned(), policy };
    vec![
        endpoint("/webhooks/train", Policy::DEFAULT),
        endpoint("/webhooks/one_at_a_time", Policy::DEFAULT.concurrency(1)),
    ]
}

async fn open(fixture: &dyn Fixture) -> Arc<dyn Store> {
    fixture.open(endpoints(), NO_LIMIT.into()).await
}

pub(crate) fn new(endpoint: usize, webhook_id: Option<&str>, body: &'static str) -> NewDelivery {
    NewDelivery {
        id: Uuid::now_v7(),
        endpoint,
        webhook_id: webhook_id.map(str::to_owned),
        event: None,
        repo: None,
        received_at: SystemTime::now(),
        body: Bytes::from_static(body.as_bytes()),
        force: false,
        key: None,
        origin: DeliveryOrigin::Webhook,
        trace: None,
    }
}

/// Selects the dead deliveries that died at least this long ago.
pub(crate) fn dead(older_than: Duration) -> Purge {
    Purge { state: State::Dead, endpoint: None, older_than }
}

/// Accepts one delivery.
async fn accept(store: &dyn Store, new: NewDelivery) -> Accepted {
    let accepted = store.accept(vec![new]).await.unwrap();
    assert_eq!(accepted.len(), 1);
    accepted[0]
}

/// Accepts a new delivery, and returns its id.
async fn queue(store: &dyn Store, endpoint: usize) -> Uuid {
    let new = new(endpoint, None, "{}");
    assert_eq!(accept(store, new.clone()).await, Accepted::Queued(new.id));
    new.id
}

async fn replica(store: &dyn Store) -> ReplicaId {
    let replica = Uuid::new_v4();
    store.register(replica, LEASE).await.unwrap();
    replica
}

async fn claim(store: &dyn Store, replica: ReplicaId, endpoint: usize, slots: u32) -> Vec<Claimed> {
    store
        .complete_and_claim(replica, &[], &[ClaimRequest { endpoint, slots }])
        .await
        .unwrap()
        .claimed
}

async fn claim_one(store: &dyn Store, replica: ReplicaId, endpoint: usize) -> Claimed {
    let mut claimed = claim(store, replica, endpoint, 1).await;
    assert_eq!(claimed.len(), 1);
    claimed.remove(0)
}

fn completion(claimed: &Claimed, next: Transition) -> Completion {
    let error = match next {
        Transition::Retry { .. } | Transition::Dead => {
            Some(format!("attempt {} failed", claimed.attempt))
        }
        Transition::Done
        | Transition::Released
        | Transition::Wait { .. }
        | Transition::Snooze { .. }
        | Transition::CountedSnooze { .. }
        | Transition::Skipped
        | Transition::Cancelled => None,
    };
    Completion {
        id: claimed.id,
        fencing_token: claimed.fencing_token,
        next,
        error,
        note: None,
        log: LogUpdate::default(),
    }
}

/// Completes a delivery, and returns whether the fencing token was current.
async fn complete(
    store: &dyn Store,
    replica: ReplicaId,
    claimed: &Claimed,
    next: Transition,
) -> bool {
    let completions = [completion(claimed, next)];
    let stale = store.complete_and_claim(replica, &completions, &[]).await.unwrap().stale;
    assert!(stale.is_empty() || stale == [claimed.id]);
    stale.is_empty()
}

/// Accepts a delivery and runs it up to this transition, as a replica that deregisters afterwards.
async fn run(store: &dyn Store, new: NewDelivery, next: Transition) -> Uuid {
    let (me, endpoint) = (replica(store).await, new.endpoint);
    assert!(matches!(accept(store, new).await, Accepted::Queued(_)));
    let claimed = claim_one(store, me, endpoint).await;
    assert!(complete(store, me, &claimed, next).await);
    store.deregister(me).await.unwrap();
    claimed.id
}

async fn summary(store: &dyn Store, id: Uuid) -> DeliverySummary {
    store.show(id).await.unwrap().unwrap().summary
}

async fn state(store: &dyn Store, id: Uuid) -> State {
    summary(store, id).await.state
}

fn all() -> DeliveryFilter {
    DeliveryFilter { limit: 10_000, ..DeliveryFilter::default() }
}

/// The recovery policy that the default policy implies.
fn retried(_endpoint: Option<usize>, attempt: u32) -> Transition {
    AttemptOutcome::Lost.transition(&Policy::DEFAULT, attempt, 1.0)
}

fn failed(permanent: bool) -> AttemptOutcome {
    AttemptOutcome::Failed(TaskFailure {
        text: "out of memory".to_owned(),
        permanent,
        retry_after: None,
    })
}

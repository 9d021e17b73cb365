//! Tests every store against the promises of the [`Store`] trait.
//!
//! `conformance!` instantiates all tests for one store, which a [`Fixture`] provides.

pub(crate) mod accept;
pub(crate) mod claim;
pub(crate) mod inspect;
pub(crate) mod replicas;
pub(crate) mod retention;
pub(crate) mod retry;
pub(crate) mod simulation;
pub(crate) mod values;
pub(crate) mod waiting;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use actix_web::web::Bytes;
use futures_util::future::BoxFuture;
use uuid::Uuid;

use super::delivery::{
    Accepted, ClaimRequest, Claimed, Completion, NewDelivery, Origin, ReplicaId,
};
use super::inspect::{DeliveryFilter, DeliverySummary, Purge};
use super::outcome::AttemptOutcome;
use super::state::{State, Transition};
use super::store::{EndpointPolicy, Store, StoreLimits};
use crate::endpoint::background::{Policy, TaskFailure};

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
pub(crate) type Behavior = for<'a> fn(&'a dyn Fixture) -> BoxFuture<'a, ()>;

/// Defines all tests: `conformance!(run)` takes a `fn run(Behavior)` that calls the test with a new fixture.
/// Attributes for the tests may follow.
macro_rules! conformance {
    ($run:path $(, #[$attribute:meta])*) => {
        crate::jobs::conformance::conformance! {
            @groups $run, [$(#[$attribute])*]
            accept {
                accepted_deliveries_survive_reopening
                results_are_in_the_order_of_the_batch
                deliveries_without_an_id_are_never_duplicates
                a_queued_running_or_recently_done_delivery_has_duplicates
                duplicates_in_one_batch_are_one_delivery
                the_same_id_at_another_endpoint_is_not_a_duplicate
                after_the_deduplication_window_the_same_id_runs_again
                a_forced_delivery_runs_again_within_the_deduplication_window
                a_duplicate_revives_a_dead_delivery_with_the_new_body
                two_replicas_that_receive_the_same_id_accept_it_once
                above_the_limit_of_deliveries_nothing_is_accepted
                above_the_limit_of_bytes_nothing_is_accepted_until_deliveries_are_purged
            }
            claim {
                a_claim_returns_the_delivery_in_full
                the_longest_due_delivery_is_claimed_first
                no_more_deliveries_are_claimed_than_requested
                concurrency_limits_all_replicas_together
                simultaneous_claims_never_exceed_the_concurrency
                a_completion_frees_a_slot_in_the_same_step
                a_failed_attempt_is_retried_after_its_backoff
                the_time_until_the_next_due_delivery_is_returned
                a_release_does_not_count_the_attempt
                releases_are_counted_until_a_retry_resets_them
                a_released_delivery_keeps_its_place_in_the_queue
                a_completion_with_a_stale_fencing_token_is_discarded
                a_completion_by_another_replica_is_discarded
                a_completion_counts_once
                an_error_may_contain_any_text
            }
            replicas {
                a_replica_with_an_expired_lease_claims_nothing
                an_unregistered_replica_claims_nothing
                a_replica_with_an_expired_lease_occupies_no_slots
                replicas_that_miss_heartbeats_are_reported
                a_replica_that_sends_heartbeats_keeps_its_deliveries
                a_replica_does_not_recover_its_own_deliveries
                a_late_heartbeat_renews_a_lease_that_nobody_recovered
                completions_of_a_replica_that_lost_its_deliveries_are_discarded
                deliveries_of_a_deregistered_replica_are_lost
                a_lost_attempt_counts
                recovery_decides_by_endpoint_and_attempt
            }
            retention {
                done_deliveries_are_purged_after_their_retention
                dead_deliveries_are_retained_forever_by_default
                dead_deliveries_are_purged_by_age
                queued_and_running_deliveries_never_expire
                queued_deliveries_are_purged_by_endpoint
                dead_deliveries_are_purged_by_endpoint
            }
            inspect {
                lists_are_newest_first
                lists_filter_by_state_and_endpoint
                details_include_failed_attempts_and_the_body
                details_include_the_note_of_the_last_attempt
                deliveries_are_found_by_a_range_of_ids
                lists_show_the_event_and_repo_of_the_payload
                the_oldest_due_delivery_is_the_one_waiting_longest
                deliveries_of_orphaned_endpoints_are_never_the_oldest_due
                orphaned_endpoints_are_reported
            }
            retry {
                a_retried_delivery_has_all_its_attempts_again
                all_dead_deliveries_can_be_retried
                more_deliveries_than_one_chunk_are_retried_and_purged
                retried_deliveries_run_in_the_order_of_death_before_newer_ones
            }
            waiting {
                a_waiting_delivery_is_due_later_without_a_count
                waits_are_counted_in_a_row
                waiting_never_counts_as_a_release
            }
            values {
                a_value_stays_until_it_is_replaced_or_removed
                a_value_expires_after_its_ttl
                a_value_that_is_set_again_gets_the_new_ttl
                keys_and_values_may_be_any_text
                one_holder_at_a_time_has_a_lease
                a_lease_ends_after_its_duration_unless_it_is_renewed
                values_survive_reopening_and_are_shared_by_replicas
                replicas_that_want_a_lease_together_do_not_share_it
            }
            simulation {
                two_replicas_never_run_a_delivery_at_the_same_time
            }
        }
    };
    (@groups $run:path, $attributes:tt $($group:ident { $($name:ident)* })*) => {
        $(crate::jobs::conformance::conformance! { @names $run, $attributes $group $($name)* })*
    };
    (@names $run:path, $attributes:tt $group:ident $($name:ident)*) => {
        $(crate::jobs::conformance::conformance! { @test $run, $attributes $group $name })*
    };
    (@test $run:path, [$($attribute:tt)*] $group:ident $name:ident) => {
        #[test]
        $($attribute)*
        fn $name() {
            $run(|fixture| Box::pin(crate::jobs::conformance::$group::$name(fixture)));
        }
    };
}
pub(crate) use conformance;

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
        origin: Origin::Webhook,
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
        | Transition::Cancelled => None,
    };
    Completion { id: claimed.id, fencing_token: claimed.fencing_token, next, error, note: None }
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

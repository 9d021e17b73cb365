//! What every store of deliveries does, as tests: each is one line of what [`Store`] promises.
//!
//! `conformance!` makes them the tests of one store, which is there as a [`Fixture`].

pub(crate) mod accepting;
pub(crate) mod hour;
pub(crate) mod keeping;
pub(crate) mod owners;
pub(crate) mod running;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use actix_web::web::Bytes;
use futures_util::future::BoxFuture;
use uuid::Uuid;

use super::state::{End, Next, State};
use super::store::{
    Accepted, Claimed, Filter, Known, Listed, New, Owner, Purge, Settlement, Store, StoreLimits,
    Want,
};
use crate::endpoint::background::{Policy, TaskFailure};

/// A place that has nothing in it at first.
pub(crate) trait Fixture: Send + Sync {
    /// Opens the store that is there. One that is open already is opened as another replica would.
    fn open(&self, known: Vec<Known>, limits: StoreLimits) -> BoxFuture<'_, Arc<dyn Store>>;
}

/// A test of a store.
pub(crate) type Behaviour = for<'a> fn(&'a dyn Fixture) -> BoxFuture<'a, ()>;

/// Makes a test of each behaviour: `conformance!(run)` with a `fn run(Behaviour)`, which gives it a
/// fixture of its own. Attributes that the tests are to have follow.
macro_rules! conformance {
    ($run:path $(, #[$attribute:meta])*) => {
        crate::jobs::conformance::conformance! {
            @groups $run, [$(#[$attribute])*]
            accepting {
                what_was_accepted_is_there_after_reopening
                a_batch_is_answered_in_its_order
                without_an_id_nothing_is_dropped
                a_retry_of_a_queued_or_running_or_just_done_delivery_is_known
                the_same_id_twice_in_one_batch_is_one_delivery
                the_same_id_of_another_endpoint_is_another_delivery
                after_the_window_the_same_id_runs_again
                who_insists_has_what_was_just_done_run_again
                a_dead_one_is_revived_with_the_new_body
                two_replicas_that_are_sent_the_same_id_accept_it_once
                above_the_limit_it_is_full_and_nothing_is_kept
                above_the_limit_of_bytes_it_is_full_until_some_are_deleted
            }
            running {
                a_claim_brings_all_there_is_of_a_delivery
                the_one_that_is_due_longest_comes_first
                no_more_are_claimed_than_are_wanted
                concurrency_holds_over_all_owners
                claims_at_the_same_time_never_exceed_the_concurrency
                settling_makes_room_in_the_same_step
                a_failed_attempt_waits_for_its_time
                the_next_due_one_is_known
                what_is_released_does_not_count_the_attempt
                releases_are_counted_until_a_person_retries
                what_is_released_keeps_its_place
                a_settlement_with_an_old_fence_is_refused
                a_settlement_by_somebody_else_is_refused
                a_settlement_counts_once
                any_text_can_be_an_error
            }
            owners {
                a_reaped_owner_claims_nothing
                an_owner_that_was_never_enlisted_claims_nothing
                an_owner_whose_lease_is_over_keeps_no_slots
                owners_that_were_not_heard_of_lately_are_known
                an_owner_that_is_heard_of_is_not_reaped
                an_owner_does_not_reap_itself
                a_late_one_that_nobody_reaped_goes_on
                what_a_reaped_owner_reports_is_refused
                what_a_retired_owner_still_had_is_lost
                a_lost_attempt_counts
                the_decision_about_a_lost_one_gets_its_endpoint_and_attempt
            }
            keeping {
                done_ones_are_swept_when_they_were_kept_long_enough
                dead_ones_are_kept_for_ever_unless_told_otherwise
                dead_ones_are_purged_by_their_age
                what_is_queued_or_running_is_never_swept
                the_oldest_due_is_the_one_that_waits_longest
                a_delivery_of_a_removed_endpoint_is_never_the_oldest_due
                endpoints_that_nobody_knows_any_more_are_told
                the_newest_are_listed_first
                a_list_can_be_of_one_state_or_endpoint
                what_is_shown_has_the_failed_attempts_and_the_body
                a_dead_one_is_run_again_with_all_attempts_before_it
                all_dead_ones_are_run_again
                dead_ones_run_again_in_the_order_of_their_deaths_before_newer_ones
                a_delivery_is_found_by_the_beginning_of_its_id
                what_the_payload_names_is_listed
                queued_ones_of_an_endpoint_are_purged
                dead_ones_are_purged_by_their_endpoint
                more_dead_ones_than_one_step_takes_are_run_again_and_deleted
            }
            hour {
                two_replicas_over_an_hour_of_virtual_time_never_overlap
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

/// The places of the endpoints that the tests have.
const TRAIN: usize = 0;
const ONE_AT_A_TIME: usize = 1;

fn known() -> Vec<Known> {
    let known = |path: &str, policy| Known { path: path.to_owned(), policy };
    vec![
        known("/webhooks/train", Policy::DEFAULT),
        known("/webhooks/one_at_a_time", Policy::DEFAULT.concurrency(1)),
    ]
}

async fn open(fixture: &dyn Fixture) -> Arc<dyn Store> {
    fixture.open(known(), NO_LIMIT.into()).await
}

pub(crate) fn new(endpoint: usize, webhook_id: Option<&str>, body: &'static str) -> New {
    New {
        id: Uuid::now_v7(),
        endpoint,
        webhook_id: webhook_id.map(str::to_owned),
        event: None,
        repo: None,
        received_at: SystemTime::now(),
        body: Bytes::from_static(body.as_bytes()),
        insists: false,
    }
}

/// All dead ones that died this long ago.
pub(crate) fn dead(older_than: Duration) -> Purge {
    Purge { state: State::Dead, endpoint: None, older_than }
}

/// Accepts one, and gives what became of it.
async fn accept(store: &dyn Store, new: New) -> Accepted {
    let accepted = store.accept(vec![new]).await.unwrap();
    assert_eq!(accepted.len(), 1);
    accepted[0]
}

/// Accepts one that is new.
async fn queue(store: &dyn Store, endpoint: usize) -> Uuid {
    let new = new(endpoint, None, "{}");
    assert_eq!(accept(store, new.clone()).await, Accepted::Queued(new.id));
    new.id
}

async fn owner(store: &dyn Store) -> Owner {
    let owner = Uuid::new_v4();
    store.enlist(owner, LEASE).await.unwrap();
    owner
}

async fn claim(store: &dyn Store, owner: Owner, endpoint: usize, slots: u32) -> Vec<Claimed> {
    store.advance(owner, &[], &[Want { endpoint, slots }]).await.unwrap().claimed
}

async fn claim_one(store: &dyn Store, owner: Owner, endpoint: usize) -> Claimed {
    let mut claimed = claim(store, owner, endpoint, 1).await;
    assert_eq!(claimed.len(), 1);
    claimed.remove(0)
}

fn settlement(claimed: &Claimed, next: Next) -> Settlement {
    let error = match next {
        Next::Retry { .. } | Next::Dead => Some(format!("attempt {} failed", claimed.attempt)),
        Next::Done | Next::Released => None,
    };
    Settlement { id: claimed.id, fence: claimed.fence, next, error }
}

/// Settles one, and says whether it counted.
async fn settle(store: &dyn Store, owner: Owner, claimed: &Claimed, next: Next) -> bool {
    let settled = [settlement(claimed, next)];
    let refused = store.advance(owner, &settled, &[]).await.unwrap().refused;
    assert!(refused.is_empty() || refused == [claimed.id]);
    refused.is_empty()
}

/// A new delivery that was run by somebody, up to here.
async fn run(store: &dyn Store, new: New, next: Next) -> Uuid {
    let (me, endpoint) = (owner(store).await, new.endpoint);
    assert!(matches!(accept(store, new).await, Accepted::Queued(_)));
    let claimed = claim_one(store, me, endpoint).await;
    assert!(settle(store, me, &claimed, next).await);
    store.retire(me).await.unwrap();
    claimed.id
}

async fn listed(store: &dyn Store, id: Uuid) -> Listed {
    store.show(id).await.unwrap().unwrap().listed
}

async fn state(store: &dyn Store, id: Uuid) -> State {
    listed(store, id).await.state
}

fn all() -> Filter {
    Filter { limit: 10_000, ..Filter::default() }
}

/// The decision about a lost one that the default policy makes.
fn retried(_endpoint: Option<usize>, attempt: u32) -> Next {
    End::Lost.next(&Policy::DEFAULT, attempt, 1.0)
}

fn failed(permanent: bool) -> End {
    End::Failed(TaskFailure { text: "out of memory".to_owned(), permanent })
}

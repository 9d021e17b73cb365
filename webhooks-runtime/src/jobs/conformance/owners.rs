//! Who has deliveries, and who has them no more.

use std::sync::Mutex;

use super::*;

/// Somebody who is heard of, and takes what others have lost.
async fn reap(store: &dyn Store) -> u64 {
    let reaper = owner(store).await;
    store.reap(reaper, &retried).await.unwrap()
}

pub(crate) async fn a_reaped_owner_claims_nothing(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let late = owner(&*store).await;
    store.pass(LEASE * 2).await.unwrap();
    reap(&*store).await;
    queue(&*store, TRAIN).await;
    assert!(claim(&*store, late, TRAIN, 1).await.is_empty());
    assert!(!store.beat(late, LEASE).await.unwrap());
    assert!(claim(&*store, late, TRAIN, 1).await.is_empty());
}

pub(crate) async fn an_owner_that_was_never_enlisted_claims_nothing(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    queue(&*store, TRAIN).await;
    let nobody = Uuid::new_v4();
    assert!(claim(&*store, nobody, TRAIN, 1).await.is_empty());
    assert!(!store.beat(nobody, LEASE).await.unwrap());
}

pub(crate) async fn an_owner_whose_lease_is_over_keeps_no_slots(fixture: &dyn Fixture) {
    let (store, elsewhere) = (open(fixture).await, open(fixture).await);
    let late = owner(&*store).await;
    queue(&*store, ONE_AT_A_TIME).await;
    let lost = claim_one(&*store, late, ONE_AT_A_TIME).await;
    let next = queue(&*store, ONE_AT_A_TIME).await;
    store.pass(LEASE * 2).await.unwrap();
    if !store.is_shared() {
        // One process has the file, and recovers what others had at its start.
        return;
    }
    let other = owner(&*elsewhere).await;
    let claimed = claim(&*elsewhere, other, ONE_AT_A_TIME, 2).await;
    assert_eq!(claimed.iter().map(|it| it.id).collect::<Vec<_>>(), [next]);
    assert!(claim(&*store, late, TRAIN, 1).await.is_empty());
    assert!(settle(&*store, late, &lost, Next::Done).await);
}

pub(crate) async fn owners_that_were_not_heard_of_lately_are_known(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    if !store.is_shared() {
        return;
    }
    let (me, other) = (owner(&*store).await, owner(&*store).await);
    queue(&*store, TRAIN).await;
    claim_one(&*store, other, TRAIN).await;
    let silent = async || store.silent(me, LEASE / 2).await.unwrap();
    assert_eq!(silent().await, None);
    store.pass(LEASE - Duration::from_secs(10)).await.unwrap();
    let found = silent().await.unwrap();
    assert_eq!(found.deliveries, 1);
    assert!(found.lease_left <= Duration::from_secs(10), "{found:?}");
    store.pass(LEASE).await.unwrap();
    assert_eq!(silent().await, None);
}

pub(crate) async fn an_owner_that_is_heard_of_is_not_reaped(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = owner(&*store).await;
    queue(&*store, TRAIN).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    for _ in 0..5 {
        store.pass(LEASE / 2).await.unwrap();
        assert_eq!(reap(&*store).await, 0);
        assert!(store.beat(me, LEASE).await.unwrap());
    }
    assert!(settle(&*store, me, &claimed, Next::Done).await);
}

pub(crate) async fn an_owner_does_not_reap_itself(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = owner(&*store).await;
    queue(&*store, TRAIN).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    store.pass(LEASE * 2).await.unwrap();
    assert_eq!(store.reap(me, &retried).await.unwrap(), 0);
    assert!(store.beat(me, LEASE).await.unwrap());
    assert!(settle(&*store, me, &claimed, Next::Done).await);
}

pub(crate) async fn a_late_one_that_nobody_reaped_goes_on(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = owner(&*store).await;
    queue(&*store, TRAIN).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    store.pass(LEASE * 2).await.unwrap();
    assert!(store.beat(me, LEASE).await.unwrap());
    assert_eq!(reap(&*store).await, 0);
    assert!(settle(&*store, me, &claimed, Next::Done).await);
}

pub(crate) async fn what_a_reaped_owner_reports_is_refused(fixture: &dyn Fixture) {
    let (store, elsewhere) = (open(fixture).await, open(fixture).await);
    let late = owner(&*store).await;
    let id = queue(&*store, TRAIN).await;
    let lost = claim_one(&*store, late, TRAIN).await;
    store.pass(LEASE * 2).await.unwrap();
    assert_eq!(reap(&*elsewhere).await, 1);
    assert!(!settle(&*store, late, &lost, Next::Done).await);
    assert_eq!(state(&*store, id).await, State::Queued);

    store.pass(LEASE).await.unwrap();
    let other = owner(&*elsewhere).await;
    let claimed = claim_one(&*elsewhere, other, TRAIN).await;
    assert!(!settle(&*store, late, &lost, Next::Done).await);
    assert!(settle(&*elsewhere, other, &claimed, Next::Done).await);
}

pub(crate) async fn what_a_retired_owner_still_had_is_lost(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = owner(&*store).await;
    queue(&*store, TRAIN).await;
    claim_one(&*store, me, TRAIN).await;
    store.retire(me).await.unwrap();
    assert!(!store.beat(me, LEASE).await.unwrap());
    assert_eq!(reap(&*store).await, 1);
    assert_eq!(reap(&*store).await, 0);
}

pub(crate) async fn a_lost_attempt_counts(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let id = queue(&*store, TRAIN).await;
    for attempt in 1..=Policy::DEFAULT.attempts {
        let me = owner(&*store).await;
        assert_eq!(claim_one(&*store, me, TRAIN).await.attempt, attempt);
        store.pass(LEASE * 2).await.unwrap();
        assert_eq!(reap(&*store).await, 1);
        store.pass(Policy::DEFAULT.longest_backoff).await.unwrap();
    }
    let shown = store.show(id).await.unwrap().unwrap();
    assert_eq!(shown.listed.state, State::Dead);
    assert_eq!(shown.failed.len(), Policy::DEFAULT.attempts as usize);
    assert_eq!(shown.listed.error.as_deref(), End::Lost.error());
}

pub(crate) async fn the_decision_about_a_lost_one_gets_its_endpoint_and_attempt(
    fixture: &dyn Fixture,
) {
    let store = open(fixture).await;
    let me = owner(&*store).await;
    let id = queue(&*store, ONE_AT_A_TIME).await;
    let claimed = claim_one(&*store, me, ONE_AT_A_TIME).await;
    settle(&*store, me, &claimed, Next::Retry { after: Duration::ZERO }).await;
    claim_one(&*store, me, ONE_AT_A_TIME).await;
    store.pass(LEASE * 2).await.unwrap();

    let asked = Mutex::new(Vec::new());
    let decide = |endpoint, attempt| {
        asked.lock().unwrap().push((endpoint, attempt));
        Next::Dead
    };
    let reaper = owner(&*store).await;
    assert_eq!(store.reap(reaper, &decide).await.unwrap(), 1);
    assert_eq!(*asked.lock().unwrap(), [(Some(ONE_AT_A_TIME), 2)]);
    assert_eq!(state(&*store, id).await, State::Dead);

    // One of an endpoint that this program doesn't have.
    let me = owner(&*store).await;
    queue(&*store, ONE_AT_A_TIME).await;
    claim_one(&*store, me, ONE_AT_A_TIME).await;
    store.pass(LEASE * 2).await.unwrap();
    store.close().await;
    drop(store);
    asked.lock().unwrap().clear();
    let store = fixture.open(known()[..1].to_vec(), NO_LIMIT.into()).await;
    let reaper = owner(&*store).await;
    assert_eq!(store.reap(reaper, &decide).await.unwrap(), 1);
    assert_eq!(*asked.lock().unwrap(), [(None, 1)]);
}

//! Tests of registration, leases and recovery.

use std::sync::Mutex;

use super::*;
use crate::jobs::delivery::RecoveryReport;

/// Recovers lost deliveries as a new replica, and returns their number.
async fn recover_lost(store: &dyn Store) -> u64 {
    let other = replica(store).await;
    store.recover_lost(other, &retried).await.unwrap().recovered
}

pub(crate) async fn a_replica_with_an_expired_lease_claims_nothing(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let late = replica(&*store).await;
    store.advance_clock(LEASE * 2).await.unwrap();
    recover_lost(&*store).await;
    queue(&*store, TRAIN).await;
    assert!(claim(&*store, late, TRAIN, 1).await.is_empty());
    assert!(!store.heartbeat(late, LEASE).await.unwrap().is_registered);
    assert!(claim(&*store, late, TRAIN, 1).await.is_empty());
}

pub(crate) async fn an_unregistered_replica_claims_nothing(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    queue(&*store, TRAIN).await;
    let nobody = Uuid::new_v4();
    assert!(claim(&*store, nobody, TRAIN, 1).await.is_empty());
    assert!(!store.heartbeat(nobody, LEASE).await.unwrap().is_registered);
}

pub(crate) async fn a_replica_with_an_expired_lease_occupies_no_slots(fixture: &dyn Fixture) {
    let (store, elsewhere) = (open(fixture).await, open(fixture).await);
    let late = replica(&*store).await;
    queue(&*store, ONE_AT_A_TIME).await;
    let lost = claim_one(&*store, late, ONE_AT_A_TIME).await;
    let next = queue(&*store, ONE_AT_A_TIME).await;
    store.advance_clock(LEASE * 2).await.unwrap();
    if !store.is_shared() {
        // Only one process has the file, and it recovers everything at its start.
        return;
    }
    let other = replica(&*elsewhere).await;
    let claimed = claim(&*elsewhere, other, ONE_AT_A_TIME, 2).await;
    assert_eq!(claimed.iter().map(|it| it.id).collect::<Vec<_>>(), [next]);
    assert!(claim(&*store, late, TRAIN, 1).await.is_empty());
    assert!(complete(&*store, late, &lost, Transition::Done).await);
}

pub(crate) async fn replicas_that_miss_heartbeats_are_reported(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    if !store.is_shared() {
        return;
    }
    let (me, other) = (replica(&*store).await, replica(&*store).await);
    queue(&*store, TRAIN).await;
    claim_one(&*store, other, TRAIN).await;
    let unresponsive = async || store.unresponsive(me, LEASE / 2).await.unwrap();
    assert_eq!(unresponsive().await, None);
    store.advance_clock(LEASE - Duration::from_secs(10)).await.unwrap();
    let found = unresponsive().await.unwrap();
    assert_eq!(found.deliveries, 1);
    assert!(found.lease_left <= Duration::from_secs(10), "{found:?}");
    store.advance_clock(LEASE).await.unwrap();
    assert_eq!(unresponsive().await, None);
}

pub(crate) async fn a_replica_that_sends_heartbeats_keeps_its_deliveries(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    queue(&*store, TRAIN).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    for _ in 0..5 {
        store.advance_clock(LEASE / 2).await.unwrap();
        assert_eq!(recover_lost(&*store).await, 0);
        assert!(store.heartbeat(me, LEASE).await.unwrap().is_registered);
    }
    assert!(complete(&*store, me, &claimed, Transition::Done).await);
}

pub(crate) async fn a_replica_does_not_recover_its_own_deliveries(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    queue(&*store, TRAIN).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    store.advance_clock(LEASE * 2).await.unwrap();
    assert_eq!(store.recover_lost(me, &retried).await.unwrap().recovered, 0);
    assert!(store.heartbeat(me, LEASE).await.unwrap().is_registered);
    assert!(complete(&*store, me, &claimed, Transition::Done).await);
}

pub(crate) async fn a_late_heartbeat_renews_a_lease_that_nobody_recovered(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    queue(&*store, TRAIN).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    store.advance_clock(LEASE * 2).await.unwrap();
    assert!(store.heartbeat(me, LEASE).await.unwrap().is_registered);
    assert_eq!(recover_lost(&*store).await, 0);
    assert!(complete(&*store, me, &claimed, Transition::Done).await);
}

pub(crate) async fn completions_of_a_replica_that_lost_its_deliveries_are_discarded(
    fixture: &dyn Fixture,
) {
    let (store, elsewhere) = (open(fixture).await, open(fixture).await);
    let late = replica(&*store).await;
    let id = queue(&*store, TRAIN).await;
    let lost = claim_one(&*store, late, TRAIN).await;
    store.advance_clock(LEASE * 2).await.unwrap();
    assert_eq!(recover_lost(&*elsewhere).await, 1);
    assert!(!complete(&*store, late, &lost, Transition::Done).await);
    assert_eq!(state(&*store, id).await, State::Queued);

    store.advance_clock(LEASE).await.unwrap();
    let other = replica(&*elsewhere).await;
    let claimed = claim_one(&*elsewhere, other, TRAIN).await;
    assert!(!complete(&*store, late, &lost, Transition::Done).await);
    assert!(complete(&*elsewhere, other, &claimed, Transition::Done).await);
}

pub(crate) async fn deliveries_of_a_deregistered_replica_are_lost(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    queue(&*store, TRAIN).await;
    claim_one(&*store, me, TRAIN).await;
    store.deregister(me).await.unwrap();
    assert!(!store.heartbeat(me, LEASE).await.unwrap().is_registered);
    assert_eq!(recover_lost(&*store).await, 1);
    assert_eq!(recover_lost(&*store).await, 0);
}

pub(crate) async fn a_lost_attempt_counts(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let id = queue(&*store, TRAIN).await;
    for attempt in 1..=Policy::DEFAULT.attempts {
        let me = replica(&*store).await;
        assert_eq!(claim_one(&*store, me, TRAIN).await.attempt, attempt);
        store.advance_clock(LEASE * 2).await.unwrap();
        assert_eq!(recover_lost(&*store).await, 1);
        store.advance_clock(Policy::DEFAULT.longest_backoff).await.unwrap();
    }
    let shown = store.show(id).await.unwrap().unwrap();
    assert_eq!(shown.summary.state, State::Dead);
    assert_eq!(shown.failed.len(), Policy::DEFAULT.attempts as usize);
    assert_eq!(shown.summary.error.as_deref(), AttemptOutcome::Lost.error());
}

pub(crate) async fn recovery_decides_by_endpoint_and_attempt(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    let id = queue(&*store, ONE_AT_A_TIME).await;
    let claimed = claim_one(&*store, me, ONE_AT_A_TIME).await;
    complete(&*store, me, &claimed, Transition::Retry { after: Duration::ZERO }).await;
    claim_one(&*store, me, ONE_AT_A_TIME).await;
    store.advance_clock(LEASE * 2).await.unwrap();

    let calls = Mutex::new(Vec::new());
    let decide = |endpoint, attempt| {
        calls.lock().unwrap().push((endpoint, attempt));
        Transition::Dead
    };
    let other = replica(&*store).await;
    let report = store.recover_lost(other, &decide).await.unwrap();
    assert_eq!(report, RecoveryReport { recovered: 1, dead: vec![id] });
    assert_eq!(*calls.lock().unwrap(), [(Some(ONE_AT_A_TIME), 2)]);
    assert_eq!(state(&*store, id).await, State::Dead);

    // A delivery of an endpoint that this program does not have.
    let me = replica(&*store).await;
    queue(&*store, ONE_AT_A_TIME).await;
    claim_one(&*store, me, ONE_AT_A_TIME).await;
    store.advance_clock(LEASE * 2).await.unwrap();
    store.close().await;
    drop(store);
    calls.lock().unwrap().clear();
    let store = fixture.open(endpoints()[..1].to_vec(), NO_LIMIT.into()).await;
    let other = replica(&*store).await;
    assert_eq!(store.recover_lost(other, &decide).await.unwrap().recovered, 1);
    assert_eq!(*calls.lock().unwrap(), [(None, 1)]);
}

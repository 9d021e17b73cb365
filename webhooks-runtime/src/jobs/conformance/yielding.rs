//! Tests of deliveries that did not succeed while a newer one of their key waits.

use super::keyed::*;
use super::*;

const MINUTE: Duration = Duration::from_secs(60);

pub(crate) async fn a_failed_delivery_yields_to_a_newer_one(fixture: &dyn Fixture) {
    let store = open_with(fixture, LATEST).await;
    let me = replica(&*store).await;
    let older = queued(&*store, push("a", 1, 2)).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    let newer = queued(&*store, push("a", 2, 3)).await;
    assert!(complete(&*store, me, &claimed, Transition::Retry { after: MINUTE }).await);
    assert_superseded(&*store, older, newer).await;
    let shown = store.show(older).await.unwrap().unwrap();
    assert_eq!((shown.summary.attempts, shown.failed.len()), (1, 1));
    assert_eq!(summary(&*store, newer).await.merged, 1);
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!((claimed.id, claimed.attempt, moved(&claimed)), (newer, 1, (1, 3)));
    assert_eq!(claimed.merged, [older]);
    assert!(complete(&*store, me, &claimed, Transition::Done).await);
    wait(&*store, 120).await;
    assert!(drain(&*store).await.is_empty());
}

pub(crate) async fn an_attempt_that_does_not_count_yields_to_a_newer_one(fixture: &dyn Fixture) {
    for next in [
        Transition::Released,
        Transition::Wait { after: MINUTE },
        Transition::Snooze { after: MINUTE },
    ] {
        let store = open_with(fixture, LATEST).await;
        let me = replica(&*store).await;
        let older = queued(&*store, push("a", 1, 2)).await;
        let claimed = claim_one(&*store, me, TRAIN).await;
        let newer = queued(&*store, push("a", 2, 3)).await;
        assert!(complete(&*store, me, &claimed, next).await);
        assert_superseded(&*store, older, newer).await;
        let claimed = claim_one(&*store, me, TRAIN).await;
        assert_eq!((claimed.id, moved(&claimed)), (newer, (1, 3)));
        assert!(complete(&*store, me, &claimed, Transition::Done).await);
        store.close().await;
    }
}

pub(crate) async fn a_lost_delivery_yields_to_a_newer_one(fixture: &dyn Fixture) {
    let store = open_with(fixture, LATEST).await;
    let late = replica(&*store).await;
    let older = queued(&*store, push("a", 1, 2)).await;
    let lost = claim_one(&*store, late, TRAIN).await;
    let newer = queued(&*store, push("a", 2, 3)).await;
    store.advance_clock(LEASE * 2).await.unwrap();
    let me = replica(&*store).await;
    assert_eq!(store.recover_lost(me, &retried).await.unwrap().recovered, 1);
    assert_superseded(&*store, older, newer).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!((claimed.id, moved(&claimed)), (newer, (1, 3)));
    assert!(!complete(&*store, late, &lost, Transition::Done).await);
    assert_superseded(&*store, older, newer).await;
}

pub(crate) async fn a_dead_delivery_does_not_yield(fixture: &dyn Fixture) {
    let store = open_with(fixture, LATEST).await;
    let me = replica(&*store).await;
    let older = queued(&*store, push("a", 1, 2)).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    let newer = queued(&*store, push("a", 2, 3)).await;
    assert!(complete(&*store, me, &claimed, Transition::Dead).await);
    assert_eq!(state(&*store, older).await, State::Dead);
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!((claimed.id, moved(&claimed)), (newer, (2, 3)));
}

pub(crate) async fn a_delivery_brings_its_group_along(fixture: &dyn Fixture) {
    let store = open_with(fixture, LATEST).await;
    let me = replica(&*store).await;
    let mut ids = Vec::new();
    for at in 1..4 {
        ids.push(queued(&*store, push("a", at, at + 1)).await);
    }
    let claimed = claim_one(&*store, me, TRAIN).await;
    for at in 4..6 {
        ids.push(queued(&*store, push("a", at, at + 1)).await);
    }
    assert!(complete(&*store, me, &claimed, Transition::Retry { after: MINUTE }).await);
    assert_superseded(&*store, ids[2], ids[4]).await;
    assert_eq!(summary(&*store, ids[4]).await.merged, 4);
    let last = queued(&*store, push("a", 6, 7)).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!((claimed.id, &claimed.merged, moved(&claimed)), (last, &ids, (1, 7)));
}

pub(crate) async fn a_delivery_does_not_yield_beyond_a_barrier(fixture: &dyn Fixture) {
    let store = open_with(fixture, LATEST).await;
    let me = replica(&*store).await;
    let older = queued(&*store, push("a", 1, 2)).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    let barrier = queued(&*store, comment("a")).await;
    let newer = queued(&*store, push("a", 2, 3)).await;
    assert!(complete(&*store, me, &claimed, Transition::Released).await);
    assert_eq!(drain(&*store).await, [older, barrier, newer]);
}

pub(crate) async fn a_done_delivery_supersedes_the_older_ones_of_its_key(fixture: &dyn Fixture) {
    let store = open_with(fixture, LATEST).await;
    let me = replica(&*store).await;
    let older = queued(&*store, push("a", 1, 2)).await;
    let other = queued(&*store, push("b", 1, 2)).await;
    for claimed in claim(&*store, me, TRAIN, 2).await {
        assert!(complete(&*store, me, &claimed, Transition::Retry { after: MINUTE }).await);
    }
    let barrier = queued(&*store, comment("a")).await;
    let newer = queued(&*store, push("a", 2, 3)).await;
    assert_eq!(drain(&*store).await, [barrier, newer]);
    assert_superseded(&*store, older, newer).await;
    assert_eq!(state(&*store, other).await, State::Queued);
    wait(&*store, 120).await;
    assert_eq!(drain(&*store).await, [other]);
}

pub(crate) async fn a_skipped_delivery_supersedes_no_older_one(fixture: &dyn Fixture) {
    let store = open_with(fixture, LATEST).await;
    let first = queued(&*store, push("a", 1, 2)).await;
    let me = replica(&*store).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    let barrier = queued(&*store, comment("a")).await;
    let newer = queued(&*store, push("a", 2, 3)).await;
    let after = Duration::from_secs(10);
    assert!(complete(&*store, me, &claimed, Transition::Retry { after }).await);
    for expected in [barrier, newer] {
        let claimed = claim_one(&*store, me, TRAIN).await;
        assert_eq!(claimed.id, expected);
        assert!(complete(&*store, me, &claimed, Transition::Skipped).await);
    }
    wait(&*store, 10).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!((claimed.id, moved(&claimed)), (first, (1, 2)));
}

pub(crate) async fn a_delivery_that_does_not_fit_is_queued_again(fixture: &dyn Fixture) {
    let limit = push("a", 1, 2).body.len() as u64;
    let limits = StoreLimits { body: limit, ..NO_LIMIT.into() };
    let store = fixture.open(vec![endpoint(LATEST)], limits).await;
    let me = replica(&*store).await;
    let large = |at| {
        let mut large = push("a", at, at + 1);
        large.key.as_mut().unwrap().merge_bytes = limit as u32;
        large
    };
    let older = queued(&*store, large(1)).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    let newer = queued(&*store, large(2)).await;
    assert!(complete(&*store, me, &claimed, Transition::Released).await);
    assert_eq!(drain(&*store).await, [older, newer]);
}

pub(crate) async fn a_stale_completion_changes_no_group(fixture: &dyn Fixture) {
    let store = open_with(fixture, LATEST).await;
    let me = replica(&*store).await;
    let older = queued(&*store, push("a", 1, 2)).await;
    let stale = claim_one(&*store, me, TRAIN).await;
    assert!(complete(&*store, me, &stale, Transition::Released).await);
    let current = claim_one(&*store, me, TRAIN).await;
    let newer = queued(&*store, push("a", 2, 3)).await;
    for next in [Transition::Done, Transition::Released, Transition::Cancelled] {
        assert!(!complete(&*store, me, &stale, next).await);
    }
    assert_eq!(state(&*store, older).await, State::Running);
    assert_eq!(summary(&*store, newer).await.merged, 0);
    assert!(claim_ids(&*store, me).await.is_empty());
    assert!(complete(&*store, me, &current, Transition::Done).await);
    assert_eq!(claim_ids(&*store, me).await, [newer]);
}

//! Tests of ended deliveries that run again.

use super::keyed::*;
use super::*;
use crate::jobs::inspect::{CancelTarget, RetryTarget};

pub(crate) async fn every_ended_delivery_can_run_again(fixture: &dyn Fixture) {
    let store = open_with(fixture, LATEST).await;
    let done = run(&*store, new(TRAIN, Some("done"), "{}"), Transition::Done).await;
    let dead = run(&*store, comment("a"), Transition::Dead).await;
    let cancelled = queued(&*store, comment("b")).await;
    store.cancel(&CancelTarget::One(cancelled)).await.unwrap();
    let superseded = queued(&*store, push("c", 1, 2)).await;
    let newer = queued(&*store, push("c", 2, 3)).await;
    for id in [done, dead, cancelled, superseded] {
        assert!(store.rerun(id).await.unwrap());
        let shown = summary(&*store, id).await;
        assert_eq!((shown.state, shown.attempts, shown.ended_at), (State::Queued, 0, None));
        assert_eq!((shown.note, shown.superseded_by), (None, None));
        // It is no longer ended.
        assert!(!store.rerun(id).await.unwrap());
    }
    assert!(!store.rerun(Uuid::now_v7()).await.unwrap());
    // Its duplicates are those of a queued one.
    store.advance_clock(Policy::DEFAULT.dedup_window * 2).await.unwrap();
    let again = new(TRAIN, Some("done"), "{}");
    assert_eq!(accept(&*store, again).await, Accepted::Duplicate(done, State::Queued));
    let mut ids = drain(&*store).await;
    ids.sort_unstable();
    let mut expected = [done, dead, cancelled, superseded, newer];
    expected.sort_unstable();
    assert_eq!(ids, expected);
}

pub(crate) async fn a_delivery_that_runs_again_carries_its_group(fixture: &dyn Fixture) {
    let store = open_with(fixture, LATEST).await;
    let older = queued(&*store, push("a", 1, 2)).await;
    let newer = queued(&*store, push("a", 2, 3)).await;
    assert_eq!(drain(&*store).await, [newer]);
    assert!(store.rerun(newer).await.unwrap());
    let me = replica(&*store).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!((claimed.id, moved(&claimed)), (newer, (1, 3)));
    assert_eq!(claimed.merged, [older]);
}

pub(crate) async fn a_superseded_delivery_that_runs_again_leaves_its_group(fixture: &dyn Fixture) {
    let store = open_with(fixture, LATEST).await;
    let mut ids = Vec::new();
    for at in 1..4 {
        ids.push(queued(&*store, push("a", at, at + 1)).await);
    }
    assert!(store.rerun(ids[1]).await.unwrap());
    assert_eq!(summary(&*store, ids[2]).await.merged, 1);
    let me = replica(&*store).await;
    let mut runs = Vec::new();
    for _ in 0..2 {
        let claimed = claim_one(&*store, me, TRAIN).await;
        assert!(complete(&*store, me, &claimed, Transition::Done).await);
        runs.push((claimed.id, claimed.merged));
    }
    runs.sort_unstable();
    assert_eq!(runs, [(ids[1], vec![]), (ids[2], vec![ids[0]])]);
}

pub(crate) async fn a_delivery_that_runs_again_is_a_barrier(fixture: &dyn Fixture) {
    let store = open_with(fixture, LATEST).await;
    let first = run(&*store, push("a", 1, 2), Transition::Done).await;
    assert!(store.rerun(first).await.unwrap());
    let second = queued(&*store, push("a", 2, 3)).await;
    assert_eq!(state(&*store, first).await, State::Queued);
    let me = replica(&*store).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!(claimed.id, first);
    assert!(complete(&*store, me, &claimed, Transition::Released).await);
    assert_eq!(drain(&*store).await, [first, second]);
}

pub(crate) async fn a_retried_delivery_carries_its_group(fixture: &dyn Fixture) {
    let store = open_with(fixture, LATEST).await;
    for which in [0, 1, 2] {
        let older = queued(&*store, push("a", 1, 2)).await;
        let same = || NewDelivery { webhook_id: Some(format!("{which}")), ..push("a", 2, 3) };
        let newer = run(&*store, same(), Transition::Dead).await;
        match which {
            0 => assert_eq!(store.retry(RetryTarget::One(newer)).await.unwrap(), 1),
            1 => assert_eq!(store.retry(RetryTarget::AllDead).await.unwrap(), 1),
            _ => assert_eq!(accept(&*store, same()).await, Accepted::Queued(newer)),
        }
        // It is a barrier.
        let last = queued(&*store, push("a", 3, 4)).await;
        let me = replica(&*store).await;
        let claimed = claim_one(&*store, me, TRAIN).await;
        assert_eq!((claimed.id, moved(&claimed)), (newer, (1, 3)));
        assert_eq!(claimed.merged, [older]);
        assert!(complete(&*store, me, &claimed, Transition::Done).await);
        assert_eq!(drain(&*store).await, [last]);
    }
}

pub(crate) async fn what_a_delivery_carries_has_duplicates_when_it_runs_again(
    fixture: &dyn Fixture,
) {
    for ends in [Transition::Done, Transition::Dead] {
        let store = open_with(fixture, LATEST).await;
        let same = || NewDelivery { webhook_id: Some("same".to_owned()), ..push("a", 1, 2) };
        let older = queued(&*store, same()).await;
        let newer = run(&*store, push("a", 2, 3), ends).await;
        // It is too late for a duplicate of the older one, until the newer one runs again.
        store.advance_clock(Policy::DEFAULT.dedup_window * 2).await.unwrap();
        store.close().await;
        drop(store);
        let store = open_with(fixture, LATEST).await;
        assert!(store.rerun(newer).await.unwrap());
        let duplicate = Accepted::Duplicate(older, State::Superseded);
        assert_eq!(accept(&*store, same()).await, duplicate, "{ends:?}");
        assert_eq!(drain(&*store).await, [newer]);
        store.advance_clock(Policy::DEFAULT.dedup_window * 2).await.unwrap();
        store.close().await;
    }
}

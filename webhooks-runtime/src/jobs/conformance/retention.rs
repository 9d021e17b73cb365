//! Tests of retention and purges.

use super::*;
use crate::jobs::inspect::Purge;
use crate::jobs::store::Retention;

const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

pub(crate) async fn done_deliveries_are_purged_after_their_retention(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let retention = Retention { done: WEEK, dead: None };
    let old = run(&*store, new(TRAIN, Some("old"), "{}"), Transition::Done).await;
    store.advance_clock(WEEK / 2).await.unwrap();
    let young = run(&*store, new(TRAIN, None, "{}"), Transition::Done).await;
    assert_eq!(store.purge_expired(retention).await.unwrap(), 0);
    store.advance_clock(WEEK / 2).await.unwrap();
    assert_eq!(store.purge_expired(retention).await.unwrap(), 1);
    assert!(store.show(old).await.unwrap().is_none());
    assert_eq!(state(&*store, young).await, State::Done);
    let again = new(TRAIN, Some("old"), "{}");
    assert_eq!(accept(&*store, again.clone()).await, Accepted::Queued(again.id));
}

pub(crate) async fn dead_deliveries_are_retained_forever_by_default(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let dead = run(&*store, new(TRAIN, None, "{}"), Transition::Dead).await;
    store.advance_clock(WEEK * 100).await.unwrap();
    assert_eq!(store.purge_expired(Retention { done: WEEK, dead: None }).await.unwrap(), 0);
    assert_eq!(state(&*store, dead).await, State::Dead);
    let retention = Retention { done: WEEK, dead: Some(WEEK * 10) };
    assert_eq!(store.purge_expired(retention).await.unwrap(), 1);
    assert!(store.show(dead).await.unwrap().is_none());
}

pub(crate) async fn dead_deliveries_are_purged_by_age(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let old = run(&*store, new(TRAIN, None, "{}"), Transition::Dead).await;
    store.advance_clock(WEEK).await.unwrap();
    let young = run(&*store, new(TRAIN, None, "{}"), Transition::Dead).await;
    let done = run(&*store, new(TRAIN, None, "{}"), Transition::Done).await;
    assert_eq!(store.purge(&dead(WEEK)).await.unwrap(), 1);
    assert!(store.show(old).await.unwrap().is_none());
    assert_eq!(state(&*store, young).await, State::Dead);
    assert_eq!(store.purge(&dead(Duration::ZERO)).await.unwrap(), 1);
    assert_eq!(state(&*store, done).await, State::Done);
}

pub(crate) async fn queued_and_running_deliveries_never_expire(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    queue(&*store, TRAIN).await;
    queue(&*store, TRAIN).await;
    claim_one(&*store, me, TRAIN).await;
    store.advance_clock(WEEK * 100).await.unwrap();
    let retention = Retention { done: Duration::ZERO, dead: Some(Duration::ZERO) };
    assert_eq!(store.purge_expired(retention).await.unwrap(), 0);
    assert_eq!(store.purge(&dead(Duration::ZERO)).await.unwrap(), 0);
    assert_eq!(store.list(&all()).await.unwrap().len(), 2);
}

pub(crate) async fn queued_deliveries_are_purged_by_endpoint(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    let running = queue(&*store, TRAIN).await;
    claim_one(&*store, me, TRAIN).await;
    for _ in 0..2 {
        accept(&*store, new(TRAIN, Some("same"), "{}")).await;
        queue(&*store, TRAIN).await;
    }
    let other = queue(&*store, ONE_AT_A_TIME).await;
    let purge = |older_than| Purge {
        state: State::Queued,
        endpoint: Some("/webhooks/train".to_owned()),
        older_than,
    };
    assert_eq!(store.purge(&purge(WEEK)).await.unwrap(), 0);
    assert_eq!(store.purge(&purge(Duration::ZERO)).await.unwrap(), 3);
    let left: Vec<Uuid> = store.list(&all()).await.unwrap().iter().map(|it| it.id).collect();
    assert_eq!(left, [other, running]);
    // A purged delivery has no duplicates.
    let again = new(TRAIN, Some("same"), "{}");
    assert_eq!(accept(&*store, again.clone()).await, Accepted::Queued(again.id));
    assert_eq!(claim_one(&*store, me, TRAIN).await.id, again.id);
}

pub(crate) async fn dead_deliveries_are_purged_by_endpoint(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    run(&*store, new(TRAIN, None, "{}"), Transition::Dead).await;
    let other = run(&*store, new(ONE_AT_A_TIME, None, "{}"), Transition::Dead).await;
    let of_train = Purge { endpoint: Some("/webhooks/train".to_owned()), ..dead(Duration::ZERO) };
    assert_eq!(store.purge(&of_train).await.unwrap(), 1);
    assert_eq!(state(&*store, other).await, State::Dead);
}

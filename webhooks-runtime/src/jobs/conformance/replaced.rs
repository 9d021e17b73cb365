//! Tests of superseded and cancelled deliveries: their duplicates, how long they are retained, and how they are listed.

use super::keyed::*;
use super::*;
use crate::jobs::inspect::{CancelTarget, Purge};
use crate::jobs::store::Retention;

const HOUR: Duration = Duration::from_secs(3600);

fn same(at: u32) -> NewDelivery {
    NewDelivery { webhook_id: Some("same".to_owned()), ..push("a", at, at + 1) }
}

pub(crate) async fn a_duplicate_of_a_superseded_delivery_is_a_duplicate_while_another_carries_it(
    fixture: &dyn Fixture,
) {
    let store = open_with(fixture, LATEST).await;
    let older = queued(&*store, same(1)).await;
    queued(&*store, push("a", 2, 3)).await;
    let duplicate = Accepted::Duplicate(older, State::Superseded);
    assert_eq!(accept(&*store, same(1)).await, duplicate);
    store.advance_clock(HOUR).await.unwrap();
    let retention = Retention { done: HOUR * 2, dead: None };
    store.purge_expired(retention).await.unwrap();
    assert_eq!(accept(&*store, same(1)).await, duplicate);
    assert_eq!(accept(&*store, NewDelivery { force: true, ..same(1) }).await, duplicate);
    store.close().await;
    drop(store);
    let store = open_with(fixture, LATEST).await;
    assert_eq!(accept(&*store, same(1)).await, duplicate);
    assert_eq!(drain(&*store).await.len(), 1);
}

pub(crate) async fn a_duplicate_of_a_superseded_delivery_after_the_window_runs(
    fixture: &dyn Fixture,
) {
    let store = open_with(fixture, LATEST).await;
    let older = queued(&*store, same(1)).await;
    queued(&*store, push("a", 2, 3)).await;
    drain(&*store).await;
    let duplicate = Accepted::Duplicate(older, State::Superseded);
    assert_eq!(accept(&*store, same(1)).await, duplicate);
    store.advance_clock(Policy::DEFAULT.dedup_window).await.unwrap();
    let again = queued(&*store, same(1)).await;
    assert_eq!(accept(&*store, same(1)).await, Accepted::Duplicate(again, State::Queued));
    assert_eq!(drain(&*store).await, [again]);
}

pub(crate) async fn superseded_deliveries_are_purged_with_the_one_that_carries_them(
    fixture: &dyn Fixture,
) {
    let store = open_with(fixture, LATEST).await;
    let retention = Retention { done: HOUR, dead: None };
    let older = queued(&*store, same(1)).await;
    let newer = queued(&*store, push("a", 2, 3)).await;
    let me = replica(&*store).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    store.advance_clock(HOUR * 2).await.unwrap();
    assert_eq!(store.purge_expired(retention).await.unwrap(), 0);
    store.register(me, LEASE).await.unwrap();
    assert!(complete(&*store, me, &claimed, Transition::Retry { after: Duration::ZERO }).await);
    assert_eq!(store.purge_expired(retention).await.unwrap(), 0);
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!(moved(&claimed), (1, 3));
    assert!(complete(&*store, me, &claimed, Transition::Done).await);
    assert_eq!(store.purge_expired(retention).await.unwrap(), 0);
    store.advance_clock(HOUR).await.unwrap();
    assert_eq!(store.purge_expired(retention).await.unwrap(), 2);
    for id in [older, newer] {
        assert!(store.show(id).await.unwrap().is_none());
    }
    queued(&*store, same(1)).await;
}

pub(crate) async fn cancelled_deliveries_expire_like_done_ones(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let id = queue(&*store, TRAIN).await;
    store.cancel(&CancelTarget::One(id)).await.unwrap();
    let retention = Retention { done: HOUR, dead: None };
    store.advance_clock(HOUR / 2).await.unwrap();
    assert_eq!(store.purge_expired(retention).await.unwrap(), 0);
    store.advance_clock(HOUR / 2).await.unwrap();
    assert_eq!(store.purge_expired(retention).await.unwrap(), 1);
    assert!(store.show(id).await.unwrap().is_none());
}

pub(crate) async fn purging_a_queued_delivery_purges_what_it_carries(fixture: &dyn Fixture) {
    let store = fixture.open(vec![endpoint(LATEST)], 2.into()).await;
    queued(&*store, same(1)).await;
    queued(&*store, push("a", 2, 3)).await;
    let purge = Purge { state: State::Queued, endpoint: None, older_than: Duration::ZERO };
    assert_eq!(store.purge(&purge).await.unwrap(), 2);
    assert!(store.list(&all()).await.unwrap().is_empty());
    queued(&*store, same(1)).await;
    queued(&*store, comment("a")).await;
    assert_eq!(accept(&*store, comment("a")).await, Accepted::BacklogFull);
}

pub(crate) async fn a_large_group_is_purged(fixture: &dyn Fixture) {
    let store = open_with(fixture, LATEST).await;
    for batch in 0..3 {
        let batch = (0..1000).map(|at| push("a", batch * 1000 + at, batch * 1000 + at + 1));
        store.accept(batch.collect()).await.unwrap();
    }
    queued(&*store, comment("a")).await;
    assert_eq!(drain(&*store).await.len(), 2);
    store.advance_clock(HOUR).await.unwrap();
    let retention = Retention { done: HOUR, dead: None };
    assert_eq!(store.purge_expired(retention).await.unwrap(), 3001);
    assert!(store.list(&all()).await.unwrap().is_empty());
}

pub(crate) async fn lists_show_keys_and_groups(fixture: &dyn Fixture) {
    let store = open_with(fixture, LATEST).await;
    let older = queued(&*store, push("a", 1, 2)).await;
    let newer = queued(&*store, push("a", 2, 3)).await;
    let cancelled = queued(&*store, comment("b")).await;
    store.cancel(&CancelTarget::One(cancelled)).await.unwrap();
    let without_key = queue(&*store, TRAIN).await;
    let list = async |state| {
        let filter = DeliveryFilter { state, ..all() };
        let listed = store.list(&filter).await.unwrap();
        listed.into_iter().map(|it| (it.id, it.key, it.merged)).collect::<Vec<_>>()
    };
    let (a, b) = (Some("a".to_owned()), Some("b".to_owned()));
    let expected = [
        (without_key, None, 0),
        (cancelled, b.clone(), 0),
        (newer, a.clone(), 1),
        (older, a.clone(), 0),
    ];
    assert_eq!(list(None).await, expected);
    assert_eq!(list(Some(State::Queued)).await, [(without_key, None, 0), (newer, a.clone(), 1)]);
    assert_eq!(list(Some(State::Superseded)).await, [(older, a, 0)]);
    assert_eq!(list(Some(State::Cancelled)).await, [(cancelled, b, 0)]);
    assert_superseded(&*store, older, newer).await;
}

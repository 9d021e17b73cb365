//! Tests of accepting deliveries: durability, deduplication and limits.

use super::*;
use crate::jobs::store::{Retention, StoreLimits};

pub(crate) async fn accepted_deliveries_survive_reopening(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let id = queue(&*store, TRAIN).await;
    store.close().await;
    drop(store);

    let store = open(fixture).await;
    assert_eq!(state(&*store, id).await, State::Queued);
    let me = replica(&*store).await;
    assert_eq!(claim_one(&*store, me, TRAIN).await.id, id);
}

pub(crate) async fn results_are_in_the_order_of_the_batch(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let stored = new(TRAIN, Some("stored"), "{}");
    store.accept(vec![stored.clone()]).await.unwrap();
    let batch =
        [new(TRAIN, Some("a"), "{}"), new(TRAIN, Some("stored"), "{}"), new(TRAIN, None, "{}")];
    let accepted = store.accept(batch.to_vec()).await.unwrap();
    let expected = [
        Accepted::Queued(batch[0].id),
        Accepted::Duplicate(stored.id, State::Queued),
        Accepted::Queued(batch[2].id),
    ];
    assert_eq!(accepted, expected);
    assert_eq!(store.list(&all()).await.unwrap().len(), 3);
    assert!(store.accept(Vec::new()).await.unwrap().is_empty());
}

pub(crate) async fn deliveries_without_an_id_are_never_duplicates(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let batch = [new(TRAIN, None, "{}"), new(TRAIN, None, "{}")];
    for accepted in store.accept(batch.to_vec()).await.unwrap() {
        assert!(matches!(accepted, Accepted::Queued(_)));
    }
    queue(&*store, TRAIN).await;
    assert_eq!(store.list(&all()).await.unwrap().len(), 3);
}

pub(crate) async fn a_queued_running_or_recently_done_delivery_has_duplicates(
    fixture: &dyn Fixture,
) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    let again = || new(TRAIN, Some("same"), "{}");
    let Accepted::Queued(id) = accept(&*store, again()).await else { panic!("it is new") };

    assert_eq!(accept(&*store, again()).await, Accepted::Duplicate(id, State::Queued));
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!(accept(&*store, again()).await, Accepted::Duplicate(id, State::Running));
    complete(&*store, me, &claimed, Transition::Done).await;
    assert_eq!(accept(&*store, again()).await, Accepted::Duplicate(id, State::Done));
    assert!(claim(&*store, me, TRAIN, 1).await.is_empty());

    // Even after the window, while it is not done.
    let Accepted::Queued(slow) = accept(&*store, new(TRAIN, Some("slow"), "{}")).await else {
        panic!("it is new")
    };
    store.advance_clock(Duration::from_secs(3600)).await.unwrap();
    let again = new(TRAIN, Some("slow"), "{}");
    assert_eq!(accept(&*store, again).await, Accepted::Duplicate(slow, State::Queued));
}

pub(crate) async fn duplicates_in_one_batch_are_one_delivery(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let batch = [new(TRAIN, Some("same"), "{}"), new(TRAIN, Some("same"), "{}")];
    let accepted = store.accept(batch.to_vec()).await.unwrap();
    let first = batch[0].id;
    assert_eq!(accepted, [Accepted::Queued(first), Accepted::Duplicate(first, State::Queued)]);
    assert_eq!(store.list(&all()).await.unwrap().len(), 1);
}

pub(crate) async fn the_same_id_at_another_endpoint_is_not_a_duplicate(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let batch = [new(TRAIN, Some("same"), "{}"), new(ONE_AT_A_TIME, Some("same"), "{}")];
    let accepted = store.accept(batch.to_vec()).await.unwrap();
    assert_eq!(accepted, [Accepted::Queued(batch[0].id), Accepted::Queued(batch[1].id)]);
}

pub(crate) async fn after_the_deduplication_window_the_same_id_runs_again(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let first = run(&*store, new(TRAIN, Some("same"), "{}"), Transition::Done).await;
    let window = Policy::DEFAULT.dedup_window;
    store.advance_clock(window / 2).await.unwrap();
    let again = new(TRAIN, Some("same"), "{}");
    assert_eq!(accept(&*store, again).await, Accepted::Duplicate(first, State::Done));

    store.advance_clock(window / 2).await.unwrap();
    let again = new(TRAIN, Some("same"), "{}");
    assert_eq!(accept(&*store, again.clone()).await, Accepted::Queued(again.id));
    // A further duplicate is one of the new delivery.
    let third = new(TRAIN, Some("same"), "{}");
    assert_eq!(accept(&*store, third).await, Accepted::Duplicate(again.id, State::Queued));
    assert_eq!(state(&*store, first).await, State::Done);
    let me = replica(&*store).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!((claimed.id, claimed.attempt), (again.id, 1));
}

pub(crate) async fn a_forced_delivery_runs_again_within_the_deduplication_window(
    fixture: &dyn Fixture,
) {
    let store = open(fixture).await;
    run(&*store, new(TRAIN, Some("same"), "{}"), Transition::Done).await;
    let again = NewDelivery { force: true, ..new(TRAIN, Some("same"), "{}") };
    assert_eq!(accept(&*store, again.clone()).await, Accepted::Queued(again.id));
    // But not while it is queued.
    let third = NewDelivery { force: true, ..new(TRAIN, Some("same"), "{}") };
    assert_eq!(accept(&*store, third).await, Accepted::Duplicate(again.id, State::Queued));
}

pub(crate) async fn a_duplicate_revives_a_dead_delivery_with_the_new_body(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let dead = run(&*store, new(TRAIN, Some("same"), "first"), Transition::Dead).await;
    let mut again = new(TRAIN, Some("same"), "second");
    again.received_at = SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000);
    assert_eq!(accept(&*store, again.clone()).await, Accepted::Queued(dead));
    let shown = summary(&*store, dead).await;
    assert_eq!((shown.state, shown.attempts, shown.ended_at), (State::Queued, 0, None));
    assert_eq!(shown.received_at, again.received_at);

    let me = replica(&*store).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!((claimed.id, claimed.attempt), (dead, 1));
    assert_eq!(claimed.body, "second");
    assert!(claimed.fencing_token > 1);
    assert_eq!(store.list(&all()).await.unwrap().len(), 1);

    // Two duplicates in one batch revive it once.
    complete(&*store, me, &claimed, Transition::Dead).await;
    let batch = [new(TRAIN, Some("same"), "third"), new(TRAIN, Some("same"), "fourth")];
    let accepted = store.accept(batch.to_vec()).await.unwrap();
    assert_eq!(accepted, [Accepted::Queued(dead), Accepted::Duplicate(dead, State::Queued)]);
}

pub(crate) async fn two_replicas_that_receive_the_same_id_accept_it_once(fixture: &dyn Fixture) {
    let (one, other) = (open(fixture).await, open(fixture).await);
    for round in 0..20 {
        // In opposite orders, so that they conflict.
        let ids = ["a", "b", "c"].map(|name| format!("{name} {round}"));
        let batch = |ids: &mut dyn Iterator<Item = &String>| {
            ids.map(|id| new(TRAIN, Some(id), "{}")).collect::<Vec<_>>()
        };
        let (first, second) = (batch(&mut ids.iter()), batch(&mut ids.iter().rev()));
        let (a, b) = tokio::join!(one.accept(first), other.accept(second));
        let (a, mut b) = (a.unwrap(), b.unwrap());
        b.reverse();
        for pair in a.into_iter().zip(b) {
            match pair {
                (Accepted::Queued(queued), Accepted::Duplicate(duplicate, State::Queued))
                | (Accepted::Duplicate(duplicate, State::Queued), Accepted::Queued(queued)) => {
                    assert_eq!(queued, duplicate);
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(one.list(&all()).await.unwrap().len(), 60);
}

pub(crate) async fn above_the_limit_of_deliveries_nothing_is_accepted(fixture: &dyn Fixture) {
    let store = fixture.open(endpoints(), 3.into()).await;
    let first = new(TRAIN, Some("first"), "{}");
    accept(&*store, first.clone()).await;
    for _ in 0..2 {
        queue(&*store, TRAIN).await;
    }
    assert_eq!(accept(&*store, new(TRAIN, None, "{}")).await, Accepted::BacklogFull);
    assert_eq!(accept(&*store, new(TRAIN, Some("new"), "{}")).await, Accepted::BacklogFull);
    // A duplicate needs no room.
    let again = new(TRAIN, Some("first"), "{}");
    assert_eq!(accept(&*store, again).await, Accepted::Duplicate(first.id, State::Queued));
    assert_eq!(store.list(&all()).await.unwrap().len(), 3);

    // A running delivery counts, a done one does not.
    let me = replica(&*store).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!(accept(&*store, new(TRAIN, None, "{}")).await, Accepted::BacklogFull);
    complete(&*store, me, &claimed, Transition::Done).await;
    queue(&*store, TRAIN).await;
    assert_eq!(accept(&*store, new(TRAIN, None, "{}")).await, Accepted::BacklogFull);

    // A dead one does not count, and a duplicate does not revive it while the backlog is full.
    let claimed = claim_one(&*store, me, TRAIN).await;
    complete(&*store, me, &claimed, Transition::Done).await;
    let dead = new(TRAIN, Some("dead"), "{}");
    assert_eq!(accept(&*store, dead.clone()).await, Accepted::Queued(dead.id));
    let mut claimed = claim(&*store, me, TRAIN, 3).await;
    claimed.retain(|claimed| claimed.id == dead.id);
    complete(&*store, me, &claimed[0], Transition::Dead).await;
    queue(&*store, TRAIN).await;
    assert_eq!(accept(&*store, new(TRAIN, Some("dead"), "{}")).await, Accepted::BacklogFull);
    assert_eq!(state(&*store, dead.id).await, State::Dead);
}

pub(crate) async fn above_the_limit_of_bytes_nothing_is_accepted_until_deliveries_are_purged(
    fixture: &dyn Fixture,
) {
    const LIMIT: u64 = 1 << 20;
    let store = fixture.open(endpoints(), StoreLimits { bytes: LIMIT, ..NO_LIMIT.into() }).await;
    let large = |id| NewDelivery { body: vec![b'x'; 100_000].into(), ..new(TRAIN, id, "") };
    // One by one and in a batch.
    let mut accepted = store.accept(vec![large(Some("first"))]).await.unwrap();
    accepted.extend(store.accept((0..20).map(|_| large(None)).collect()).await.unwrap());
    let queued = accepted.iter().filter(|it| matches!(it, Accepted::Queued(_))).count();
    assert!((8..=11).contains(&queued), "{accepted:?}");
    assert_eq!(accepted.last(), Some(&Accepted::StoreFull));
    // A duplicate needs no room.
    let again = accept(&*store, large(Some("first"))).await;
    assert!(matches!(again, Accepted::Duplicate(_, State::Queued)), "{again:?}");

    // Done and dead deliveries occupy space until they are purged.
    let me = replica(&*store).await;
    let claimed = claim(&*store, me, TRAIN, 16).await;
    assert_eq!(claimed.len(), queued);
    for (at, claimed) in claimed.iter().enumerate() {
        let next = if at % 2 == 0 { Transition::Done } else { Transition::Dead };
        assert!(complete(&*store, me, claimed, next).await);
    }
    assert_eq!(accept(&*store, new(TRAIN, None, "{}")).await, Accepted::StoreFull);
    let later = Duration::from_secs(3600);
    store.purge_expired(Retention { done: later, dead: Some(later) }).await.unwrap();
    assert_eq!(accept(&*store, new(TRAIN, None, "{}")).await, Accepted::StoreFull);
    store.advance_clock(later * 2).await.unwrap();
    let purged = store.purge_expired(Retention { done: later, dead: Some(later) }).await.unwrap();
    assert_eq!(purged, queued as u64);
    queue(&*store, TRAIN).await;
}

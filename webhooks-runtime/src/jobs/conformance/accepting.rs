//! What becomes of a delivery that arrives.

use super::*;
use crate::jobs::store::{Retention, StoreLimits};

pub(crate) async fn what_was_accepted_is_there_after_reopening(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let id = queue(&*store, TRAIN).await;
    store.close().await;
    drop(store);

    let store = open(fixture).await;
    assert_eq!(state(&*store, id).await, State::Queued);
    let me = owner(&*store).await;
    assert_eq!(claim_one(&*store, me, TRAIN).await.id, id);
}

pub(crate) async fn a_batch_is_answered_in_its_order(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let known = new(TRAIN, Some("known"), "{}");
    store.accept(vec![known.clone()]).await.unwrap();
    let batch =
        [new(TRAIN, Some("a"), "{}"), new(TRAIN, Some("known"), "{}"), new(TRAIN, None, "{}")];
    let accepted = store.accept(batch.to_vec()).await.unwrap();
    let expected = [
        Accepted::Queued(batch[0].id),
        Accepted::Known(known.id, State::Queued),
        Accepted::Queued(batch[2].id),
    ];
    assert_eq!(accepted, expected);
    assert_eq!(store.list(&all()).await.unwrap().len(), 3);
    assert!(store.accept(Vec::new()).await.unwrap().is_empty());
}

pub(crate) async fn without_an_id_nothing_is_dropped(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let batch = [new(TRAIN, None, "{}"), new(TRAIN, None, "{}")];
    for accepted in store.accept(batch.to_vec()).await.unwrap() {
        assert!(matches!(accepted, Accepted::Queued(_)));
    }
    queue(&*store, TRAIN).await;
    assert_eq!(store.list(&all()).await.unwrap().len(), 3);
}

pub(crate) async fn a_retry_of_a_queued_or_running_or_just_done_delivery_is_known(
    fixture: &dyn Fixture,
) {
    let store = open(fixture).await;
    let me = owner(&*store).await;
    let again = || new(TRAIN, Some("same"), "{}");
    let Accepted::Queued(id) = accept(&*store, again()).await else { panic!("it is new") };

    assert_eq!(accept(&*store, again()).await, Accepted::Known(id, State::Queued));
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!(accept(&*store, again()).await, Accepted::Known(id, State::Running));
    settle(&*store, me, &claimed, Next::Done).await;
    assert_eq!(accept(&*store, again()).await, Accepted::Known(id, State::Done));
    assert!(claim(&*store, me, TRAIN, 1).await.is_empty());

    // Even one that is not done after the window.
    let Accepted::Queued(slow) = accept(&*store, new(TRAIN, Some("slow"), "{}")).await else {
        panic!("it is new")
    };
    store.pass(Duration::from_secs(3600)).await.unwrap();
    let again = new(TRAIN, Some("slow"), "{}");
    assert_eq!(accept(&*store, again).await, Accepted::Known(slow, State::Queued));
}

pub(crate) async fn the_same_id_twice_in_one_batch_is_one_delivery(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let batch = [new(TRAIN, Some("same"), "{}"), new(TRAIN, Some("same"), "{}")];
    let accepted = store.accept(batch.to_vec()).await.unwrap();
    let first = batch[0].id;
    assert_eq!(accepted, [Accepted::Queued(first), Accepted::Known(first, State::Queued)]);
    assert_eq!(store.list(&all()).await.unwrap().len(), 1);
}

pub(crate) async fn the_same_id_of_another_endpoint_is_another_delivery(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let batch = [new(TRAIN, Some("same"), "{}"), new(ONE_AT_A_TIME, Some("same"), "{}")];
    let accepted = store.accept(batch.to_vec()).await.unwrap();
    assert_eq!(accepted, [Accepted::Queued(batch[0].id), Accepted::Queued(batch[1].id)]);
}

pub(crate) async fn after_the_window_the_same_id_runs_again(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let first = run(&*store, new(TRAIN, Some("same"), "{}"), Next::Done).await;
    let window = Policy::DEFAULT.dedup_window;
    store.pass(window / 2).await.unwrap();
    let again = new(TRAIN, Some("same"), "{}");
    assert_eq!(accept(&*store, again).await, Accepted::Known(first, State::Done));

    store.pass(window / 2).await.unwrap();
    let again = new(TRAIN, Some("same"), "{}");
    assert_eq!(accept(&*store, again.clone()).await, Accepted::Queued(again.id));
    // Now it is the one that is meant.
    let third = new(TRAIN, Some("same"), "{}");
    assert_eq!(accept(&*store, third).await, Accepted::Known(again.id, State::Queued));
    assert_eq!(state(&*store, first).await, State::Done);
    let me = owner(&*store).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!((claimed.id, claimed.attempt), (again.id, 1));
}

pub(crate) async fn who_insists_has_what_was_just_done_run_again(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    run(&*store, new(TRAIN, Some("same"), "{}"), Next::Done).await;
    let again = New { insists: true, ..new(TRAIN, Some("same"), "{}") };
    assert_eq!(accept(&*store, again.clone()).await, Accepted::Queued(again.id));
    // But not twice at the same time.
    let third = New { insists: true, ..new(TRAIN, Some("same"), "{}") };
    assert_eq!(accept(&*store, third).await, Accepted::Known(again.id, State::Queued));
}

pub(crate) async fn a_dead_one_is_revived_with_the_new_body(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let dead = run(&*store, new(TRAIN, Some("same"), "first"), Next::Dead).await;
    let mut again = new(TRAIN, Some("same"), "second");
    again.received_at = SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000);
    assert_eq!(accept(&*store, again.clone()).await, Accepted::Queued(dead));
    let shown = listed(&*store, dead).await;
    assert_eq!((shown.state, shown.attempts, shown.ended_at), (State::Queued, 0, None));
    assert_eq!(shown.received_at, again.received_at);

    let me = owner(&*store).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!((claimed.id, claimed.attempt), (dead, 1));
    assert_eq!(claimed.body, "second");
    assert!(claimed.fence > 1);
    assert_eq!(store.list(&all()).await.unwrap().len(), 1);

    // Twice in one batch it is revived once.
    settle(&*store, me, &claimed, Next::Dead).await;
    let batch = [new(TRAIN, Some("same"), "third"), new(TRAIN, Some("same"), "fourth")];
    let accepted = store.accept(batch.to_vec()).await.unwrap();
    assert_eq!(accepted, [Accepted::Queued(dead), Accepted::Known(dead, State::Queued)]);
}

pub(crate) async fn two_replicas_that_are_sent_the_same_id_accept_it_once(fixture: &dyn Fixture) {
    let (one, other) = (open(fixture).await, open(fixture).await);
    for round in 0..20 {
        // In another order each, so that they are in each other's way.
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
                (Accepted::Queued(queued), Accepted::Known(known, State::Queued))
                | (Accepted::Known(known, State::Queued), Accepted::Queued(queued)) => {
                    assert_eq!(queued, known);
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(one.list(&all()).await.unwrap().len(), 60);
}

pub(crate) async fn above_the_limit_it_is_full_and_nothing_is_kept(fixture: &dyn Fixture) {
    let store = fixture.open(known(), 3.into()).await;
    let first = new(TRAIN, Some("first"), "{}");
    accept(&*store, first.clone()).await;
    for _ in 0..2 {
        queue(&*store, TRAIN).await;
    }
    assert_eq!(accept(&*store, new(TRAIN, None, "{}")).await, Accepted::BacklogFull);
    assert_eq!(accept(&*store, new(TRAIN, Some("new"), "{}")).await, Accepted::BacklogFull);
    // What is there needs no room.
    let again = new(TRAIN, Some("first"), "{}");
    assert_eq!(accept(&*store, again).await, Accepted::Known(first.id, State::Queued));
    assert_eq!(store.list(&all()).await.unwrap().len(), 3);

    // One that runs counts, one that is done doesn't.
    let me = owner(&*store).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!(accept(&*store, new(TRAIN, None, "{}")).await, Accepted::BacklogFull);
    settle(&*store, me, &claimed, Next::Done).await;
    queue(&*store, TRAIN).await;
    assert_eq!(accept(&*store, new(TRAIN, None, "{}")).await, Accepted::BacklogFull);

    // One that is dead doesn't either, and is not revived by what comes when there is no room.
    let claimed = claim_one(&*store, me, TRAIN).await;
    settle(&*store, me, &claimed, Next::Done).await;
    let dead = new(TRAIN, Some("dead"), "{}");
    assert_eq!(accept(&*store, dead.clone()).await, Accepted::Queued(dead.id));
    let mut claimed = claim(&*store, me, TRAIN, 3).await;
    claimed.retain(|claimed| claimed.id == dead.id);
    settle(&*store, me, &claimed[0], Next::Dead).await;
    queue(&*store, TRAIN).await;
    assert_eq!(accept(&*store, new(TRAIN, Some("dead"), "{}")).await, Accepted::BacklogFull);
    assert_eq!(state(&*store, dead.id).await, State::Dead);
}

pub(crate) async fn above_the_limit_of_bytes_it_is_full_until_some_are_deleted(
    fixture: &dyn Fixture,
) {
    const LIMIT: u64 = 1 << 20;
    let store = fixture.open(known(), StoreLimits { deliveries: NO_LIMIT, bytes: LIMIT }).await;
    let large = |id| New { body: vec![b'x'; 100_000].into(), ..new(TRAIN, id, "") };
    // One by one and together.
    let mut accepted = store.accept(vec![large(Some("first"))]).await.unwrap();
    accepted.extend(store.accept((0..20).map(|_| large(None)).collect()).await.unwrap());
    let queued = accepted.iter().filter(|it| matches!(it, Accepted::Queued(_))).count();
    assert!((8..=11).contains(&queued), "{accepted:?}");
    assert_eq!(accepted.last(), Some(&Accepted::StoreFull));
    // What is there needs no room.
    let again = accept(&*store, large(Some("first"))).await;
    assert!(matches!(again, Accepted::Known(_, State::Queued)), "{again:?}");

    // Done ones and dead ones take as much, until they are deleted.
    let me = owner(&*store).await;
    let claimed = claim(&*store, me, TRAIN, 16).await;
    assert_eq!(claimed.len(), queued);
    for (at, claimed) in claimed.iter().enumerate() {
        let next = if at % 2 == 0 { Next::Done } else { Next::Dead };
        assert!(settle(&*store, me, claimed, next).await);
    }
    assert_eq!(accept(&*store, new(TRAIN, None, "{}")).await, Accepted::StoreFull);
    let later = Duration::from_secs(3600);
    store.sweep(Retention { done: later, dead: Some(later) }).await.unwrap();
    assert_eq!(accept(&*store, new(TRAIN, None, "{}")).await, Accepted::StoreFull);
    store.pass(later * 2).await.unwrap();
    let swept = store.sweep(Retention { done: later, dead: Some(later) }).await.unwrap();
    assert_eq!(swept, queued as u64);
    queue(&*store, TRAIN).await;
}

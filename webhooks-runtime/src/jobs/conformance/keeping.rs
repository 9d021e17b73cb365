//! How long deliveries are kept, and what people see of them.

use super::*;
use crate::jobs::store::{Purge, Retention, Which};

const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

pub(crate) async fn done_ones_are_swept_when_they_were_kept_long_enough(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let retention = Retention { done: WEEK, dead: None };
    let old = run(&*store, new(TRAIN, Some("old"), "{}"), Next::Done).await;
    store.pass(WEEK / 2).await.unwrap();
    let young = run(&*store, new(TRAIN, None, "{}"), Next::Done).await;
    assert_eq!(store.sweep(retention).await.unwrap(), 0);
    store.pass(WEEK / 2).await.unwrap();
    assert_eq!(store.sweep(retention).await.unwrap(), 1);
    assert!(store.show(old).await.unwrap().is_none());
    assert_eq!(state(&*store, young).await, State::Done);
    let again = new(TRAIN, Some("old"), "{}");
    assert_eq!(accept(&*store, again.clone()).await, Accepted::Queued(again.id));
}

pub(crate) async fn dead_ones_are_kept_for_ever_unless_told_otherwise(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let dead = run(&*store, new(TRAIN, None, "{}"), Next::Dead).await;
    store.pass(WEEK * 100).await.unwrap();
    assert_eq!(store.sweep(Retention { done: WEEK, dead: None }).await.unwrap(), 0);
    assert_eq!(state(&*store, dead).await, State::Dead);
    let retention = Retention { done: WEEK, dead: Some(WEEK * 10) };
    assert_eq!(store.sweep(retention).await.unwrap(), 1);
    assert!(store.show(dead).await.unwrap().is_none());
}

pub(crate) async fn dead_ones_are_purged_by_their_age(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let old = run(&*store, new(TRAIN, None, "{}"), Next::Dead).await;
    store.pass(WEEK).await.unwrap();
    let young = run(&*store, new(TRAIN, None, "{}"), Next::Dead).await;
    let done = run(&*store, new(TRAIN, None, "{}"), Next::Done).await;
    assert_eq!(store.purge(&dead(WEEK)).await.unwrap(), 1);
    assert!(store.show(old).await.unwrap().is_none());
    assert_eq!(state(&*store, young).await, State::Dead);
    assert_eq!(store.purge(&dead(Duration::ZERO)).await.unwrap(), 1);
    assert_eq!(state(&*store, done).await, State::Done);
}

pub(crate) async fn what_is_queued_or_running_is_never_swept(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = owner(&*store).await;
    queue(&*store, TRAIN).await;
    queue(&*store, TRAIN).await;
    claim_one(&*store, me, TRAIN).await;
    store.pass(WEEK * 100).await.unwrap();
    let retention = Retention { done: Duration::ZERO, dead: Some(Duration::ZERO) };
    assert_eq!(store.sweep(retention).await.unwrap(), 0);
    assert_eq!(store.purge(&dead(Duration::ZERO)).await.unwrap(), 0);
    assert_eq!(store.list(&all()).await.unwrap().len(), 2);
}

pub(crate) async fn the_oldest_due_is_the_one_that_waits_longest(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = owner(&*store).await;
    assert_eq!(store.oldest_due().await.unwrap(), None);
    queue(&*store, TRAIN).await;
    store.pass(Duration::from_secs(100)).await.unwrap();
    queue(&*store, ONE_AT_A_TIME).await;
    let waits = store.oldest_due().await.unwrap().unwrap();
    assert!(waits >= Duration::from_secs(100) && waits < Duration::from_secs(110), "{waits:?}");

    // One that runs or waits for its time isn't due.
    store.enlist(me, LEASE).await.unwrap();
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert!(store.oldest_due().await.unwrap().unwrap() < Duration::from_secs(10));
    settle(&*store, me, &claimed, Next::Retry { after: WEEK }).await;
    claim_one(&*store, me, ONE_AT_A_TIME).await;
    assert_eq!(store.oldest_due().await.unwrap(), None);
}

pub(crate) async fn a_delivery_of_a_removed_endpoint_is_never_the_oldest_due(
    fixture: &dyn Fixture,
) {
    let store = open(fixture).await;
    queue(&*store, TRAIN).await;
    assert!(store.oldest_due().await.unwrap().is_some());
    store.close().await;
    drop(store);
    let store = fixture.open(known().split_off(1), NO_LIMIT.into()).await;
    assert_eq!(store.oldest_due().await.unwrap(), None);
}

pub(crate) async fn endpoints_that_nobody_knows_any_more_are_told(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    queue(&*store, TRAIN).await;
    queue(&*store, ONE_AT_A_TIME).await;
    assert!(store.strangers().await.unwrap().is_empty());
    store.close().await;
    drop(store);
    let store = fixture.open(known().split_off(1), NO_LIMIT.into()).await;
    assert_eq!(store.strangers().await.unwrap(), ["/webhooks/train"]);
}

pub(crate) async fn the_newest_are_listed_first(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let sent = new(TRAIN, Some("an id"), "{}");
    accept(&*store, sent.clone()).await;
    let second = queue(&*store, ONE_AT_A_TIME).await;
    let third = queue(&*store, TRAIN).await;
    let listed = store.list(&all()).await.unwrap();
    let order: Vec<Uuid> = listed.iter().map(|it| it.id).collect();
    assert_eq!(order, [third, second, sent.id]);
    let first = &listed[2];
    assert_eq!(first.endpoint, "/webhooks/train");
    assert_eq!(first.webhook_id.as_deref(), Some("an id"));
    assert_eq!((first.state, first.attempts), (State::Queued, 0));
    assert!(first.run_at.is_some() && first.started_at.is_none() && first.ended_at.is_none());

    let two = store.list(&Filter { limit: 2, ..Filter::default() }).await.unwrap();
    assert_eq!(two, listed[..2]);
}

pub(crate) async fn a_list_can_be_of_one_state_or_endpoint(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let done = run(&*store, new(TRAIN, None, "{}"), Next::Done).await;
    let dead = run(&*store, new(ONE_AT_A_TIME, None, "{}"), Next::Dead).await;
    let queued = queue(&*store, ONE_AT_A_TIME).await;
    let list = async |state: Option<State>, endpoint: Option<&str>| {
        let filter = Filter { state, endpoint: endpoint.map(str::to_owned), limit: 10 };
        let listed = store.list(&filter).await.unwrap();
        listed.into_iter().map(|it| it.id).collect::<Vec<_>>()
    };
    assert_eq!(list(Some(State::Done), None).await, [done]);
    assert_eq!(list(None, Some("/webhooks/one_at_a_time")).await, [queued, dead]);
    assert_eq!(list(Some(State::Dead), Some("/webhooks/one_at_a_time")).await, [dead]);
    assert!(list(Some(State::Dead), Some("/webhooks/train")).await.is_empty());
    assert!(list(None, Some("/webhooks/unknown")).await.is_empty());
}

pub(crate) async fn what_is_shown_has_the_failed_attempts_and_the_body(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = owner(&*store).await;
    let sent = new(TRAIN, None, r#"{"a":1}"#);
    accept(&*store, sent.clone()).await;
    let first = claim_one(&*store, me, TRAIN).await;
    settle(&*store, me, &first, Next::Retry { after: Duration::ZERO }).await;
    let second = claim_one(&*store, me, TRAIN).await;
    settle(&*store, me, &second, Next::Dead).await;

    let shown = store.show(sent.id).await.unwrap().unwrap();
    assert_eq!(shown.body, sent.body);
    assert_eq!((shown.listed.state, shown.listed.attempts), (State::Dead, 2));
    assert_eq!(shown.listed.error.as_deref(), Some("attempt 2 failed"));
    assert!(shown.listed.ended_at.is_some());
    let failed: Vec<_> = shown.failed.iter().map(|it| (it.attempt, it.error.as_str())).collect();
    assert_eq!(failed, [(1, "attempt 1 failed"), (2, "attempt 2 failed")]);
    assert!(shown.failed.iter().all(|it| it.started_at <= it.ended_at));
    assert!(store.show(Uuid::now_v7()).await.unwrap().is_none());
}

pub(crate) async fn a_dead_one_is_run_again_with_all_attempts_before_it(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let dead = run(&*store, new(TRAIN, None, "{}"), Next::Dead).await;
    let other = run(&*store, new(TRAIN, None, "{}"), Next::Dead).await;
    assert_eq!(store.retry(Which::One(dead)).await.unwrap(), 1);
    assert_eq!(store.retry(Which::One(dead)).await.unwrap(), 0);
    assert_eq!(store.retry(Which::One(Uuid::now_v7())).await.unwrap(), 0);
    let me = owner(&*store).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!((claimed.id, claimed.attempt), (dead, 1));
    assert_eq!(state(&*store, other).await, State::Dead);
}

pub(crate) async fn all_dead_ones_are_run_again(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    for _ in 0..3 {
        run(&*store, new(TRAIN, None, "{}"), Next::Dead).await;
    }
    run(&*store, new(TRAIN, None, "{}"), Next::Done).await;
    assert_eq!(store.retry(Which::AllDead).await.unwrap(), 3);
    assert_eq!(store.retry(Which::AllDead).await.unwrap(), 0);
    let me = owner(&*store).await;
    assert_eq!(claim(&*store, me, TRAIN, 10).await.len(), 3);
}

pub(crate) async fn more_dead_ones_than_one_step_takes_are_run_again_and_deleted(
    fixture: &dyn Fixture,
) {
    let policy = Policy::DEFAULT.concurrency(5000);
    let store =
        fixture.open(vec![Known { path: "/webhooks/train".to_owned(), policy }], 5000.into()).await;
    let me = owner(&*store).await;
    let batch = (0..2345).map(|_| new(TRAIN, None, "{}")).collect();
    assert_eq!(store.accept(batch).await.unwrap().len(), 2345);
    let die = async || {
        let claimed = claim(&*store, me, TRAIN, 5000).await;
        assert_eq!(claimed.len(), 2345);
        let dead: Vec<_> = claimed.iter().map(|it| settlement(it, Next::Dead)).collect();
        assert!(store.advance(me, &dead, &[]).await.unwrap().refused.is_empty());
    };
    die().await;
    assert_eq!(store.retry(Which::AllDead).await.unwrap(), 2345);
    die().await;
    assert_eq!(store.purge(&dead(Duration::ZERO)).await.unwrap(), 2345);
    assert!(store.list(&all()).await.unwrap().is_empty());
}

pub(crate) async fn dead_ones_run_again_in_the_order_of_their_deaths_before_newer_ones(
    fixture: &dyn Fixture,
) {
    for which in [None, Some(Which::AllDead)] {
        let store = open(fixture).await;
        let mut dead = Vec::new();
        for _ in 0..3 {
            dead.push(run(&*store, new(TRAIN, None, "{}"), Next::Dead).await);
            store.pass(Duration::from_secs(1)).await.unwrap();
        }
        let newer = queue(&*store, TRAIN).await;
        match which {
            Some(all) => assert_eq!(store.retry(all).await.unwrap(), 3),
            // In whatever order they are asked for.
            None => {
                for id in dead.iter().rev() {
                    assert_eq!(store.retry(Which::One(*id)).await.unwrap(), 1);
                }
            }
        }
        let me = owner(&*store).await;
        for expected in dead.iter().chain([&newer]) {
            let claimed = claim_one(&*store, me, TRAIN).await;
            assert_eq!(claimed.id, *expected);
            settle(&*store, me, &claimed, Next::Done).await;
        }
        store.close().await;
    }
}

pub(crate) async fn a_delivery_is_found_by_the_beginning_of_its_id(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let ids: Vec<Uuid> = ["10", "11", "2f"]
        .into_iter()
        .map(|start| Uuid::parse_str(&format!("{start}98f0c26ad57b1e9f603a1c5d2e7b84")).unwrap())
        .collect();
    let batch = ids.iter().map(|id| New { id: *id, ..new(TRAIN, None, "{}") }).collect();
    store.accept(batch).await.unwrap();
    let find = async |first: u128, last: u128, limit| {
        store
            .find(
                Uuid::from_u128(first << 120),
                Uuid::from_u128(last << 120 | (u128::MAX >> 8)),
                limit,
            )
            .await
            .unwrap()
    };
    assert_eq!(find(0x10, 0x1f, 2).await, ids[..2]);
    assert_eq!(find(0x10, 0x1f, 1).await, ids[..1]);
    assert_eq!(find(0x20, 0x2f, 2).await, ids[2..]);
    assert_eq!(store.find(ids[1], ids[1], 2).await.unwrap(), ids[1..2]);
    assert!(find(0x30, 0x3f, 2).await.is_empty());
}

pub(crate) async fn what_the_payload_names_is_listed(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let named = |repo: &str, webhook_id| New {
        event: Some("update repo.content".to_owned()),
        repo: Some(repo.to_owned()),
        ..new(TRAIN, webhook_id, "{}")
    };
    let dead = run(&*store, named("me/data", Some("same")), Next::Dead).await;
    queue(&*store, TRAIN).await;
    let names = async || {
        let listed = store.list(&all()).await.unwrap();
        listed.into_iter().map(|it| (it.event, it.repo)).collect::<Vec<_>>()
    };
    let data = (Some("update repo.content".to_owned()), Some("me/data".to_owned()));
    assert_eq!(names().await, [(None, None), data]);
    // A revived one has the names of the payload that it now has.
    assert_eq!(accept(&*store, named("me/model", Some("same"))).await, Accepted::Queued(dead));
    assert_eq!(listed(&*store, dead).await.repo.as_deref(), Some("me/model"));
}

pub(crate) async fn queued_ones_of_an_endpoint_are_purged(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = owner(&*store).await;
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
    // What was deleted is not known any more.
    let again = new(TRAIN, Some("same"), "{}");
    assert_eq!(accept(&*store, again.clone()).await, Accepted::Queued(again.id));
    assert_eq!(claim_one(&*store, me, TRAIN).await.id, again.id);
}

pub(crate) async fn dead_ones_are_purged_by_their_endpoint(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    run(&*store, new(TRAIN, None, "{}"), Next::Dead).await;
    let other = run(&*store, new(ONE_AT_A_TIME, None, "{}"), Next::Dead).await;
    let of_train = Purge { endpoint: Some("/webhooks/train".to_owned()), ..dead(Duration::ZERO) };
    assert_eq!(store.purge(&of_train).await.unwrap(), 1);
    assert_eq!(state(&*store, other).await, State::Dead);
}

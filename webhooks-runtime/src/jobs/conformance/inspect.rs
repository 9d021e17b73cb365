//! Tests of what people and the health check read.

use super::keyed::{LATEST, open_with, push, queued};
use super::*;
use crate::jobs::delivery::DeliveryKey;
use crate::jobs::inspect::CancelTarget;

pub(crate) async fn lists_are_newest_first(fixture: &dyn Fixture) {
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

    let two = store.list(&DeliveryFilter { limit: 2, ..DeliveryFilter::default() }).await.unwrap();
    assert_eq!(two, listed[..2]);
}

pub(crate) async fn lists_filter_by_state_and_endpoint(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let done = run(&*store, new(TRAIN, None, "{}"), Transition::Done).await;
    let dead = run(&*store, new(ONE_AT_A_TIME, None, "{}"), Transition::Dead).await;
    let queued = queue(&*store, ONE_AT_A_TIME).await;
    let list = async |state: Option<State>, endpoint: Option<&str>| {
        let filter = DeliveryFilter { state, endpoint: endpoint.map(str::to_owned), limit: 10 };
        let listed = store.list(&filter).await.unwrap();
        listed.into_iter().map(|it| it.id).collect::<Vec<_>>()
    };
    assert_eq!(list(Some(State::Done), None).await, [done]);
    assert_eq!(list(None, Some("/webhooks/one_at_a_time")).await, [queued, dead]);
    assert_eq!(list(Some(State::Dead), Some("/webhooks/one_at_a_time")).await, [dead]);
    assert!(list(Some(State::Dead), Some("/webhooks/train")).await.is_empty());
    assert!(list(None, Some("/webhooks/unknown")).await.is_empty());
}

pub(crate) async fn details_include_failed_attempts_and_the_body(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    let sent = new(TRAIN, None, r#"{"a":1}"#);
    accept(&*store, sent.clone()).await;
    let first = claim_one(&*store, me, TRAIN).await;
    complete(&*store, me, &first, Transition::Retry { after: Duration::ZERO }).await;
    let second = claim_one(&*store, me, TRAIN).await;
    complete(&*store, me, &second, Transition::Dead).await;

    let shown = store.show(sent.id).await.unwrap().unwrap();
    assert_eq!(shown.body, sent.body);
    assert_eq!((shown.summary.state, shown.summary.attempts), (State::Dead, 2));
    assert_eq!(shown.summary.error.as_deref(), Some("attempt 2 failed"));
    assert!(shown.summary.ended_at.is_some());
    let failed: Vec<_> = shown.failed.iter().map(|it| (it.attempt, it.error.as_str())).collect();
    assert_eq!(failed, [(1, "attempt 1 failed"), (2, "attempt 2 failed")]);
    assert!(shown.failed.iter().all(|it| it.started_at <= it.ended_at));
    assert!(store.show(Uuid::now_v7()).await.unwrap().is_none());
}

pub(crate) async fn details_include_the_note_of_the_last_attempt(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    let id = queue(&*store, TRAIN).await;
    let note = async || store.show(id).await.unwrap().unwrap().summary.note;
    assert_eq!(note().await, None);
    for (next, text) in [
        (Transition::Retry { after: Duration::ZERO }, Some("data/a.csv\0 and '1 more'")),
        (Transition::Retry { after: Duration::ZERO }, None),
        (Transition::Done, Some("own: made by me")),
    ] {
        let claimed = claim_one(&*store, me, TRAIN).await;
        let noted = Completion { note: text.map(str::to_owned), ..completion(&claimed, next) };
        store.complete_and_claim(me, &[noted], &[]).await.unwrap();
        let shown = note().await.map(|note| note.replace('\0', "\u{fffd}"));
        assert_eq!(shown, text.map(|text| text.replace('\0', "\u{fffd}")));
    }
}

pub(crate) async fn deliveries_are_found_by_a_range_of_ids(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let ids: Vec<Uuid> = ["10", "11", "2f"]
        .into_iter()
        .map(|start| Uuid::parse_str(&format!("{start}98f0c26ad57b1e9f603a1c5d2e7b84")).unwrap())
        .collect();
    let batch = ids.iter().map(|id| NewDelivery { id: *id, ..new(TRAIN, None, "{}") }).collect();
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

pub(crate) async fn lists_show_the_event_and_repo_of_the_payload(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let named = |repo: &str, webhook_id| NewDelivery {
        event: Some("update repo.content".to_owned()),
        repo: Some(repo.to_owned()),
        ..new(TRAIN, webhook_id, "{}")
    };
    let dead = run(&*store, named("me/data", Some("same")), Transition::Dead).await;
    queue(&*store, TRAIN).await;
    let names = async || {
        let listed = store.list(&all()).await.unwrap();
        listed.into_iter().map(|it| (it.event, it.repo)).collect::<Vec<_>>()
    };
    let data = (Some("update repo.content".to_owned()), Some("me/data".to_owned()));
    assert_eq!(names().await, [(None, None), data]);
    // A revived delivery shows its new payload.
    assert_eq!(accept(&*store, named("me/model", Some("same"))).await, Accepted::Queued(dead));
    assert_eq!(summary(&*store, dead).await.repo.as_deref(), Some("me/model"));
}

pub(crate) async fn the_oldest_due_delivery_is_the_one_waiting_longest(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    assert_eq!(store.oldest_due().await.unwrap(), None);
    queue(&*store, TRAIN).await;
    store.advance_clock(Duration::from_secs(100)).await.unwrap();
    queue(&*store, ONE_AT_A_TIME).await;
    let waits = store.oldest_due().await.unwrap().unwrap();
    assert!(waits >= Duration::from_secs(100) && waits < Duration::from_secs(110), "{waits:?}");

    // A running delivery is not due, nor is one that waits for its retry.
    store.register(me, LEASE).await.unwrap();
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert!(store.oldest_due().await.unwrap().unwrap() < Duration::from_secs(10));
    complete(&*store, me, &claimed, Transition::Retry { after: Duration::from_secs(3600) }).await;
    claim_one(&*store, me, ONE_AT_A_TIME).await;
    assert_eq!(store.oldest_due().await.unwrap(), None);
}

pub(crate) async fn deliveries_of_orphaned_endpoints_are_never_the_oldest_due(
    fixture: &dyn Fixture,
) {
    let store = open(fixture).await;
    queue(&*store, TRAIN).await;
    assert!(store.oldest_due().await.unwrap().is_some());
    store.close().await;
    drop(store);
    let store = fixture.open(endpoints().split_off(1), NO_LIMIT.into()).await;
    assert_eq!(store.oldest_due().await.unwrap(), None);
}

pub(crate) async fn orphaned_endpoints_are_reported(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    queue(&*store, TRAIN).await;
    queue(&*store, ONE_AT_A_TIME).await;
    assert!(store.orphaned_endpoints().await.unwrap().is_empty());
    store.close().await;
    drop(store);
    let store = fixture.open(endpoints().split_off(1), NO_LIMIT.into()).await;
    assert_eq!(store.orphaned_endpoints().await.unwrap(), ["/webhooks/train"]);
}

pub(crate) async fn deliveries_that_are_not_done_are_counted(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    assert!(store.counts().await.unwrap().is_empty());
    run(&*store, new(TRAIN, None, "{}"), Transition::Done).await;
    for _ in 0..2 {
        run(&*store, new(TRAIN, None, "{}"), Transition::Dead).await;
    }
    let cancelled = queue(&*store, TRAIN).await;
    store.cancel(&CancelTarget::One(cancelled)).await.unwrap();
    let me = replica(&*store).await;
    queue(&*store, ONE_AT_A_TIME).await;
    claim_one(&*store, me, ONE_AT_A_TIME).await;
    queue(&*store, TRAIN).await;
    // One with a key, too.
    let key = DeliveryKey { text: "a key".to_owned(), merge: None, merge_bytes: 0 };
    accept(&*store, NewDelivery { key: Some(key), ..new(TRAIN, None, "{}") }).await;
    let mut counts = store.counts().await.unwrap();
    counts.sort_by_key(|it| (it.endpoint.clone(), it.state.code()));
    let counts: Vec<_> =
        counts.iter().map(|it| (it.endpoint.as_str(), it.state, it.count)).collect();
    assert_eq!(
        counts,
        [
            ("/webhooks/one_at_a_time", State::Running, 1),
            ("/webhooks/train", State::Queued, 2),
            ("/webhooks/train", State::Dead, 2),
            ("/webhooks/train", State::Cancelled, 1),
        ]
    );
}

pub(crate) async fn superseded_deliveries_are_counted(fixture: &dyn Fixture) {
    let store = open_with(fixture, LATEST).await;
    for old in 1..=3 {
        queued(&*store, push("a", old, old + 1)).await;
    }
    let mut counts = store.counts().await.unwrap();
    counts.sort_by_key(|it| it.state.code());
    let counts: Vec<_> = counts.iter().map(|it| (it.state, it.count)).collect();
    assert_eq!(counts, [(State::Queued, 1), (State::Superseded, 2)]);
}

//! Tests of newer deliveries that replace queued ones of their keys, and carry their changes.

use super::keyed::*;
use super::*;
use crate::jobs::delivery::MAX_MERGED;
use crate::jobs::state::State::{Done, Queued, Running, Superseded};

async fn states<const N: usize>(store: &dyn Store, ids: [Uuid; N]) -> [State; N] {
    let mut states = [Queued; N];
    for (state, id) in states.iter_mut().zip(ids) {
        *state = summary(store, id).await.state;
    }
    states
}

pub(crate) async fn a_newer_delivery_supersedes_the_queued_one_of_its_key(fixture: &dyn Fixture) {
    let store = open_with(fixture, LATEST).await;
    let me = replica(&*store).await;
    let first = queued(&*store, push("a", 1, 2)).await;
    let other = queued(&*store, push("b", 1, 2)).await;
    let second = queued(&*store, push("a", 2, 3)).await;
    let third = queued(&*store, push("a", 3, 4)).await;
    assert_superseded(&*store, first, second).await;
    assert_superseded(&*store, second, third).await;
    let shown = summary(&*store, third).await;
    assert_eq!((shown.state, shown.merged, shown.superseded_by), (Queued, 2, None));
    assert_eq!(summary(&*store, other).await.merged, 0);

    let claimed = claim(&*store, me, TRAIN, 10).await;
    assert_eq!(claimed.len(), 2);
    let newest = claimed.iter().find(|it| it.id == third).unwrap();
    assert_eq!(newest.merged, [first, second]);
    assert_eq!(moved(newest), (1, 4));
    let alone = claimed.iter().find(|it| it.id == other).unwrap();
    assert_eq!((&*alone.merged, moved(alone)), (&[][..], (1, 2)));
    assert_eq!(alone.body, push("b", 1, 2).body);
    assert!(complete(&*store, me, newest, Transition::Done).await);
    assert_eq!(states(&*store, [first, second, third]).await, [Superseded, Superseded, Done]);
    assert!(claim_ids(&*store, me).await.is_empty());
}

pub(crate) async fn deliveries_of_one_batch_supersede_each_other(fixture: &dyn Fixture) {
    let store = open_with(fixture, LATEST).await;
    let me = replica(&*store).await;
    let batch: Vec<_> = [("a", 1), ("b", 1), ("a", 2), ("a", 3), ("b", 2)]
        .map(|(key, at)| push(key, at, at + 1))
        .into();
    let ids: Vec<Uuid> = batch.iter().map(|new| new.id).collect();
    let accepted = store.accept(batch).await.unwrap();
    assert!(accepted.iter().zip(&ids).all(|(it, id)| *it == Accepted::Queued(*id)));
    assert_superseded(&*store, ids[0], ids[2]).await;
    assert_superseded(&*store, ids[2], ids[3]).await;
    let claimed = claim(&*store, me, TRAIN, 10).await;
    let runs: Vec<_> = claimed.iter().map(|it| (it.id, moved(it))).collect();
    assert_eq!(runs.len(), 2);
    assert!(runs.contains(&(ids[3], (1, 4))) && runs.contains(&(ids[4], (1, 3))), "{runs:?}");
}

pub(crate) async fn a_merged_body_has_all_changes(fixture: &dyn Fixture) {
    let store = open_with(fixture, LATEST).await;
    let me = replica(&*store).await;
    let of_files = |body: &str| NewDelivery { body: body.to_owned().into(), ..push("a", 1, 2) };
    queued(&*store, of_files(r#"{"n":1,"updatedFiles":[{"path":"x","action":"create"}]}"#)).await;
    // A body that is no JSON has no changes.
    queued(&*store, of_files("{")).await;
    queued(&*store, of_files(r#"{"n":3,"updatedFiles":[{"path":"y","action":"update"}]}"#)).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!(claimed.merged.len(), 2);
    let body: serde_json::Value = serde_json::from_slice(&claimed.body).unwrap();
    assert_eq!(body["n"], 3);
    let paths: Vec<_> = body["updatedFiles"].as_array().unwrap().iter().collect();
    assert_eq!((paths.len(), &paths[0]["path"], &paths[1]["path"]), (2, &"x".into(), &"y".into()));
}

pub(crate) async fn a_running_delivery_is_not_superseded(fixture: &dyn Fixture) {
    let store = open_with(fixture, LATEST).await;
    let me = replica(&*store).await;
    let running = queued(&*store, push("a", 1, 2)).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    let first = queued(&*store, push("a", 2, 3)).await;
    let second = queued(&*store, push("a", 3, 4)).await;
    assert_superseded(&*store, first, second).await;
    assert_eq!(states(&*store, [running, second]).await, [Running, Queued]);
    assert!(claim_ids(&*store, me).await.is_empty());
    assert!(complete(&*store, me, &claimed, Transition::Done).await);
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!((claimed.id, moved(&claimed)), (second, (2, 4)));
}

pub(crate) async fn a_barrier_keeps_its_place(fixture: &dyn Fixture) {
    let store = open_with(fixture, LATEST).await;
    let before = [push("a", 1, 2), push("a", 2, 3)];
    let barrier = comment("a");
    let after = [push("a", 3, 4), push("a", 4, 5)];
    let expected = [before[1].id, barrier.id, after[1].id];
    for new in before.into_iter().chain([barrier]).chain(after) {
        queued(&*store, new).await;
    }
    // One of another key is none.
    queued(&*store, comment("b")).await;
    let mut ids = drain(&*store).await;
    ids.retain(|id| expected.contains(id));
    assert_eq!(ids, expected);
}

pub(crate) async fn deliveries_of_another_scope_are_barriers(fixture: &dyn Fixture) {
    let store = open_with(fixture, LATEST).await;
    let mut ids = Vec::new();
    for new in [push("a", 1, 2), configured("a"), push("a", 2, 3), configured("a")] {
        ids.push(queued(&*store, new).await);
    }
    assert_eq!(drain(&*store).await, ids);
    let first = queued(&*store, configured("a")).await;
    let second = queued(&*store, configured("a")).await;
    assert_superseded(&*store, first, second).await;
}

pub(crate) async fn a_delivery_before_a_running_barrier_is_not_superseded(fixture: &dyn Fixture) {
    let store = open_with(fixture, LATEST).await;
    let me = replica(&*store).await;
    let first = queued(&*store, push("a", 1, 2)).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    let barrier = queued(&*store, comment("a")).await;
    complete(&*store, me, &claimed, Transition::Retry { after: Duration::from_secs(60) }).await;
    assert_eq!(claim_one(&*store, me, TRAIN).await.id, barrier);
    let newer = queued(&*store, push("a", 2, 3)).await;
    assert_eq!(states(&*store, [first, barrier, newer]).await, [Queued, Running, Queued]);
}

pub(crate) async fn without_latest_nothing_is_superseded(fixture: &dyn Fixture) {
    let store = open_with(fixture, KEYED).await;
    let me = replica(&*store).await;
    let first = queued(&*store, push("a", 1, 2)).await;
    let second = queued(&*store, push("a", 2, 3)).await;
    assert_eq!(states(&*store, [first, second]).await, [Queued, Queued]);
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert!(complete(&*store, me, &claimed, Transition::Released).await);
    assert_eq!(states(&*store, [first, second]).await, [Queued, Queued]);
    assert_eq!(claim_one(&*store, me, TRAIN).await.id, first);
}

pub(crate) async fn a_newer_delivery_takes_the_place_of_the_older_one(fixture: &dyn Fixture) {
    let store = open_with(fixture, LATEST.concurrency(1)).await;
    let first = queued(&*store, push("a", 1, 2)).await;
    wait(&*store, 1).await;
    let other = queued(&*store, push("b", 1, 2)).await;
    wait(&*store, 1).await;
    // A key that is never quiet must not be last forever.
    let newer = queued(&*store, push("a", 2, 3)).await;
    assert_superseded(&*store, first, newer).await;
    assert_eq!(drain(&*store).await, [newer, other]);
}

pub(crate) async fn a_newer_delivery_does_not_wait_for_the_retry_of_the_older_one(
    fixture: &dyn Fixture,
) {
    let store = open_with(fixture, LATEST).await;
    let me = replica(&*store).await;
    let first = queued(&*store, push("a", 1, 2)).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    complete(&*store, me, &claimed, Transition::Retry { after: Duration::from_secs(60) }).await;
    let newer = queued(&*store, push("a", 2, 3)).await;
    assert_superseded(&*store, first, newer).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!((claimed.id, claimed.attempt, moved(&claimed)), (newer, 1, (1, 3)));
}

pub(crate) async fn superseded_deliveries_are_not_in_the_backlog(fixture: &dyn Fixture) {
    let store = fixture.open(vec![endpoint(LATEST)], 2.into()).await;
    for at in 0..10 {
        queued(&*store, push("a", at, at + 1)).await;
    }
    queued(&*store, comment("b")).await;
    assert_eq!(accept(&*store, comment("b")).await, Accepted::BacklogFull);
    assert_eq!(drain(&*store).await.len(), 2);
    queued(&*store, comment("b")).await;
    queued(&*store, comment("b")).await;
}

pub(crate) async fn a_merged_body_stays_within_the_body_limit(fixture: &dyn Fixture) {
    let body = push("a", 1, 2).body.len() as u64;
    // Enough for what two older ones bring.
    let limit = body + 2 * u64::from(push("a", 1, 2).key.unwrap().merge_bytes);
    let limits = StoreLimits { body: limit, ..NO_LIMIT.into() };
    let store = fixture.open(vec![endpoint(LATEST)], limits).await;
    let mut ids = Vec::new();
    for at in 1..7 {
        ids.push(queued(&*store, push("a", at, at + 1)).await);
    }
    let me = replica(&*store).await;
    let mut runs = Vec::new();
    for _ in 0..2 {
        let claimed = claim_one(&*store, me, TRAIN).await;
        assert!(claimed.body.len() as u64 <= limit);
        runs.push((claimed.id, claimed.merged.len(), moved(&claimed)));
        assert!(complete(&*store, me, &claimed, Transition::Done).await);
    }
    assert_eq!(runs, [(ids[2], 2, (1, 4)), (ids[5], 2, (4, 7))]);
}

pub(crate) async fn a_delivery_carries_a_limited_number_of_others(fixture: &dyn Fixture) {
    let store = open_with(fixture, LATEST).await;
    let mut at = 0;
    while at < MAX_MERGED + 2 {
        let batch = (at..(at + 1000).min(MAX_MERGED + 2)).map(|at| push("a", at, at + 1)).collect();
        at += store.accept(batch).await.unwrap().len() as u32;
    }
    let me = replica(&*store).await;
    let first = claim_one(&*store, me, TRAIN).await;
    assert_eq!((first.merged.len(), moved(&first)), (MAX_MERGED as usize, (0, MAX_MERGED + 1)));
    assert!(complete(&*store, me, &first, Transition::Done).await);
    let second = claim_one(&*store, me, TRAIN).await;
    assert_eq!((second.merged.len(), moved(&second)), (0, (MAX_MERGED + 1, MAX_MERGED + 2)));
}

pub(crate) async fn groups_survive_reopening(fixture: &dyn Fixture) {
    let store = open_with(fixture, LATEST).await;
    queued(&*store, push("a", 1, 2)).await;
    queued(&*store, push("a", 2, 3)).await;
    store.close().await;
    drop(store);
    let store = open_with(fixture, LATEST).await;
    let newest = queued(&*store, push("a", 3, 4)).await;
    let me = replica(&*store).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!((claimed.id, claimed.merged.len(), moved(&claimed)), (newest, 2, (1, 4)));
}

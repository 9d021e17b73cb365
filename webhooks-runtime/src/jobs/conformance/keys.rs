//! Tests of keys: at most one delivery of each runs at a time, in order of arrival.

use std::collections::HashMap;

use super::keyed::*;
use super::*;
use crate::jobs::inspect::Purge;

pub(crate) async fn at_most_one_delivery_of_a_key_runs_at_a_time(fixture: &dyn Fixture) {
    let store = open_with(fixture, KEYED).await;
    let elsewhere = open_with(fixture, KEYED).await;
    let (me, other) = (replica(&*store).await, replica(&*elsewhere).await);
    let batch = vec![comment("a"), comment("a"), comment("b"), comment("a"), comment("b")];
    let ids: Vec<Uuid> = batch.iter().map(|new| new.id).collect();
    store.accept(batch).await.unwrap();
    let first = claim(&*store, me, TRAIN, 10).await;
    assert_eq!(first.iter().map(|it| it.id).collect::<Vec<_>>(), [ids[0], ids[2]]);
    assert!(claim_ids(&*elsewhere, other).await.is_empty());

    // The end of one lets the next of its key run, also in the same step, and on another replica.
    let done = [completion(&first[0], Transition::Done)];
    let request = [ClaimRequest { endpoint: TRAIN, slots: 10 }];
    let next = store.complete_and_claim(me, &done, &request).await.unwrap().claimed;
    assert_eq!(next.iter().map(|it| it.id).collect::<Vec<_>>(), [ids[1]]);
    assert!(complete(&*store, me, &first[1], Transition::Dead).await);
    assert_eq!(claim_ids(&*elsewhere, other).await, [ids[4]]);
}

pub(crate) async fn deliveries_of_a_key_run_in_the_order_of_arrival(fixture: &dyn Fixture) {
    let store = open_with(fixture, KEYED).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(queued(&*store, comment("a")).await);
        // Without `latest`, what could be merged is not.
        ids.push(queued(&*store, push("a", 1, 2)).await);
        wait(&*store, 1).await;
    }
    assert_eq!(drain(&*store).await, ids);
}

pub(crate) async fn keys_share_the_concurrency_of_their_endpoint(fixture: &dyn Fixture) {
    let store = open_with(fixture, KEYED.concurrency(2)).await;
    let me = replica(&*store).await;
    let batch: Vec<_> = ["a", "b", "a", "c", "d"].map(comment).into();
    let ids: Vec<Uuid> = batch.iter().map(|new| new.id).collect();
    store.accept(batch).await.unwrap();
    let claimed = claim(&*store, me, TRAIN, 10).await;
    assert_eq!(claimed.iter().map(|it| it.id).collect::<Vec<_>>(), ids[..2]);
    assert!(claim_ids(&*store, me).await.is_empty());
    assert!(complete(&*store, me, &claimed[1], Transition::Done).await);
    assert_eq!(claim_ids(&*store, me).await, [ids[3]]);
}

pub(crate) async fn the_same_key_at_another_endpoint_is_another_key(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    queued(&*store, comment("a")).await;
    queued(&*store, NewDelivery { endpoint: ONE_AT_A_TIME, ..comment("a") }).await;
    claim_one(&*store, me, TRAIN).await;
    claim_one(&*store, me, ONE_AT_A_TIME).await;
}

pub(crate) async fn deliveries_without_a_key_do_not_wait_for_keys(fixture: &dyn Fixture) {
    let store = open_with(fixture, KEYED).await;
    let me = replica(&*store).await;
    let batch = vec![new(TRAIN, None, "{}"), comment("a"), comment("a"), new(TRAIN, None, "{}")];
    let ids: Vec<Uuid> = batch.iter().map(|new| new.id).collect();
    store.accept(batch).await.unwrap();
    assert_eq!(claim_ids(&*store, me).await, [ids[0], ids[1], ids[3]]);
}

pub(crate) async fn a_delivery_that_waits_for_its_retry_does_not_block_its_key(
    fixture: &dyn Fixture,
) {
    let store = open_with(fixture, KEYED).await;
    let me = replica(&*store).await;
    let first = queued(&*store, comment("a")).await;
    let second = queued(&*store, comment("a")).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    complete(&*store, me, &claimed, Transition::Retry { after: Duration::from_secs(10) }).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert_eq!(claimed.id, second);
    wait(&*store, 20).await;
    // It is due now, but the other one runs.
    assert!(claim_ids(&*store, me).await.is_empty());
    assert!(complete(&*store, me, &claimed, Transition::Done).await);
    let third = queued(&*store, comment("a")).await;
    assert_eq!(drain(&*store).await, [first, third]);
}

pub(crate) async fn a_released_delivery_keeps_its_place_in_its_key(fixture: &dyn Fixture) {
    let store = open_with(fixture, KEYED).await;
    let me = replica(&*store).await;
    let first = queued(&*store, comment("a")).await;
    wait(&*store, 1).await;
    let second = queued(&*store, comment("a")).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert!(complete(&*store, me, &claimed, Transition::Released).await);
    assert_eq!(drain(&*store).await, [first, second]);
}

pub(crate) async fn a_recovered_delivery_frees_its_key(fixture: &dyn Fixture) {
    let store = open_with(fixture, KEYED).await;
    let late = replica(&*store).await;
    let lost = queued(&*store, comment("a")).await;
    claim_one(&*store, late, TRAIN).await;
    let next = queued(&*store, comment("a")).await;
    store.advance_clock(LEASE * 2).await.unwrap();
    let me = replica(&*store).await;
    assert_eq!(store.recover_lost(me, &retried).await.unwrap().recovered, 1);
    assert_eq!(drain(&*store).await, [next]);
    store.advance_clock(Policy::DEFAULT.longest_backoff).await.unwrap();
    assert_eq!(drain(&*store).await, [lost]);
}

pub(crate) async fn a_deleted_delivery_frees_its_key(fixture: &dyn Fixture) {
    let store = open_with(fixture, KEYED).await;
    queued(&*store, comment("a")).await;
    wait(&*store, 60).await;
    let second = queued(&*store, comment("a")).await;
    let older_than = Duration::from_secs(30);
    let purge = Purge { state: State::Queued, endpoint: None, older_than };
    assert_eq!(store.purge(&purge).await.unwrap(), 1);
    assert_eq!(drain(&*store).await, [second]);
    assert_eq!(store.purge(&purge).await.unwrap(), 0);
}

pub(crate) async fn a_blocked_key_does_not_slow_down_claims(fixture: &dyn Fixture) {
    let store = open_with(fixture, KEYED.concurrency(1000)).await;
    let me = replica(&*store).await;
    let claims = async || {
        let start = Instant::now();
        for round in 0..10 {
            queued(&*store, comment(&format!("key {round}"))).await;
            let claimed = claim(&*store, me, TRAIN, 10).await;
            assert_eq!(claimed.len(), 1);
            assert!(complete(&*store, me, &claimed[0], Transition::Done).await);
        }
        start.elapsed()
    };
    let alone = claims().await;
    queued(&*store, comment("blocked")).await;
    claim_one(&*store, me, TRAIN).await;
    for _ in 0..5 {
        store.accept((0..4000).map(|_| comment("blocked")).collect()).await.unwrap();
    }
    store.heartbeat(me, LEASE).await.unwrap();
    let behind = claims().await;
    assert!(behind < alone * 4 + Duration::from_millis(200), "{behind:?}, {alone:?} without");
}

pub(crate) async fn a_delivery_that_waits_for_another_of_its_key_waits_for_no_slot(
    fixture: &dyn Fixture,
) {
    let store = open_with(fixture, KEYED).await;
    let me = replica(&*store).await;
    queued(&*store, comment("a")).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    queued(&*store, comment("a")).await;
    wait(&*store, 10).await;
    assert_eq!(store.oldest_due().await.unwrap(), None);
    queued(&*store, comment("b")).await;
    assert!(store.oldest_due().await.unwrap().unwrap() < Duration::from_secs(10));
    assert!(complete(&*store, me, &claimed, Transition::Done).await);
    assert!(store.oldest_due().await.unwrap().unwrap() >= Duration::from_secs(10));
}

pub(crate) async fn many_keys_keep_their_order(fixture: &dyn Fixture) {
    const KEYS: usize = 100;
    let policy = KEYED.concurrency(60);
    let (store, elsewhere) = (open_with(fixture, policy).await, open_with(fixture, policy).await);
    let replicas = [(&store, replica(&*store).await), (&elsewhere, replica(&*elsewhere).await)];
    let mut expected: HashMap<Uuid, (usize, usize)> = HashMap::new();
    for round in 0..10 {
        let batch: Vec<_> = (0..KEYS).map(|key| comment(&format!("key {key}"))).collect();
        expected.extend(batch.iter().enumerate().map(|(key, new)| (new.id, (key, round))));
        store.accept(batch).await.unwrap();
    }
    let mut rounds = [0; KEYS];
    let mut running: Vec<(usize, Claimed)> = Vec::new();
    let mut ended = 0;
    while ended < expected.len() {
        for (at, (store, me)) in replicas.iter().enumerate() {
            let (done, left) =
                running.into_iter().partition(|(owner, _)| *owner == at && fastrand::bool());
            running = left;
            let done: Vec<(usize, Claimed)> = done;
            for (_, claimed) in &done {
                let (key, round) = expected[&claimed.id];
                assert_eq!(rounds[key], round);
                rounds[key] += 1;
            }
            ended += done.len();
            let done: Vec<_> =
                done.iter().map(|(_, it)| completion(it, Transition::Done)).collect();
            let requests = [ClaimRequest { endpoint: TRAIN, slots: 30 }];
            let response = store.complete_and_claim(*me, &done, &requests).await.unwrap();
            assert!(response.stale.is_empty());
            running.extend(response.claimed.into_iter().map(|claimed| (at, claimed)));
            let mut keys: Vec<_> = running.iter().map(|(_, it)| expected[&it.id].0).collect();
            keys.sort_unstable();
            keys.dedup();
            assert_eq!(keys.len(), running.len(), "two of one key");
        }
    }
}

pub(crate) async fn a_key_may_be_any_text(fixture: &dyn Fixture) {
    let store = open_with(fixture, LATEST).await;
    let (nul, astral) = ("\0".repeat(1000), "\u{10ffff}".repeat(250));
    let texts =
        ["", " ", "a\0b", "'; DROP TABLE deliveries; --", "\u{1b}[2J\u{202e}", "키", &nul, &astral];
    let mut newest = Vec::new();
    for text in texts {
        let older = queued(&*store, push(text, 1, 2)).await;
        let newer = queued(&*store, push(text, 2, 3)).await;
        assert_superseded(&*store, older, newer).await;
        let key = summary(&*store, newer).await.key.unwrap();
        // A text of PostgreSQL has no NUL.
        let shown = |text: &str| text.replace('\0', "\u{fffd}");
        assert_eq!(shown(&key), shown(text));
        newest.push(newer);
    }
    assert_eq!(drain(&*store).await, newest);
}

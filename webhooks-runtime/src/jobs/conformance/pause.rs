//! Tests of paused endpoints.

use super::keyed::*;
use super::*;
use crate::endpoint::background::Latest;

const PATH: &str = "/webhooks/train";

/// The policy of an endpoint whose newer deliveries stop running ones.
const CANCEL: Policy = KEYED.latest(Latest::Cancel);

async fn paused(store: &dyn Store) -> Vec<String> {
    store.paused().await.unwrap().into_iter().map(|(path, _)| path).collect()
}

pub(crate) async fn a_paused_endpoint_accepts_and_runs_nothing(fixture: &dyn Fixture) {
    let (store, elsewhere) = (open(fixture).await, open(fixture).await);
    let (me, other) = (replica(&*store).await, replica(&*elsewhere).await);
    queue(&*store, TRAIN).await;
    let running = claim_one(&*store, me, TRAIN).await;
    assert!(store.pause(PATH, true).await.unwrap());
    queue(&*store, TRAIN).await;
    queued(&*store, comment("a")).await;
    queue(&*store, ONE_AT_A_TIME).await;
    wait(&*store, 10).await;
    assert!(claim_ids(&*store, me).await.is_empty());
    assert!(claim_ids(&*elsewhere, other).await.is_empty());
    claim_one(&*store, me, ONE_AT_A_TIME).await;
    // That nothing runs is no delay.
    assert_eq!(store.oldest_due().await.unwrap(), None);
    // What runs goes on.
    assert!(complete(&*store, me, &running, Transition::Done).await);
    assert!(claim_ids(&*store, me).await.is_empty());

    assert!(elsewhere.pause(PATH, false).await.unwrap());
    assert!(store.oldest_due().await.unwrap().unwrap() >= Duration::from_secs(10));
    assert_eq!(claim_ids(&*elsewhere, other).await.len(), 2);
}

pub(crate) async fn a_pause_survives_reopening(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    queue(&*store, TRAIN).await;
    store.pause(PATH, true).await.unwrap();
    store.close().await;
    drop(store);
    let store = open(fixture).await;
    assert_eq!(paused(&*store).await, [PATH]);
    let me = replica(&*store).await;
    assert!(claim_ids(&*store, me).await.is_empty());
}

pub(crate) async fn a_pause_is_reported_once(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    assert!(paused(&*store).await.is_empty());
    assert!(!store.pause("/webhooks/unknown", true).await.unwrap());
    store.pause(PATH, true).await.unwrap();
    let since = store.paused().await.unwrap();
    let age = SystemTime::now().duration_since(since[0].1).unwrap_or_default();
    assert!(age < Duration::from_secs(60), "{age:?}");
    // The second one changes nothing.
    store.pause(PATH, true).await.unwrap();
    assert_eq!(store.paused().await.unwrap(), since);
    assert!(store.pause(PATH, false).await.unwrap());
    assert!(store.pause(PATH, false).await.unwrap());
    assert!(paused(&*store).await.is_empty());
}

pub(crate) async fn a_newer_delivery_stops_nothing_while_its_endpoint_is_paused(
    fixture: &dyn Fixture,
) {
    let store = open_with(fixture, CANCEL).await;
    let me = replica(&*store).await;
    let older = queued(&*store, push("a", 1, 2)).await;
    let running = claim_one(&*store, me, TRAIN).await;
    store.pause(PATH, true).await.unwrap();
    let newer = queued(&*store, push("a", 2, 3)).await;
    assert!(store.heartbeat(me, LEASE).await.unwrap().cancelled.is_empty());
    assert!(!summary(&*store, older).await.cancel_requested);
    assert!(complete(&*store, me, &running, Transition::Done).await);
    assert_eq!(state(&*store, older).await, State::Done);
    // It waits for the end of the pause, and another one that arrives after that stops it.
    assert!(claim_ids(&*store, me).await.is_empty());
    store.pause(PATH, false).await.unwrap();
    let running = claim_one(&*store, me, TRAIN).await;
    assert_eq!((running.id, moved(&running)), (newer, (2, 3)));
    queued(&*store, push("a", 3, 4)).await;
    let cancelled = store.heartbeat(me, LEASE).await.unwrap().cancelled;
    assert_eq!(cancelled, [(newer, running.fencing_token)]);
}

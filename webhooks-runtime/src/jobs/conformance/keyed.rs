//! Deliveries with keys, for the tests of their queues.

use super::*;
use crate::endpoint::background::Latest;
use crate::jobs::delivery::DeliveryKey;
use crate::payload::MergeScope;

/// The policy of an endpoint with keys.
pub(super) const KEYED: Policy = Policy { keyed: true, ..Policy::DEFAULT };

/// The policy of an endpoint whose newer deliveries replace older ones.
pub(super) const LATEST: Policy = KEYED.latest(Latest::Supersede);

/// Opens a store with one endpoint.
pub(super) async fn open_with(fixture: &dyn Fixture, policy: Policy) -> Arc<dyn Store> {
    fixture.open(vec![endpoint(policy)], NO_LIMIT.into()).await
}

pub(super) fn endpoint(policy: Policy) -> EndpointPolicy {
    EndpointPolicy { path: "/webhooks/train".to_owned(), policy }
}

/// Returns a delivery with a key. It is a barrier.
pub(super) fn comment(key: &str) -> NewDelivery {
    let key = DeliveryKey { text: key.to_owned(), merge: None, merge_bytes: 0 };
    NewDelivery { key: Some(key), ..new(TRAIN, None, "{}") }
}

/// Returns a delivery that moves a branch from one commit to another, and can be merged.
pub(super) fn push(key: &str, old: u32, new: u32) -> NewDelivery {
    let refs = format!(r#"[{{"ref":"refs/heads/main","oldSha":"{old}","newSha":"{new}"}}]"#);
    let merge_bytes = refs.len() as u32;
    let merge = Some(MergeScope::Content);
    let key = DeliveryKey { text: key.to_owned(), merge, merge_bytes };
    let body = format!(r#"{{"newest":{new},"updatedRefs":{refs}}}"#);
    NewDelivery { key: Some(key), body: body.into(), ..super::new(TRAIN, None, "") }
}

/// Returns a delivery of another scope.
pub(super) fn configured(key: &str) -> NewDelivery {
    let mut configured = comment(key);
    configured.key.as_mut().unwrap().merge = Some(MergeScope::Config);
    configured
}

/// Accepts a new delivery.
pub(super) async fn queued(store: &dyn Store, new: NewDelivery) -> Uuid {
    let id = new.id;
    assert_eq!(accept(store, new).await, Accepted::Queued(id));
    id
}

/// Returns the commits that a branch moved from and to.
pub(super) fn moved(claimed: &Claimed) -> (u32, u32) {
    let body: serde_json::Value = serde_json::from_slice(&claimed.body).unwrap();
    let commit = |name: &str| body["updatedRefs"][0][name].as_str().unwrap().parse().unwrap();
    (commit("oldSha"), commit("newSha"))
}

/// Returns the numbers of the refs that a delivery changes, if they are named so.
pub(super) fn refs_of(claimed: &Claimed) -> std::collections::BTreeSet<usize> {
    let body: serde_json::Value = serde_json::from_slice(&claimed.body).unwrap();
    let refs = body["updatedRefs"].as_array().unwrap();
    refs.iter().map(|it| it["ref"].as_str().unwrap().parse().unwrap()).collect()
}

/// Asserts that a delivery was superseded by another one.
pub(super) async fn assert_superseded(store: &dyn Store, id: Uuid, by: Uuid) {
    let shown = summary(store, id).await;
    assert_eq!((shown.state, shown.superseded_by), (State::Superseded, Some(by)));
    assert!(shown.ended_at.is_some());
}

/// Claims everything that can run now, and returns the ids.
pub(super) async fn claim_ids(store: &dyn Store, replica: ReplicaId) -> Vec<Uuid> {
    claim(store, replica, TRAIN, 100).await.into_iter().map(|it| it.id).collect()
}

/// Claims and completes deliveries one after the other until none is due, and returns their ids.
pub(super) async fn drain(store: &dyn Store) -> Vec<Uuid> {
    let (me, mut ids) = (replica(store).await, Vec::new());
    while let [claimed] = &claim(store, me, TRAIN, 1).await[..] {
        assert!(complete(store, me, claimed, Transition::Done).await);
        ids.push(claimed.id);
    }
    store.deregister(me).await.unwrap();
    ids
}

/// Moves the clock forward. Replicas must register again afterwards if that is more than a lease.
pub(super) async fn wait(store: &dyn Store, seconds: u64) {
    store.advance_clock(Duration::from_secs(seconds)).await.unwrap();
}

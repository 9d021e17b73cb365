//! Tests a store of version 3 that this version has migrated: deliveries that were done, dead, running and queued when its
//! last program was killed. The tests of each store have its tables.

use super::super::inspect::RetryTarget;
use super::*;
use crate::endpoint::background::Latest;

/// Returns the endpoints of its program.
pub(crate) fn endpoints() -> Vec<EndpointPolicy> {
    let endpoint = |name: &str| {
        let policy = Policy { keyed: true, ..Policy::DEFAULT }.latest(Latest::Supersede);
        EndpointPolicy { path: format!("/webhooks/{name}"), policy: policy.concurrency(1) }
    };
    ["alone", "quick", "fails_late"].map(endpoint).into()
}

pub(crate) async fn keeps_its_deliveries_of_every_state(store: &dyn Store) {
    let listed = store.list(&all()).await.unwrap();
    let states: Vec<_> =
        listed.iter().map(|it| (it.webhook_id.as_deref().unwrap(), it.state)).collect();
    let expected = [
        ("queued-2", State::Queued),
        ("queued-1", State::Queued),
        ("running-1", State::Running),
        ("dead-1", State::Dead),
        ("done-1", State::Done),
    ];
    assert_eq!(states, expected);
    assert!(listed.iter().all(|it| it.key.is_none() && it.merged == 0));

    let me = replica(store).await;
    let released = |_: Option<usize>, _: u32| Transition::Released;
    assert_eq!(store.recover_lost(me, &released).await.unwrap().recovered, 1);
    assert_eq!(store.retry(RetryTarget::AllDead).await.unwrap(), 1);
    let mut ran = Vec::new();
    for endpoint in [0, 0, 0, 2] {
        let claimed = claim(store, me, endpoint, 5).await;
        let [claimed] = &claimed[..] else { panic!("{claimed:?}") };
        assert!(claimed.body.starts_with(b"{\"event\":"));
        ran.push(claimed.webhook_id.clone().unwrap());
        assert!(complete(store, me, claimed, Transition::Done).await);
    }
    assert_eq!(ran, ["running-1", "queued-1", "queued-2", "dead-1"]);
}

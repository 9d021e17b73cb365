//! Tests of the Hub's own deliveries that arrive late.

use std::sync::OnceLock;

use super::*;
use crate::http::background::KnownDeliveries;
use crate::reconcile::duplicates::MadeDeliveries;

/// Returns the delivery that was made for what the Hub sends now.
async fn find(poller: &TestPoller, moves: &[(&str, &str, &str)]) -> Option<Uuid> {
    let conditions = poller.poller.endpoints[0].conditions.clone();
    let known = MadeDeliveries {
        endpoints: [(PATH.to_owned(), conditions)].into(),
        jobs: Arc::new(OnceLock::from(poller.poller.maker.jobs.clone())),
    };
    let updated = |(ref_name, old, new): &(&str, &str, &str)| json!({ "ref": ref_name, "oldSha": old, "newSha": new });
    let body = json!({
        "event": { "action": "update", "scope": "repo.content" },
        "repo": { "type": "dataset", "name": "me/data" },
        "updatedRefs": moves.iter().map(updated).collect::<Value>(),
    });
    Some(known.find(PATH, body.to_string().as_bytes()).await?.0)
}

#[tokio::test]
async fn the_hub_s_own_delivery_is_a_duplicate_until_the_ref_returns_to_its_commit() {
    let mut poller = TestPoller::of_main().await;
    let (a, b): (&[_], &[_]) = (&[(MAIN, "aaaaa")], &[(MAIN, "bbbbb")]);
    poller.poll(&[a, b, b]).await;
    assert!(find(&poller, &[(MAIN, "aaaaa", "bbbbb")]).await.is_some());
    // The last of two missed deliveries.
    assert!(find(&poller, &[(MAIN, "x", "bbbbb")]).await.is_some());
    assert!(find(&poller, &[(MAIN, "aaaaa", "ccccc")]).await.is_none());
    poller.note("bbbbb", "ccccc").await;
    // Another one is made.
    let d: &[_] = &[(MAIN, "ddddd")];
    poller.poll(&[d, d]).await;
    assert!(find(&poller, &[(MAIN, "aaaaa", "bbbbb")]).await.is_some());
    assert!(find(&poller, &[(MAIN, "ccccc", "ddddd")]).await.is_some());
    // Forced pushes back.
    assert!(find(&poller, &[(MAIN, "ccccc", "bbbbb")]).await.is_none());
    assert!(find(&poller, &[(MAIN, "ddddd", "bbbbb")]).await.is_none());
}

#[tokio::test]
async fn a_delivery_of_several_refs_is_a_duplicate_if_all_of_them_were_made() {
    let (tag, pull) = ("refs/tags/v1", "refs/pr/1");
    let mut poller = TestPoller::new(Filter::new().watch(DATA), None).await;
    let [a, b] = ["aaaaa", "bbbbb"].map(|sha| [(MAIN, sha), (tag, sha)]);
    poller.poll(&[&a, &b, &b]).await;
    assert_eq!(poller.made().await.len(), 2);
    let (main, tag) = ((MAIN, "aaaaa", "bbbbb"), (tag, "aaaaa", "bbbbb"));
    assert!(find(&poller, &[main, tag]).await.is_some());
    for other in [(pull, "00000", "11111"), ("refs/heads/dev", "aaaaa", "bbbbb")] {
        assert!(find(&poller, &[main, other]).await.is_none());
        assert!(find(&poller, &[other, tag]).await.is_none());
    }
    // A filter that selects one ref makes a delivery of this one.
    let mut poller = TestPoller::of_main().await;
    poller.poll(&[&a[..1], &b[..1], &b[..1]]).await;
    assert!(find(&poller, &[main, (pull, "00000", "11111")]).await.is_some());
}

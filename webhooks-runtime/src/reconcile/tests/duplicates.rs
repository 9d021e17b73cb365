//! Tests of the Hub's own deliveries that arrive late.

use std::sync::OnceLock;

use tokio::sync::mpsc::Receiver;

use super::*;
use crate::http::background::KnownDeliveries;
use crate::reconcile::duplicates::MadeDeliveries;
use crate::reconcile::observe::{CommitObserver, ObservedItem, note_all};

/// The observer of a server, and what stores its moves.
struct TestObserver {
    known: MadeDeliveries,
    memory: RefMemory,
    observed: Receiver<ObservedItem>,
}

impl TestObserver {
    fn new(poller: &TestPoller) -> Self {
        let conditions = poller.poller.endpoints[0].conditions.clone();
        let (observer, observed) = CommitObserver::new([(PATH.to_owned(), conditions)].into());
        let jobs = Arc::new(OnceLock::from(poller.poller.maker.jobs.clone()));
        let known = MadeDeliveries { observer: Arc::new(observer), jobs };
        Self { known, memory: poller.memory().clone(), observed }
    }
}

/// Returns the payload of moved refs.
fn payload(moves: &[(&str, &str, &str)]) -> String {
    let updated = |(ref_name, old, new): &(&str, &str, &str)| json!({ "ref": ref_name, "oldSha": old, "newSha": new });
    let body = json!({
        "event": { "action": "update", "scope": "repo.content" },
        "repo": { "type": "dataset", "name": "me/data" },
        "updatedRefs": moves.iter().map(updated).collect::<Value>(),
    });
    body.to_string()
}

/// Returns the delivery that was made for what the Hub sends now.
async fn find(poller: &TestPoller, moves: &[(&str, &str, &str)]) -> Option<Uuid> {
    let TestObserver { known, memory, observed } = TestObserver::new(poller);
    let body = payload(moves);
    tokio::select! {
        found = known.find(PATH, body.as_bytes()) => Some(found?.0),
        () = note_all(&memory, observed) => unreachable!("the observer is open"),
    }
}

#[tokio::test]
async fn a_ref_that_returns_to_its_commit_is_no_duplicate_before_its_move_is_stored() {
    let mut poller = TestPoller::of_main().await;
    let (a, b): (&[_], &[_]) = (&[(MAIN, "aaaaa")], &[(MAIN, "bbbbb")]);
    poller.poll(&[a, b, b]).await;
    let TestObserver { known, memory, observed } = TestObserver::new(&poller);
    let [on, late, back] = [("bbbbb", "ccccc"), ("aaaaa", "bbbbb"), ("ccccc", "bbbbb")]
        .map(|(old, new)| payload(&[(MAIN, old, new)]));
    known.observer.pass_on(PATH, on.as_bytes());
    let found = async {
        let found = [
            known.find(PATH, back.as_bytes()).await.is_some(),
            known.find(PATH, late.as_bytes()).await.is_some(),
        ];
        known.observer.close();
        found
    };
    // Nothing is stored before the search has begun.
    let (found, ()) = tokio::join!(biased; found, note_all(&memory, observed));
    assert_eq!(found, [false, true]);
    // A server that ends stores nothing more.
    assert_eq!(known.find(PATH, late.as_bytes()).await, None);
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

//! Tests of polls with a stand-in for the Hub and a store.

mod duplicates;
mod missed;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, pending, ready};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use super::ReconciledEndpoint;
use super::lease::PollLease;
use super::make::DeliveryMaker;
use super::memory::{ComparedRepo, RefMemory};
use super::poll::{PendingCommits, PollOutcome, Poller};
use super::ref_log::RefLogEntry;
use crate::config::environment::Environment;
use crate::endpoint::background::{BackgroundWork, Policy, SharedData};
use crate::endpoint::checks::{OwnEvents, ProgramAccount, Undetermined};
use crate::endpoint::filter::Filter;
use crate::jobs::{BackgroundHandler, DeliveryFilter, DeliveryOrigin, Jobs, Options, StoreUrl};
use crate::testing::HubStub;

const PATH: &str = "/webhooks/train";
const DATA: &str = "dataset:me/data";
const MAIN: &str = "refs/heads/main";

/// The commits that a program has made.
struct OwnCommits(&'static [&'static str]);

impl OwnEvents for OwnCommits {
    fn account(&self) -> BoxFuture<'_, Result<ProgramAccount, Undetermined>> {
        // Nothing asks: a commit has no author.
        pending().boxed()
    }

    fn made<'a>(&'a self, commits: &'a [&'a str]) -> BoxFuture<'a, Result<bool, Undetermined>> {
        ready(Ok(commits.iter().all(|sha| self.0.contains(sha)))).boxed()
    }
}

/// A poller of one endpoint, for which a difference counts at the second poll.
struct TestPoller {
    stub: HubStub,
    poller: Poller,
    pending: PendingCommits,
    _folder: TempDir,
}

impl TestPoller {
    async fn new(filter: Filter, own: Option<OwnCommits>) -> Self {
        let background = BackgroundWork::__new(
            Policy::DEFAULT,
            |_| Ok(()),
            |_| Vec::new(),
            |_| async { Ok(None) }.boxed(),
        );
        let shared = Arc::new(SharedData::default());
        let handler = BackgroundHandler { path: PATH.to_owned(), background, shared, check: None };
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::File(folder.path().join("webhooks.db"));
        let jobs = Jobs::open(&url, &Options::default(), vec![handler], |_| {}).await.unwrap();
        let endpoint = ReconciledEndpoint {
            path: PATH.to_owned(),
            conditions: filter.resolve(&Environment::default(), &mut Vec::new()),
            background,
            own: own.map(|own| Arc::new(own) as Arc<dyn OwnEvents>),
        };
        let stub = HubStub::new();
        let state = Arc::new(jobs.clone());
        let (name, holder) = ("reconcile".to_owned(), Uuid::new_v4());
        let lease = Arc::new(PollLease { state, name, holder, renewal: Duration::from_secs(20) });
        let maker = DeliveryMaker {
            hub: stub.hub(),
            jobs: jobs.clone(),
            memory: RefMemory(Arc::new(jobs)),
            making: Arc::default(),
            lease,
        };
        stub.on("GET", "/api/datasets/me/data").respond(json!({ "id": "me/data", "sha": "b" }));
        let poller = Poller { maker, endpoints: vec![endpoint], confirm: Duration::ZERO };
        Self { stub, poller, pending: PendingCommits::new(), _folder: folder }
    }

    async fn of_main() -> Self {
        Self::new(Filter::new().watch(DATA).branch("main"), None).await
    }

    /// Polls once for each of these lists of refs.
    async fn poll(&mut self, polls: &[&[(&str, &str)]]) -> PollOutcome {
        let mut outcome = PollOutcome::default();
        for refs in polls {
            let listed = |(name, sha): &(&str, &str)| json!({ "name": name, "ref": name, "targetCommit": sha });
            let branches: Vec<_> = refs.iter().map(listed).collect();
            let refs = self.stub.on("GET", "/api/datasets/me/data/refs");
            refs.respond(json!({ "branches": branches, "tags": [] }));
            outcome = self.poller.poll(&mut self.pending).await;
            assert!(outcome.failed.is_none(), "{:?}", outcome.failed);
        }
        outcome
    }

    /// Notes that a delivery has moved `main`.
    async fn note(&self, from: &str, to: &str) {
        self.memory().note(OF, &[RefLogEntry::arrived(MAIN, (from, to))]).await.unwrap();
    }

    fn memory(&self) -> &RefMemory {
        &self.poller.maker.memory
    }

    /// Returns the commits of the deliveries that were made, the first one first.
    async fn made(&self) -> Vec<String> {
        let jobs = &self.poller.maker.jobs;
        let mut made = Vec::new();
        let all = DeliveryFilter { limit: 100, ..DeliveryFilter::default() };
        for delivery in jobs.list(all).await.unwrap() {
            assert_eq!(delivery.origin, DeliveryOrigin::Reconcile);
            let body = jobs.show(delivery.id).await.unwrap().unwrap().body;
            let body: Value = serde_json::from_slice(&body).unwrap();
            let updated = &body["updatedRefs"][0];
            let sha = |name: &str| updated[name].as_str().unwrap().to_owned();
            made.insert(0, format!("{}..{}", sha("oldSha"), sha("newSha")));
        }
        made
    }
}

/// The header of a page that has a next one.
const NEXT: &str = r#"<https://hub.test/api/datasets/me/data/commits/ccccc?p=1>; rel="next""#;

const OF: ComparedRepo<'_> = ComparedRepo { endpoint: PATH, repo: DATA };

#[tokio::test]
async fn a_commit_that_no_delivery_has_brought_is_made_at_the_second_poll() {
    let mut poller = TestPoller::of_main().await;
    let (a, b): (&[_], &[_]) = (&[(MAIN, "aaaaa")], &[(MAIN, "bbbbb")]);
    assert!(!poller.poll(&[a]).await.is_pending);
    assert!(poller.poll(&[b]).await.is_pending);
    assert_eq!(poller.made().await, [""; 0]);
    assert!(!poller.poll(&[b, b, b]).await.is_pending);
    assert_eq!(poller.made().await, ["aaaaa..bbbbb"]);
}

#[tokio::test]
async fn a_delivery_that_does_not_continue_from_the_seen_commit_changes_nothing() {
    let mut poller = TestPoller::of_main().await;
    let (a, c): (&[_], &[_]) = (&[(MAIN, "aaaaa")], &[(MAIN, "ccccc")]);
    poller.poll(&[a]).await;
    // A sample that a person triggers, and the replay of an older delivery.
    poller.note("11111", "22222").await;
    poller.note("00000", "aaaaa").await;
    poller.poll(&[a, a, a]).await;
    assert_eq!(poller.made().await, [""; 0]);
    // Deliveries in another order than their commits.
    poller.note("bbbbb", "ccccc").await;
    poller.note("aaaaa", "bbbbb").await;
    poller.poll(&[c, c, c]).await;
    assert_eq!(poller.made().await, [""; 0]);
    assert_eq!(poller.memory().seen(OF).await.unwrap()[MAIN].sha, "ccccc");
}

#[tokio::test]
async fn what_is_made_twice_is_accepted_once() {
    let mut poller = TestPoller::of_main().await;
    let (a, b): (&[_], &[_]) = (&[(MAIN, "aaaaa")], &[(MAIN, "bbbbb")]);
    poller.poll(&[a]).await;
    let before = poller.memory().seen(OF).await.unwrap();
    poller.poll(&[b, b]).await;
    // Another replica has read the seen commits before.
    poller.memory().set_seen(OF, &before).await.unwrap();
    poller.poll(&[b, b]).await;
    assert_eq!(poller.made().await, ["aaaaa..bbbbb"]);
    // The same commits of a later time are others.
    poller.note("bbbbb", "aaaaa").await;
    tokio::time::sleep(Duration::from_millis(2)).await;
    poller.poll(&[a, b, b]).await;
    assert_eq!(poller.made().await, ["aaaaa..bbbbb"; 2]);
}

#[tokio::test]
async fn a_ref_that_is_missing_from_the_hub_s_list_is_forgotten() {
    let mut poller = TestPoller::of_main().await;
    poller.poll(&[&[(MAIN, "aaaaa"), ("refs/heads/dev", "1")]]).await;
    let seen = poller.memory().seen(OF).await.unwrap();
    // `dev` is none of the endpoint's branches.
    assert_eq!(seen.keys().collect::<Vec<_>>(), [MAIN]);
    poller.poll(&[&[], &[(MAIN, "bbbbb")], &[(MAIN, "bbbbb")]]).await;
    assert_eq!(poller.made().await, [""; 0]);
    assert_eq!(poller.memory().seen(OF).await.unwrap()[MAIN].sha, "bbbbb");
    // A difference of a ref that is gone is not waited for.
    assert!(poller.poll(&[&[(MAIN, "ccccc")]]).await.is_pending);
    assert!(!poller.poll(&[&[]]).await.is_pending);
}

#[tokio::test]
async fn a_rate_limit_ends_a_poll_and_another_failure_does_not() {
    for (status, header, calls) in [
        (429, None, 1),
        (429, Some(("Retry-After", "60")), 1),
        (503, Some(("Retry-After", "60")), 1),
        (404, None, 2),
    ] {
        let filter = Filter::new().watch("dataset:me/a").watch("dataset:me/b");
        let mut poller = TestPoller::new(filter, None).await;
        for repo in ["a", "b"] {
            let refs = poller.stub.on("GET", &format!("/api/datasets/me/{repo}/refs"));
            let refs = refs.error(status, "No");
            if let Some((name, value)) = header {
                refs.header(name, value);
            }
        }
        let PollOutcome { failed, is_pending } = poller.poller.poll(&mut poller.pending).await;
        let failed = failed.unwrap();
        assert_eq!((&*failed.what, is_pending), ("dataset:me/a for /webhooks/train", false));
        assert_eq!(failed.wait, header.map(|_| Duration::from_secs(60)), "{status}");
        let mut paths: Vec<_> = poller.stub.calls().into_iter().map(|call| call.path).collect();
        paths.dedup();
        assert_eq!(paths.len(), calls, "{status} {header:?}");
    }
}

#[tokio::test]
async fn a_difference_is_remembered_while_another_repo_cannot_be_compared() {
    let mut poller = TestPoller::new(Filter::new().watch(DATA), None).await;
    let (a, b): (&[_], &[_]) = (&[(MAIN, "aaaaa")], &[(MAIN, "bbbbb")]);
    poller.poll(&[a, b]).await;
    poller.stub.on("GET", "/api/datasets/me/data/refs").error(404, "No");
    assert!(poller.poller.poll(&mut poller.pending).await.is_pending);
    poller.poll(&[b]).await;
    assert_eq!(poller.made().await, ["aaaaa..bbbbb"]);
}

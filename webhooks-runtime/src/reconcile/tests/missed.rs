//! Tests of the moves for which deliveries are made.

use super::*;

#[tokio::test]
async fn moves_from_before_the_commit_that_was_seen_do_not_count() {
    let mut poller = TestPoller::of_main().await;
    let [a, b, c] = ["aaaaa", "bbbbb", "ccccc"].map(|sha| [(MAIN, sha)]);
    poller.poll(&[&a]).await;
    // Forced pushes back and forth.
    for (old, new) in [("aaaaa", "bbbbb"), ("bbbbb", "aaaaa"), ("aaaaa", "ccccc")] {
        poller.note(old, new).await;
    }
    poller.poll(&[&c, &c]).await;
    assert_eq!(poller.made().await, [""; 0]);
    // It returns to commits that it had before, without deliveries.
    poller.poll(&[&b, &b]).await;
    assert_eq!(poller.made().await, ["ccccc..bbbbb"]);
    poller.poll(&[&a, &a]).await;
    assert_eq!(poller.made().await, ["ccccc..bbbbb", "bbbbb..aaaaa"]);
    // And with a delivery.
    poller.note("aaaaa", "bbbbb").await;
    poller.poll(&[&b, &b]).await;
    assert_eq!(poller.made().await.len(), 2);
}

#[tokio::test]
async fn a_commit_of_somebody_else_before_the_program_s_own_is_made() {
    for (listed, own, expected) in [
        (["ccccc", "bbbbb", "aaaaa"], &["ccccc"][..], &["aaaaa..bbbbb"][..]),
        (["ccccc", "bbbbb", "aaaaa"], &["ccccc", "bbbbb"], &[]),
        (["ccccc", "bbbbb", "aaaaa"], &[], &["aaaaa..ccccc"]),
        // The commit that was seen is not in the list, after a forced push.
        (["ccccc", "bbbbb", "00000"], &["ccccc"], &["aaaaa..bbbbb"]),
    ] {
        let filter = Filter::new().watch(DATA);
        let mut poller = TestPoller::new(filter, Some(OwnCommits(own))).await;
        let commits = poller.stub.on("GET", "/api/datasets/me/data/commits/ccccc");
        // Two pages.
        let (first, rest) = listed.split_at(1);
        let page = |ids: &[&str]| ids.iter().map(|id| json!({ "id": id })).collect::<Value>();
        commits.respond(page(first)).header("Link", NEXT).respond(page(rest));
        let (a, c): (&[_], &[_]) = (&[(MAIN, "aaaaa")], &[(MAIN, "ccccc")]);
        poller.poll(&[a, c, c, c, c]).await;
        assert_eq!(poller.made().await, expected, "{own:?}");
        assert_eq!(poller.memory().seen(OF).await.unwrap()[MAIN].sha, "ccccc");
    }
}

/// Makes the Hub list these commits up to the first one.
fn list_commits(poller: &TestPoller, commits: &[&str]) {
    let path = format!("/api/datasets/me/data/commits/{}", commits[0]);
    let listed: Value = commits.iter().map(|id| json!({ "id": id })).collect();
    poller.stub.on("GET", &path).respond(listed);
}

#[tokio::test]
async fn what_was_missed_before_a_delivery_is_made() {
    for (name, own, commits, expected) in [
        ("a known commit", None, ["ccccc", "bbbbb", "aaaaa"], &["aaaaa..bbbbb"][..]),
        (
            "before the program's own",
            Some(&["ccccc"][..]),
            ["ccccc", "bbbbb", "aaaaa"],
            &["aaaaa..bbbbb"],
        ),
        ("the program's own", Some(&["bbbbb"]), ["ccccc", "bbbbb", "aaaaa"], &[]),
        // Such as a sample that names the current commit.
        ("an unknown commit", None, ["ccccc", "aaaaa", "00000"], &[]),
    ] {
        let filter = Filter::new().watch(DATA);
        let mut poller = TestPoller::new(filter, own.map(OwnCommits)).await;
        list_commits(&poller, &commits);
        list_commits(&poller, &commits[1..]);
        let [a, c] = ["aaaaa", "ccccc"].map(|sha| [(MAIN, sha)]);
        poller.poll(&[&a]).await;
        poller.note("bbbbb", "ccccc").await;
        assert!(poller.poll(&[&c]).await.is_pending, "{name}");
        poller.poll(&[&c, &c, &c]).await;
        assert_eq!(poller.made().await, expected, "{name}");
        assert_eq!(poller.memory().seen(OF).await.unwrap()[MAIN].sha, "ccccc", "{name}");
    }
}

#[tokio::test]
async fn a_ref_that_was_deleted_is_a_new_one() {
    let mut poller = TestPoller::of_main().await;
    poller.poll(&[&[(MAIN, "aaaaa")]]).await;
    poller.note("aaaaa", "").await;
    let b: &[_] = &[(MAIN, "bbbbb")];
    assert!(!poller.poll(&[b, b]).await.is_pending);
    assert_eq!(poller.made().await, [""; 0]);
}

#[tokio::test]
async fn a_failure_does_not_lose_what_is_confirmed_nor_stop_other_refs() {
    let dev = "refs/heads/dev";
    let mut poller = TestPoller::new(Filter::new().watch(DATA), None).await;
    poller.poll(&[&[(MAIN, "aaaaa"), (dev, "1")], &[(MAIN, "bbbbb"), (dev, "1")]]).await;
    // Takes the prepared response.
    poller.stub.hub().repo_info(DATA).await.unwrap();
    poller.stub.on("GET", "/api/datasets/me/data").error(404, "No");
    let outcome = poller.poller.poll(&mut poller.pending).await;
    assert!(outcome.is_pending && outcome.failed.is_some());
    poller.stub.on("GET", "/api/datasets/me/data").respond(json!({ "id": "me/data", "sha": "b" }));
    // At once, because it was confirmed.
    poller.poll(&[&[(MAIN, "bbbbb"), (dev, "1")]]).await;
    assert_eq!(poller.made().await, ["aaaaa..bbbbb"]);
    assert_eq!(poller.memory().seen(OF).await.unwrap()[dev].sha, "1");
}

#[tokio::test]
async fn a_replica_that_has_lost_its_lease_makes_and_stores_nothing() {
    let mut poller = TestPoller::of_main().await;
    let (a, b): (&[_], &[_]) = (&[(MAIN, "aaaaa")], &[(MAIN, "bbbbb")]);
    poller.poll(&[a, b]).await;
    let lease = Arc::clone(&poller.poller.maker.lease);
    lease.state.release(&lease.name, lease.holder).await.unwrap();
    let other = Uuid::new_v4();
    assert!(lease.state.lease(&lease.name, other, Duration::from_secs(60)).await.unwrap());
    poller.poll(&[b, b]).await;
    assert_eq!(poller.made().await, [""; 0]);
    assert_eq!(poller.memory().seen(OF).await.unwrap()[MAIN].sha, "aaaaa");
}

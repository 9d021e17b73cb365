//! What a bot has done does not come back to it.

use super::*;

#[test]
fn a_bot_does_not_get_its_own_comments_and_discussions() {
    for endpoint in [answers::endpoint(), answers_blocking::endpoint(), works::endpoint()] {
        for sample in [comment_created(), comment_edited()] {
            let response = send(endpoint, own(sample));
            let reason = "own: the comment was written by bot, the account of this program";
            assert_eq!(response.skipped(), Some(reason), "{response:?}");
            assert_eq!(response.status(), 200);
            assert_eq!(response.json::<Value>().unwrap(), json!({ "skipped": reason }));
        }
        let response = send(endpoint, own(discussion_opened()));
        let reason = "own: the discussion was written by bot, the account of this program";
        assert_eq!(response.skipped(), Some(reason));
        // Nobody knows who has closed it.
        assert_eq!(send(endpoint, own(discussion_closed())).skipped(), None);
        assert_eq!(send(endpoint, comment_created()).skipped(), None);
    }
}

#[test]
fn with_own_a_bot_gets_its_own_comments() {
    let stub = HubStub::new();
    let client = client(answers_itself::endpoint(), &stub);
    let response = client.post(answers_itself::PATH, own(comment_created())).send();
    assert_eq!((response.text().as_ref(), response.skipped()), ("called", None));
    assert_eq!(stub.calls().len(), 0);
}

#[test]
fn a_bot_does_not_get_the_commits_that_it_has_made() {
    let stub = HubStub::new();
    let modes = json!({ "files": [{ "path": "results.json", "uploadMode": "regular" }] });
    stub.on("POST", "/api/datasets/me/data/preupload/main").respond(modes);
    let oid = "c0ffee0000000000000000000000000000000000";
    let commit = json!({ "commitOid": oid, "commitUrl": "https://huggingface.co/x" });
    stub.on("POST", "/api/datasets/me/data/commit/main").respond(commit);
    let client = client(commits::endpoint(), &stub);
    let push = |commits: &[&str]| {
        let mut payload: WebhookPayload = dataset_commit().repo("me/data").into();
        let refs = payload.updated_refs.as_mut().unwrap();
        let updated = refs[0].clone();
        *refs = commits.iter().map(|_| updated.clone()).collect();
        for (updated, commit) in refs.iter_mut().zip(commits) {
            updated.new_sha = Some((*commit).to_owned());
        }
        client.post(commits::PATH, payload).send()
    };
    let others = "abcdef0000000000000000000000000000000000";
    assert_eq!(push(&[others]).text(), oid);
    assert_eq!(push(&[oid]).skipped(), Some("own: this program has made the commit, as bot"));
    assert_eq!(push(&[oid, others]).skipped(), None);
}

#[test]
fn while_the_account_is_unknown_a_comment_is_not_accepted_and_not_lost() {
    let down = || {
        let stub = HubStub::new();
        stub.on("GET", "/api/whoami-v2").error(503, "Down");
        stub
    };
    let response =
        client(answers::endpoint(), &down()).post(answers::PATH, comment_created()).send();
    assert_eq!(response.status(), 503);
    let retry_after = response.header("Retry-After").unwrap().parse::<u64>().unwrap();
    assert!((1..=300).contains(&retry_after), "{retry_after}");
    assert!(!response.text().contains("own"), "{}", response.text());
    // Other events do not need the account.
    let server =
        WebhooksServer::empty().add_webhook("x", async |_: Hub| "called").hub(down().hub());
    let response = TestClient::new(server).unwrap().post("/webhooks/x", dataset_commit()).send();
    assert_eq!(response.text(), "called");
    let response = client(works::endpoint(), &down()).post(works::PATH, comment_created()).send();
    assert_eq!(response.status(), 202);
    let cause = response.cause().unwrap();
    assert!(cause.starts_with("own: it is unknown whether this program caused the event: "));
}

#[test]
fn a_bot_does_not_get_the_merges_that_it_has_made() {
    let stub = HubStub::new();
    stub.on("POST", "/api/datasets/me/data/discussions/7/merge").respond(json!({}));
    let oid = "c0ffee0000000000000000000000000000000000";
    let merged = json!({ "changes": { "base": "refs/heads/main", "mergeCommitId": oid } });
    stub.on("GET", "/api/datasets/me/data/discussions/7").respond(merged);
    let client = client(merges::endpoint(), &stub);
    let opened = pull_request_opened().repo("me/data").number(7);
    let response = client.post(merges::PATH, as_dataset(opened)).send();
    assert_eq!((response.status().as_u16(), response.cause()), (200, None));
    assert_eq!(stub.calls().len(), 1);
    let mut push: WebhookPayload = dataset_commit().repo("me/data").into();
    push.updated_refs.as_mut().unwrap()[0].new_sha = Some(oid.to_owned());
    let response = client.post(merges::PATH, push).send();
    assert_eq!(response.skipped(), Some("own: this program has made the commit, as bot"));
}

fn as_dataset(payload: impl Into<WebhookPayload>) -> WebhookPayload {
    let mut payload = payload.into();
    payload.repo.repo_type = "dataset".into();
    payload
}

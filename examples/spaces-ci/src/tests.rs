//! The bot, with a stand-in for the Hub.

mod secrets;

use webhooks_runtime::serde_json::Value;
use webhooks_runtime::testing::{HubStub, TestClient, TestResponse, discussion_opened};
use webhooks_runtime::testing::{pull_request_opened, repo_deleted, space_commit};

use super::*;

const HEAD: &str = "2222222222222222222222222222222222222222";
const SPACE: &str = "/api/spaces/me/demo";
const COPY: &str = "/api/spaces/me/demo-ci-pr-7";

/// Returns an event of pull request 7 in the response to a call.
fn event(author: &str, kind: &str, data: Value) -> Value {
    json!({ "id": "e1", "type": kind, "author": { "name": author }, "data": data })
}

fn comment(author: &str, text: &str) -> Value {
    event(author, "comment", json!({ "latest": { "raw": text } }))
}

fn commit(oid: &str) -> Value {
    commit_of("ada", oid)
}

fn commit_of(author: &str, oid: &str) -> Value {
    event(author, "commit", json!({ "subject": "Fix", "oid": oid }))
}

/// A Hub with a Space of `me`, a pull request, and a copy of it with this mark, if there is one.
fn hub(author: &str, status: &str, events: &[Value], mark: Option<&str>) -> HubStub {
    hub_with_file(author, status, events, mark, "a1")
}

/// A Hub like this, whose copy has this file. The file of the pull request is `b2`.
fn hub_with_file(
    author: &str,
    status: &str,
    events: &[Value],
    mark: Option<&str>,
    copied: &str,
) -> HubStub {
    let stub = HubStub::new();
    let file = |oid: &str| json!([{ "type": "file", "path": "app.py", "size": 1, "oid": oid }]);
    stub.on("GET", &format!("{SPACE}/tree/{HEAD}")).respond(file("b2"));
    stub.on("GET", &format!("{COPY}/tree/main")).respond(file(copied));
    prepare(&stub, author, status, events, mark);
    stub
}

/// Prepares everything but the files.
fn prepare(stub: &HubStub, author: &str, status: &str, events: &[Value], mark: Option<&str>) {
    let details = json!({
        "num": 7, "title": "Fix", "status": status, "isPullRequest": true,
        "author": { "name": author }, "events": events,
    });
    stub.on("GET", &format!("{SPACE}/discussions/7")).respond(details);
    let head = json!({ "id": "me/demo", "sha": HEAD });
    stub.on("GET", &format!("{SPACE}/revision/refs/pr/7")).respond(head);
    let variables = stub.on("GET", &format!("{COPY}/variables"));
    match mark {
        Some("") => variables.respond(json!({})),
        Some(mark) => variables.respond(json!({ "SPACES_CI": { "value": mark } })),
        None => variables.error(404, "Repository not found"),
    };
    stub.on("GET", "/api/organizations/me/members").error(404, "There is no such organization");
    stub.on("POST", &format!("{SPACE}/duplicate")).respond(json!({ "url": "" }));
    stub.on("DELETE", "/api/repos/delete").respond(json!({}));
    stub.on("GET", &format!("/spaces/me/demo/resolve/{HEAD}/app.py")).text("print(42)");
    stub.on("POST", &format!("{COPY}/preupload/main")).respond(json!({ "files": [] }));
    stub.on("POST", &format!("{COPY}/commit/main")).respond(json!({ "commitOid": "abc" }));
    let written = json!({ "newMessage": { "id": "c1", "type": "comment" } });
    stub.on("POST", &format!("{SPACE}/discussions/7/comment")).respond(written);
}

fn config() -> Config {
    let untrusted = NewRepo::new().hardware("cpu-basic");
    let trusted = untrusted.clone().secret("API_KEY", "hush");
    Config { authors: "grace, linus".to_owned(), trusted, untrusted }
}

fn post(stub: &HubStub, event: impl Into<WebhookPayload>) -> TestResponse {
    let mut event = event.into();
    event.repo.repo_type = RepoType::Space;
    let server = WebhooksServer::new().data(config()).hub(stub.hub());
    TestClient::new(server).unwrap().post(sync::PATH, event).send()
}

fn opened() -> WebhookPayload {
    pull_request_opened().repo("me/demo").number(7).into()
}

/// Returns the calls that changed something.
fn changes(stub: &HubStub) -> Vec<(String, Value)> {
    let changes = stub.calls().into_iter().filter(|call| call.method != "GET");
    let changes = changes.filter(|call| !call.path.ends_with("/preupload/main"));
    changes.map(|call| (format!("{} {}", call.method, call.path), call.body)).collect()
}

#[test]
fn a_pull_request_gets_a_copy_with_its_files_and_a_comment() {
    let push = space_commit().repo("me/demo").branch("refs/pr/7");
    for event in [opened(), push.into()] {
        let stub = hub("ada", "open", &[commit(HEAD)], None);
        assert_eq!(post(&stub, event).cause(), None);
        let [copied, committed, commented] = <[_; 3]>::try_from(changes(&stub)).unwrap();
        let mark = json!([{ "key": "SPACES_CI", "value": "space:me/demo#7, trusted: false" }]);
        assert_eq!(copied.0, format!("POST {SPACE}/duplicate"));
        let copy =
            json!({ "repository": "me/demo-ci-pr-7", "hardware": "cpu-basic", "variables": mark });
        assert_eq!(copied.1, copy);
        assert_eq!(committed.1[1]["value"]["path"], "app.py");
        let text = commented.1["comment"].as_str().unwrap();
        assert!(text.contains("[me/demo-ci-pr-7](") && text.contains("at 2222222"), "{text}");
        assert!(text.contains(&format!("comments `/trust {HEAD}`.")), "{text}");
    }
}

#[test]
fn a_copy_with_other_files_is_updated_and_one_that_is_up_to_date_stays_as_it_is() {
    let mark = Some("space:me/demo#7, trusted: false");
    let stub = hub("ada", "open", &[commit(HEAD)], mark);
    assert_eq!(post(&stub, opened()).cause(), None);
    let [committed, commented] = <[_; 2]>::try_from(changes(&stub)).unwrap();
    assert_eq!(committed.0, format!("POST {COPY}/commit/main"));
    let events = [commit(HEAD), comment("bot", commented.1["comment"].as_str().unwrap())];
    let stub = hub_with_file("ada", "open", &events, mark, "b2");
    assert_eq!(post(&stub, opened()).cause(), None);
    assert_eq!(changes(&stub), []);
}

#[test]
fn the_comment_names_the_files_that_cannot_be_copied() {
    let stub = HubStub::new();
    stub.on("GET", &format!("{COPY}/tree/main")).respond(json!([]));
    let file = |path: &str, sha256: &str| {
        let lfs = json!({ "oid": sha256, "size": 5 });
        json!({ "type": "file", "path": path, "size": 5, "oid": sha256, "lfs": lfs, "xetHash": "x" })
    };
    let files = [file("w.bin", "good"), file("`\n# @ada.bin", "bad")];
    stub.on("GET", &format!("{SPACE}/tree/{HEAD}")).respond(files);
    let failed = json!([{ "sha256": "bad", "error": "File not found" }]);
    stub.on("POST", &format!("{SPACE}/lfs-files/duplicate")).respond(json!({ "failed": failed }));
    prepare(&stub, "me", "open", &[commit(HEAD)], None);
    assert_eq!(post(&stub, opened()).cause(), None);
    let [_, _, committed, commented] = <[_; 4]>::try_from(changes(&stub)).unwrap();
    assert_eq!(
        committed.1[1],
        json!({ "key": "lfsFile", "value": { "path": "w.bin", "algo": "sha256", "oid": "good" } })
    );
    let text = commented.1["comment"].as_str().unwrap();
    assert!(text.contains("\n- The copy lacks the file `` ` # @ada.bin ``: "), "{text}");
    assert!(!text.contains("w.bin"), "{text}");
}

#[test]
fn the_comment_stays_short_however_many_files_are_missing() {
    let stub = HubStub::new();
    stub.on("GET", &format!("{COPY}/tree/main")).respond(json!([]));
    let file = |n: u64| {
        let path = format!("{n}{}", "x".repeat(4000));
        json!({ "type": "file", "path": path, "size": 5, "oid": "b2", "lfs": {} })
    };
    let files: Vec<_> = (0..23).map(file).collect();
    stub.on("GET", &format!("{SPACE}/tree/{HEAD}")).respond(files);
    prepare(&stub, "me", "open", &[commit(HEAD)], None);
    assert_eq!(post(&stub, opened()).cause(), None);
    let (_, commented) = changes(&stub).pop().unwrap();
    let text = commented["comment"].as_str().unwrap();
    assert_eq!(text.matches("lacks the file").count(), 20);
    assert!(text.contains("\n- It lacks 3 more files.\n"), "{text}");
    assert!(text.len() < 10_000, "{}", text.len());
}

#[test]
fn the_copy_of_a_closed_pull_request_is_deleted_once() {
    for status in ["closed", "merged"] {
        let stub = hub("ada", status, &[], Some("space:me/demo#7, trusted: false"));
        assert_eq!(post(&stub, opened()).cause(), None);
        // There is no comment of the bot, so it needs none that corrects it.
        let [deleted] = <[_; 1]>::try_from(changes(&stub)).unwrap();
        let copy = json!({ "name": "demo-ci-pr-7", "organization": "me", "type": "space" });
        assert_eq!(deleted.1, copy);
        let stub = hub("ada", status, &[], None);
        assert_eq!(post(&stub, opened()).cause(), None);
        assert_eq!(changes(&stub), []);
        assert!(stub.calls().iter().all(|call| call.query.is_empty()), "no diff is read");
    }
}

#[test]
fn the_end_of_an_attempt_after_the_deletion_leaves_no_wrong_comment() {
    let events = [comment("bot", "It runs.\n\n<!-- spaces-ci -->")];
    let stub = hub("ada", "closed", &events, None);
    let edit = format!("{SPACE}/discussions/7/comment/e1/edit");
    let edited = json!({ "updatedComment": { "id": "e1", "type": "comment" } });
    stub.on("POST", &edit).respond(edited);
    assert_eq!(post(&stub, opened()).cause(), None);
    let [(call, body)] = <[_; 1]>::try_from(changes(&stub)).unwrap();
    assert_eq!(call, format!("POST {edit}"));
    assert!(body["content"].as_str().unwrap().starts_with("The copy was deleted."));
}

#[test]
fn a_copy_is_deleted_even_if_the_bot_cannot_comment() {
    let events = [comment("bot", "It runs.\n\n<!-- spaces-ci -->")];
    let edit = format!("{SPACE}/discussions/7/comment/e1/edit");
    for (status, ends_well) in [(403, true), (404, true), (500, false)] {
        let stub = hub("ada", "closed", &events, Some("space:me/demo#7, trusted: true"));
        stub.on("POST", &edit).error(status, "This discussion is locked");
        assert_eq!(post(&stub, opened()).cause().is_none(), ends_well, "{status}");
        let calls: Vec<_> = changes(&stub).into_iter().map(|(call, _)| call).collect();
        assert_eq!(calls, ["DELETE /api/repos/delete".to_owned(), format!("POST {edit}")]);
    }
}

#[test]
fn a_space_that_the_bot_did_not_make_is_left_alone() {
    // No variable, and those of duplicates of other copies.
    let marks = ["", "1", "space:me/demo#4, trusted: false", "space:me/demo#71, trusted: false"];
    for mark in marks {
        let stub = hub("me", "open", &[commit(HEAD)], Some(mark));
        let cause = "space:me/demo-ci-pr-7 was not made by this bot: rename it";
        assert_eq!(post(&stub, opened()).cause(), Some(cause));
        assert_eq!(changes(&stub), []);
        // It is in nobody's way any more.
        let stub = hub("me", "closed", &[commit(HEAD)], Some(mark));
        assert_eq!(post(&stub, opened()).cause(), None);
        assert_eq!(changes(&stub), []);
    }
}

#[test]
fn a_discussion_that_is_no_pull_request_has_no_copy_and_no_comment_of_the_bot() {
    let stub = hub("ada", "open", &[], None);
    // A person has copied the comment of another discussion.
    let events = [comment("ada", "It runs.\n\n<!-- spaces-ci -->")];
    let details = json!({ "num": 8, "title": "Hi", "status": "open", "isPullRequest": false, "events": events });
    stub.on("GET", &format!("{SPACE}/discussions/8")).respond(details);
    stub.on("GET", "/api/spaces/me/demo-ci-pr-8/variables").error(404, "Repository not found");
    let response = post(&stub, discussion_opened().repo("me/demo").number(8));
    assert_eq!(response.cause(), None);
    assert_eq!(changes(&stub), []);
}

#[test]
fn each_start_looks_at_open_pull_requests_and_at_copies() {
    let stub = hub("ada", "merged", &[], Some("space:me/demo#7, trusted: false"));
    let open =
        |num: u64| json!({ "num": num, "title": "", "status": "open", "isPullRequest": true });
    let list = json!({ "count": 2, "start": 0, "discussions": [open(6), open(8)] });
    stub.on("GET", &format!("{SPACE}/discussions")).respond(list);
    let names = ["me/demo", "me/demo-ci-pr-7", "me/demo-ci-pr-x", "me/other-ci-pr-9"];
    stub.on("GET", "/api/spaces").respond(names.map(|name| json!({ "id": name })));
    // One that fails stops no other: each has its delivery.
    stub.on("GET", "/api/spaces/me/demo-ci-pr-6/variables").error(500, "Internal error");
    stub.on("GET", "/api/spaces/me/demo-ci-pr-8/variables").error(404, "Repository not found");
    stub.on("GET", &format!("{SPACE}/discussions/8")).error(404, "Discussion not found");
    let server = WebhooksServer::new().data(config()).hub(stub.hub());
    let client = TestClient::new(server).unwrap();
    let event = json!({ "action": "update", "scope": "repo" });
    let repo = json!({ "type": "space", "name": "me/demo" });
    let enqueued = sync::enqueue(&client, json!({ "event": event, "repo": repo }));
    assert_eq!(stub.hub().block_on(enqueued).unwrap().cause(), None);
    let calls: Vec<_> = changes(&stub).into_iter().map(|(call, _)| call).collect();
    assert_eq!(calls[0], "DELETE /api/repos/delete");
    assert!(stub.calls().iter().any(|call| call.path == format!("{SPACE}/discussions/8")));
}

#[test]
fn the_copies_of_a_deleted_space_are_deleted() {
    let stub = HubStub::new();
    stub.on("GET", &format!("{SPACE}/discussions")).error(404, "Repository not found");
    stub.on("GET", &format!("{SPACE}/discussions/7")).error(404, "Repository not found");
    stub.on("GET", "/api/spaces").respond(json!([{ "id": "me/demo-ci-pr-7" }]));
    let mark = json!({ "SPACES_CI": { "value": "space:me/demo#7, trusted: false" } });
    stub.on("GET", &format!("{COPY}/variables")).respond(mark);
    stub.on("DELETE", "/api/repos/delete").respond(json!({}));
    assert_eq!(post(&stub, repo_deleted().repo("me/demo")).cause(), None);
    let [(call, body)] = <[_; 1]>::try_from(changes(&stub)).unwrap();
    assert_eq!(
        (call.as_str(), &body["name"]),
        ("DELETE /api/repos/delete", &json!("demo-ci-pr-7"))
    );
}

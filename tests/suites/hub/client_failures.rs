//! The client, `webhooks_runtime::Hub`, where calls fail, are repeated, are redirected, or have no counterpart in Python.

use serde_json::{Value, json};
use tests::hub::{Scope, TestHub, Trouble};
use webhooks_runtime::hub::{Commit, DiscussionQuery, FileChange, WebhookState};
use webhooks_runtime::{Hub, HubError, RepoType, WebhookPayload};

const DATA: &str = "dataset:me/data";

/// A Hub with a dataset and a discussion, and a client.
fn start() -> (TestHub, Hub) {
    let hub = TestHub::start();
    hub.create_repo(DATA);
    hub.open_discussion(DATA, "me", "Name the seed", "Which seed was used?");
    let client = Hub::new(hub.url(), hub.token()).unwrap();
    (hub, client)
}

fn comments(hub: &TestHub) -> usize {
    hub.comments(DATA, 1).len()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_does_not_follow_a_file_to_another_origin() {
    let (hub, client) = start();
    hub.push(DATA, "main", &[("a.parquet", Some(b"PAR1"))]);
    assert_eq!(client.file_bytes(DATA, "main", "a.parquet").await.unwrap(), b"PAR1");
    let requests = hub.file_requests();
    assert_eq!(requests.len(), 1);
    assert!(!format!("{requests:?}").contains(hub.token()));
    hub.assert_no_faults();
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_have_all_pages_and_nothing_that_the_account_may_not_see() {
    let (hub, client) = start();
    for number in 0..12 {
        hub.create_repo(&format!("space:me/app-{number}"));
    }
    hub.set_private("space:me/app-1", true);
    hub.create_repo("space:ada/app");
    hub.create_repo("space:ada/secret");
    hub.set_private("space:ada/secret", true);
    let names = async |owner: &str| {
        let spaces = client.repos(RepoType::Space, owner).await.unwrap();
        spaces.into_iter().map(|space| space.name).collect::<Vec<_>>()
    };
    assert_eq!(names("me").await.len(), 12);
    assert_eq!(names("ada").await, ["ada/app"]);
    assert_eq!(names("nobody").await, Vec::<String>::new());

    let paths: Vec<_> = (0..24).map(|number| format!("data/{number}.csv")).collect();
    let mut files: Vec<_> = paths.iter().map(|path| (path.as_str(), Some(&b"1\n"[..]))).collect();
    files.push(("model.bin", Some(b"weights")));
    hub.push(DATA, "main", &files);
    let files = client.files(DATA, "main").await.unwrap();
    // With the `.gitattributes` of a new repo.
    assert_eq!(files.len(), 26);
    let large: Vec<_> = files.iter().filter(|file| file.is_large).collect();
    assert_eq!((large.len(), large[0].path.as_str(), large[0].size), (1, "model.bin", 7));
    // Equal contents have equal ids.
    let oid = |path: &str| files.iter().find(|file| file.path == path).unwrap().oid.clone();
    assert_eq!(oid("data/1.csv"), oid("data/2.csv"));
    assert_ne!(oid("data/1.csv"), oid("model.bin"));
    hub.assert_no_faults();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_members_of_what_is_no_organization_are_a_404() {
    let (hub, client) = start();
    let error = client.organization_members("me").await.unwrap_err();
    assert_eq!(error.status(), Some(404), "{error}");
    hub.assert_no_faults();
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_files_are_those_of_the_comparison() {
    let (hub, client) = start();
    let old =
        hub.push(DATA, "main", &[("a", Some(b"1\n")), ("b c", Some(b"2\n")), ("d", Some(b"3\n"))]);
    let new = hub.push(
        DATA,
        "main",
        &[
            ("a", Some(b"one\n")),
            ("b c", None),
            ("ä/\"b\"", Some(b"2\n")),
            ("d", None),
            ("e", Some(b"\0")),
        ],
    );
    let changed = client.changed_files(DATA, &old, &new).await.unwrap();
    let mut changed: Vec<_> = changed
        .iter()
        .map(|file| (file.path.as_str(), file.old_path.as_deref(), file.change))
        .collect();
    changed.sort_by_key(|(path, ..)| *path);
    let expected = [
        ("a", None, FileChange::Modified),
        ("d", None, FileChange::Deleted),
        ("e", None, FileChange::Added),
        ("ä/\"b\"", Some("b c"), FileChange::Renamed),
    ];
    assert_eq!(changed, expected);
    let request = &hub.requests()[0];
    assert_eq!(request.path, format!("/api/datasets/me/data/compare/{old}..{new}"));
    assert_eq!(request.query["raw"], "true");
    hub.assert_no_faults();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_goes_to_the_discussion_of_a_delivery() {
    let (hub, client) = start();
    let webhook = hub.create_webhook("me", "http://127.0.0.1:1", &[DATA]);
    hub.comment(DATA, 1, "somebody", "And the split?");
    let payload = hub.webhook(&webhook).deliveries[0].payload.clone();
    let payload: WebhookPayload = serde_json::from_value(payload).unwrap();
    let comment = client.reply(&payload, "80 to 20.").await.unwrap();
    let last = hub.comments(DATA, 1).pop().unwrap();
    assert_eq!((last.author.as_str(), last.text.as_str()), ("me", "80 to 20."));
    assert_eq!(comment.id, last.id);
    hub.assert_no_faults();
}

#[tokio::test(flavor = "multi_thread")]
async fn all_pages_of_discussions_are_read() {
    let (hub, client) = start();
    for _ in 0..24 {
        hub.open_discussion(DATA, "me", "Hello", "Hello");
    }
    let found = client.discussions(DATA, &DiscussionQuery::new()).await.unwrap();
    let nums: Vec<_> = found.iter().map(|discussion| discussion.num).collect();
    assert_eq!(nums, (1..=25).rev().collect::<Vec<_>>());
    hub.assert_no_faults();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_replayed() {
    let (hub, client) = start();
    let webhook = hub.create_webhook("me", "http://127.0.0.1:1", &[DATA]);
    hub.push(DATA, "main", &[("a", Some(b"1\n"))]);
    hub.wait_until_delivered();
    let delivery = hub.webhook(&webhook).deliveries[0].clone();
    assert_eq!(client.replay_webhook(&webhook, &delivery.log_id).await.unwrap(), 0);
    let attempts = hub.webhook(&webhook).deliveries[0].attempts.len();
    assert_eq!(attempts, delivery.attempts.len() + 1);
    hub.assert_no_faults();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_state_of_a_webhook_is_read() {
    let (hub, client) = start();
    let webhook = hub.create_webhook("me", "http://127.0.0.1:1", &[DATA]);
    for (state, expected) in [
        (tests::hub::TestWebhookState::Suspended, WebhookState::Suspended),
        (tests::hub::TestWebhookState::Disabled, WebhookState::Disabled),
        (tests::hub::TestWebhookState::Enabled, WebhookState::Enabled),
    ] {
        hub.set_webhook_state(&webhook, state);
        assert_eq!(client.webhook(&webhook).await.unwrap().state, expected);
        assert_eq!(client.webhooks().await.unwrap()[0].state, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_waited_for_even_by_a_call_that_is_not_repeated_otherwise() {
    let (hub, client) = start();
    hub.limit_rate(2, 0);
    client.comment(DATA, 1, "42").await.unwrap();
    assert_eq!(comments(&hub), 2);
    let statuses: Vec<_> = hub.requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [429, 429, 200]);
    // More than the client waits for.
    hub.limit_rate(1, 3600);
    let error = client.comment(DATA, 1, "43").await.unwrap_err();
    let wait = error.retry_after().unwrap();
    assert_eq!((error.status(), wait.as_secs()), (Some(429), 3600), "{error}");
    hub.assert_no_faults();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_can_be_repeated_is_repeated_after_a_lost_connection() {
    let (hub, client) = start();
    for trouble in [Trouble::Lost, Trouble::LostResponse, Trouble::Status(502)] {
        hub.trouble_next(1, trouble);
        client.discussion(DATA, 1).await.unwrap();
    }
    assert_eq!(hub.requests().len(), 6);
    hub.forget_requests();
    hub.trouble_next(1, Trouble::LostResponse);
    let error = client.comment(DATA, 1, "42").await.unwrap_err();
    assert!(matches!(error, HubError::NoResponse { .. }), "{error}");
    hub.trouble_next(1, Trouble::Status(503));
    let commit = Commit::new("Delete").delete(".gitattributes");
    let error = client.commit(DATA, "main", &commit).await.unwrap_err();
    assert_eq!(error.status(), Some(503), "{error}");
    // Each was sent once; the first was processed.
    assert_eq!((hub.requests().len(), comments(&hub)), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_has_what_the_hub_says_and_what_to_do() {
    let (hub, client) = start();
    let error = client.file_text(DATA, "main", "other").await.unwrap_err();
    assert_eq!((error.status(), error.code()), (Some(404), Some("EntryNotFound")), "{error}");
    assert!(error.request_id().is_some_and(|id| id.starts_with("Root=1-")), "{error}");
    assert_eq!(error.message(), Some("Entry not found"));
    let reader = Hub::new(hub.url(), &hub.token_with(&[Scope::Read])).unwrap();
    for (error, scope) in [
        (reader.comment(DATA, 1, "42").await.unwrap_err(), "`write`"),
        (reader.webhooks().await.unwrap_err(), "`webhooks`"),
    ] {
        assert_eq!(error.status(), Some(403));
        assert!(error.to_string().contains(scope), "{error}");
    }
    let token = hub.token().to_owned();
    hub.revoke_tokens();
    let error = client.whoami().await.unwrap_err();
    assert_eq!(error.status(), Some(401), "{error}");
    for text in [error.to_string(), format!("{error:?}"), format!("{client:?}")] {
        assert!(!text.contains(&token), "{text}");
    }
    hub.assert_no_faults();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_is_not_committed() {
    let (hub, client) = start();
    let commit = Commit::new("Add the weights").add("model.safetensors", "weights");
    let error = client.commit(DATA, "main", &commit).await.unwrap_err();
    assert!(error.to_string().contains("hf-hub"), "{error}");
    assert_eq!(hub.requests().len(), 1);
    hub.assert_no_faults();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_asked_for_once() {
    let (hub, client) = start();
    for client in [client.clone(), client] {
        assert_eq!(client.whoami().await.unwrap().id, hub.account("me").id);
    }
    assert_eq!(hub.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_a_type_is_made_as_it_is_written() {
    let (hub, client) = start();
    let path = "/api/datasets/me/data/discussions";
    let body = json!({ "title": "Hello", "description": "Hello", "pullRequest": false });
    let created: Value =
        client.request("POST", path).json(&body).send().await.unwrap().json().unwrap();
    assert_eq!(created["num"], 2);
    let found = client.request("GET", path).query("author", "nobody").send().await.unwrap();
    assert_eq!((found.status(), found.json::<Value>().unwrap()["count"].as_u64()), (200, Some(0)));
    hub.assert_no_faults();
}

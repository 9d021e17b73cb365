//! Functions that act on the Hub: the `Hub` as an argument, the program's own events, and `paths`. The Hub is a stub.

use std::sync::Mutex;

use serde_json::{Value, json};
use webhooks_runtime::hub::Commit;
use webhooks_runtime::testing::{
    HubStub, TestClient, TestResponse, bucket_files, comment_created, comment_edited,
    dataset_commit, discussion_closed, discussion_opened,
};
use webhooks_runtime::{
    Endpoint, Filter, Hub, HubError, LaunchError, WebhookPayload, WebhooksServer, web,
    webhook_endpoint,
};

type Client = Hub;

#[webhook_endpoint]
async fn answers(payload: WebhookPayload, hub: Hub) -> Result<String, HubError> {
    let _ = payload.repo;
    Ok(hub.whoami().await?.name)
}

#[webhook_endpoint]
fn answers_blocking(hub: Client, _raw: web::Json<Value>) -> Result<String, HubError> {
    Ok(hub.block_on(hub.whoami())?.name)
}

#[webhook_endpoint(own = true)]
async fn answers_itself(_hub: Hub) -> &'static str {
    "called"
}

#[webhook_endpoint(own = false)]
async fn has_no_hub() {}

type Runs = Mutex<Vec<String>>;

#[webhook_endpoint(background)]
async fn works(payload: WebhookPayload, hub: Hub, runs: web::Data<Runs>) -> Result<(), HubError> {
    let account = hub.whoami().await?;
    runs.lock().unwrap().push(format!("{} on {}", account.name, payload.repo.name));
    Ok(())
}

#[webhook_endpoint(background)]
fn works_blocking(hub: Hub, runs: web::Data<Runs>) -> Result<(), HubError> {
    let account = hub.block_on(hub.whoami())?;
    runs.lock().unwrap().push(account.name);
    Ok(())
}

#[webhook_endpoint(on = "repo.content", paths = ["data/**", "!**/*.md"], background)]
async fn retrains(payload: WebhookPayload, runs: web::Data<Runs>) {
    runs.lock().unwrap().push(payload.repo.name);
}

/// Commits to the repo of each delivery.
#[webhook_endpoint]
async fn commits(payload: WebhookPayload, hub: Hub) -> Result<String, HubError> {
    let commit = Commit::new("Add the results").add("results.json", "{}");
    Ok(hub.commit(&payload, "main", &commit).await?.commit_oid)
}

fn client(endpoint: Endpoint, stub: &HubStub) -> TestClient {
    let server = WebhooksServer::empty().endpoint(endpoint).data(Runs::default()).hub(stub.hub());
    TestClient::new(server).unwrap()
}

/// Sends a delivery to an endpoint with a Hub that knows only the account.
fn send(endpoint: Endpoint, payload: impl Into<WebhookPayload>) -> TestResponse {
    client(endpoint, &HubStub::new()).post(endpoint.path(), payload.into()).send()
}

/// A delivery whose comment and discussion were written by the account of the stub.
fn own(payload: impl Into<WebhookPayload>) -> WebhookPayload {
    let mut payload = payload.into();
    if let Some(comment) = &mut payload.comment {
        comment.author.id = HubStub::ACCOUNT_ID.to_owned();
    }
    if let Some(discussion) = &mut payload.discussion {
        discussion.author.id = HubStub::ACCOUNT_ID.to_owned();
    }
    payload
}

fn start_error(server: WebhooksServer) -> String {
    match TestClient::new(server) {
        Err(LaunchError::Setup(errors)) => {
            errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_kind_of_function_takes_a_hub() {
    assert_eq!(send(answers::endpoint(), comment_created()).text(), "bot");
    assert_eq!(send(answers_blocking::endpoint(), comment_created()).text(), "bot");
    for endpoint in [works::endpoint(), works_blocking::endpoint()] {
        let response = send(endpoint, comment_created());
        assert_eq!((response.status().as_u16(), response.cause()), (202, None));
    }
    let added = async |hub: Hub| Ok::<_, HubError>(hub.whoami().await?.name);
    let server = WebhooksServer::empty().add_webhook("a", added).hub(HubStub::new().hub());
    let filtered = async |payload: WebhookPayload, hub: Hub| {
        Ok::<_, HubError>(format!("{} {}", payload.repo.name, hub.whoami().await?.name))
    };
    let server = server.add_filtered_webhook("f", Filter::new().on("discussion"), filtered);
    let blocking = |hub: Hub| Ok::<_, HubError>(hub.block_on(hub.whoami())?.name);
    let client = TestClient::new(server.add_webhook("b", blocking)).unwrap();
    let text =
        |path| client.post(path, discussion_opened().repo("me/tiny")).send().text().into_owned();
    assert_eq!(text("/webhooks/a"), "bot");
    assert_eq!(text("/webhooks/f"), "me/tiny bot");
    assert_eq!(text("/webhooks/b"), "bot");
}

#[test]
fn a_test_without_a_stub_does_not_start_and_says_what_to_write() {
    let endpoints = [answers::endpoint(), works::endpoint(), retrains::endpoint()];
    let server = endpoints.into_iter().fold(WebhooksServer::empty(), WebhooksServer::endpoint);
    let server = server.add_webhook("added", async |_: Hub| ()).data(Runs::default());
    let error = start_error(server);
    assert!(error.contains("`.hub(stub.hub())`"), "{error}");
    for line in [
        "- /webhooks/added (",
        "- /webhooks/answers (",
        "- /webhooks/works (",
        "- /webhooks/retrains (",
    ] {
        assert!(error.contains(line), "{error}");
    }
    assert!(error.contains("its function takes a `Hub`") && error.contains("it has `paths`"));
    // Not needed, so not missing.
    assert!(TestClient::new(WebhooksServer::empty().add_webhook("x", async || ())).is_ok());
}

#[test]
fn own_is_an_error_for_a_function_that_takes_no_hub_and_paths_is_one_for_code() {
    let error = start_error(WebhooksServer::empty().endpoint(has_no_hub::endpoint()));
    assert!(error.starts_with("The endpoint /webhooks/has_no_hub ("), "{error}");
    assert!(error.ends_with("Remove `own`, or take a `Hub`."), "{error}");
    let filter = Filter::new().paths("data/**");
    let server = WebhooksServer::empty().add_filtered_webhook("x", filter, async || ());
    let error = start_error(server.hub(HubStub::new().hub()));
    assert!(
        error.contains("paths = \"data/**\": only a background endpoint can have it"),
        "{error}"
    );
}

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

/// A diff in which these files changed.
fn diff(files: &[&str]) -> String {
    let change = |file: &&str| {
        format!(
            "diff --git a/{file} b/{file}\nindex 1..2 100644\n--- a/{file}\n+++ b/{file}\n@@ -1 +1 @@\n-a\n+b\n"
        )
    };
    files.iter().map(change).collect()
}

#[test]
fn a_commit_runs_only_if_it_touches_one_of_the_paths() {
    let retrain = |files: &[&str]| {
        let stub = HubStub::new();
        let mut payload: WebhookPayload = dataset_commit().repo("me/data").into();
        let updated = &mut payload.updated_refs.as_mut().unwrap()[0];
        updated.old_sha = Some("1".repeat(40));
        updated.new_sha = Some("2".repeat(40));
        let (old, new) = ("1".repeat(40), "2".repeat(40));
        stub.on("GET", &format!("/api/datasets/me/data/compare/{old}..{new}")).text(&diff(files));
        client(retrains::endpoint(), &stub).post(retrains::PATH, payload).send()
    };
    let touched = retrain(&["README.md", "data/train.csv"]);
    assert_eq!((touched.skipped(), touched.cause()), (None, None));
    let other = retrain(&["README.md", "data/README.md"]);
    // Accepted, and skipped before the attempt.
    assert_eq!(other.status(), 202);
    let reason = "paths: no changed file matches data/** and !**/*.md";
    assert_eq!(other.skipped(), Some(reason));
    let bucket = send(retrains::endpoint(), bucket_files().added(["x.csv"]));
    assert_eq!((bucket.status().as_u16(), bucket.skipped()), (200, Some(reason)));
    assert_eq!(send(retrains::endpoint(), bucket_files().added(["data/x.csv"])).skipped(), None);
}

#[test]
fn a_commit_runs_when_the_hub_cannot_be_asked() {
    let response = send(retrains::endpoint(), dataset_commit());
    assert_eq!((response.status().as_u16(), response.skipped()), (202, None));
    assert_eq!(response.cause(), None);
}

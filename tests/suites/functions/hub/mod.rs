//! Functions that act on the Hub: the `Hub` as an argument, the program's own events, and `paths`. The Hub is a stub.

mod own;
mod paths;

use std::io::Error;
use std::sync::Mutex;

use serde_json::{Value, json};
use webhooks_runtime::hub::Commit;
use webhooks_runtime::testing::{
    HubStub, TestClient, TestResponse, bucket_files, comment_created, comment_edited,
    dataset_commit, discussion_closed, discussion_opened, pull_request_opened,
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

#[webhook_endpoint(on = "repo.content", paths = "data/**", background)]
async fn gives_up() -> Result<(), Error> {
    Err(Error::other("no GPU is free"))
}

#[webhook_endpoint]
async fn replies(payload: WebhookPayload, hub: Hub) -> Result<(), HubError> {
    hub.reply(&payload, "Hello!").await?;
    Ok(())
}

/// Merges the pull request of each delivery.
#[webhook_endpoint]
async fn merges(payload: WebhookPayload, hub: Hub) -> Result<(), HubError> {
    if let Some(pull_request) = &payload.discussion {
        hub.merge_pull_request(&payload, pull_request.num, None).await?;
    }
    Ok(())
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
fn the_stub_lists_the_calls_of_the_function_and_not_those_of_the_checks() {
    let stub = HubStub::new();
    let reply = json!({ "newMessage": { "id": "c1", "type": "comment" } });
    stub.on("POST", "/api/models/me/tiny/discussions/7/comment").respond(reply);
    let comment = comment_created().repo("me/tiny").number(7);
    let response = client(replies::endpoint(), &stub).post(replies::PATH, comment).send();
    assert_eq!((response.status().as_u16(), response.cause()), (200, None));
    let calls: Vec<_> = stub.calls().iter().map(ToString::to_string).collect();
    assert_eq!(calls, ["POST /api/models/me/tiny/discussions/7/comment"]);

    let stub = HubStub::new();
    let paths = client(retrains::endpoint(), &stub);
    assert_eq!(paths.post(retrains::PATH, dataset_commit()).send().status(), 202);
    assert_eq!(stub.calls(), []);
}

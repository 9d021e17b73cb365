//! Matching and skipped deliveries of endpoints with a filter.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tests::client::post;
use tests::payloads::{bucket_files, dataset_commit, pull_request_comment, with};
use webhooks_runtime::testing::{TestClient, comment_created, dataset_commit as commit};
use webhooks_runtime::{
    Filter, FilterError, LaunchError, SetupError, WebhookPayload, WebhooksServer, web,
};

fn on_main() -> Filter {
    Filter::new().watch("dataset:openai/gsm8k").branch("main")
}

#[tokio::test]
async fn a_delivery_that_does_not_match_gets_200_with_the_reason_and_calls_no_function() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let count = async || {
        CALLS.fetch_add(1, Ordering::Relaxed);
    };
    let server = WebhooksServer::empty().add_filtered_webhook("/f", on_main(), count);
    let server = server.port(0).start().await.unwrap();
    let send = |body: Value| post(server.local_url(), "/webhooks/f", &body.to_string()).unwrap();
    for (body, reason) in [
        (pull_request_comment(), "on: the event is not repo.content"),
        (
            with(dataset_commit(), "/repo/name", json!("me/other")),
            "watch: the repo is not dataset:openai/gsm8k",
        ),
        (
            with(dataset_commit(), "/updatedRefs/0/ref", json!("refs/heads/dev")),
            "branch: no commit to main",
        ),
    ] {
        let answer = send(body);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json(), json!({ "skipped": reason }));
    }
    assert_eq!(CALLS.load(Ordering::Relaxed), 0);
    let answer = send(dataset_commit());
    assert_eq!((answer.status, answer.json()), (200, Value::Null));
    assert_eq!(CALLS.load(Ordering::Relaxed), 1);
    server.stop().await;
}

#[test]
fn a_field_that_the_filter_needs_is_rejected_with_its_path_when_it_was_dropped() {
    let server = WebhooksServer::empty().add_filtered_webhook("/f", on_main(), async || ());
    let client = TestClient::new(server).unwrap();
    let detail = |body: Value| {
        let response = client.post("/webhooks/f", body).send();
        assert_eq!(response.status(), 422, "{response:?}");
        assert_eq!(response.skipped(), None);
        response.json::<Value>().unwrap()["detail"].clone()
    };
    let malformed = detail(with(dataset_commit(), "/updatedRefs/0/newSha", json!(7)));
    assert_eq!(malformed[0]["loc"], json!(["body", "updatedRefs", 0]));
    // The required fields are read, although the function takes nothing.
    let incomplete = detail(json!({ "event": { "action": "update" }, "repo": {} }));
    assert_eq!(incomplete.as_array().unwrap().len(), 3, "{incomplete}");
    assert_eq!(detail(json!("text"))[0]["loc"], json!(["body"]));
}

#[test]
fn the_function_takes_the_payload_that_the_filter_has_parsed_and_any_other_argument() {
    let names = async |payload: WebhookPayload, again: WebhookPayload, raw: web::Json<Value>| {
        assert_eq!(payload, again);
        json!([payload.repo.name, raw["repo"]["name"]])
    };
    let filter = Filter::new().on("repo.content");
    let server = WebhooksServer::empty().add_filtered_webhook("/f", filter, names);
    let client = TestClient::new(server).unwrap();
    let response = client.post("/webhooks/f", bucket_files()).send();
    let name = &bucket_files()["repo"]["name"];
    assert_eq!(response.json::<Value>().unwrap(), json!([name, name]), "{response:?}");
    // The tolerant parser is used for the filter, too.
    let without_id = client.post("/webhooks/f", with(bucket_files(), "/repo/id", json!(7))).send();
    assert_eq!(without_id.status(), 200, "{without_id:?}");
}

#[test]
fn every_error_of_a_filter_keeps_the_server_from_starting() {
    let filter = Filter::new().on("create repo.content").watch("datasets:me/data");
    let server = WebhooksServer::empty().add_filtered_webhook("/f", filter, async || ());
    let Err(LaunchError::Setup(errors)) = TestClient::new(server) else { panic!("it started") };
    let [SetupError::Filter { path, reason: FilterError::Invalid { key, .. }, .. }, _] =
        &errors[..]
    else {
        panic!("{errors:?}")
    };
    assert_eq!((path.as_str(), *key), ("/webhooks/f", "on"));
    let text = errors[1].to_string();
    let beginning = "The filter of /webhooks/f (tests/suites/request/filter.rs:";
    assert!(text.starts_with(beginning), "{text}");
    assert!(text.contains("is invalid: watch = \"datasets:me/data\": unknown type"), "{text}");
}

#[tokio::test]
async fn a_missing_variable_keeps_a_server_from_starting_and_is_not_read_in_a_test() {
    let filter = || Filter::new().watch_env("REPOS_OF_NO_TEAM");
    let server = || WebhooksServer::empty().add_filtered_webhook("/f", filter(), async || ());
    let error = server().port(0).start().await.unwrap_err().to_string();
    assert!(error.contains("watch_env = \"REPOS_OF_NO_TEAM\": this environment"), "{error}");
    let client = TestClient::new(server()).unwrap();
    assert_eq!(client.post("/webhooks/f", comment_created()).send().skipped(), None);
    let with_watch = server().add_filtered_webhook("/g", filter().watch("org:acme"), async || ());
    let client = TestClient::new(with_watch).unwrap();
    assert!(client.post("/webhooks/g", commit().repo("me/data")).send().skipped().is_some());
}

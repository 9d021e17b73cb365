//! Functions with a filter in their attribute.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use webhooks_runtime::testing::{
    Sample, TestClient, TestResponse, comment_created, dataset_commit, discussion_opened,
    tag_deleted,
};
use webhooks_runtime::{Endpoint, Filter, WebhookPayload, WebhooksServer, web, webhook_endpoint};

use super::Sized;

static CALLS: AtomicUsize = AtomicUsize::new(0);

#[webhook_endpoint(watch = "dataset:me/data", on = "repo.content", branch = "main")]
async fn retrain(payload: WebhookPayload) -> String {
    payload.repo.name
}

#[webhook_endpoint(
    on = ["create discussion", "create discussion.comment"],
    watch = ["org:acme", "model:me/tiny"],
    watch_env = "TEAM_WATCH"
)]
fn reply(shape: web::Json<Sized>) -> String {
    shape.into_inner().repo.name
}

#[webhook_endpoint("/tags", refs = "refs/tags/*", background(attempts = 2))]
async fn release() {
    CALLS.fetch_add(1, Ordering::Relaxed);
}

fn send(endpoint: Endpoint, sample: Sample) -> TestResponse {
    let server = WebhooksServer::empty().endpoint(endpoint);
    TestClient::new(server).unwrap().post(endpoint.path(), sample).send()
}

#[test]
fn the_keys_of_the_attribute_are_the_filter_of_the_endpoint() {
    let filter = Filter::new().watch("dataset:me/data").on("repo.content").branch("main");
    assert_eq!(retrain::endpoint().filter(), filter);
    let filter = Filter::new().on("create discussion").on("create discussion.comment");
    let filter = filter.watch("org:acme").watch("model:me/tiny").watch_env("TEAM_WATCH");
    assert_eq!(reply::endpoint().filter(), filter);
    assert_eq!(release::endpoint().filter(), Filter::new().refs("refs/tags/*"));
}

#[test]
fn a_delivery_that_matches_calls_the_function_and_any_other_is_skipped() {
    let response = send(retrain::endpoint(), dataset_commit().repo("me/data"));
    assert_eq!((response.text().as_ref(), response.skipped()), ("me/data", None));
    let response = send(retrain::endpoint(), dataset_commit());
    assert_eq!(response.skipped(), Some("watch: the repo is not dataset:me/data"));
    let response = send(reply::endpoint(), discussion_opened().repo("acme/x"));
    assert_eq!((response.text().as_ref(), response.skipped()), ("acme/x", None));
    assert!(send(reply::endpoint(), comment_created()).skipped().is_some());
}

#[test]
fn a_skipped_background_delivery_is_not_accepted() {
    let response = send(release::endpoint(), dataset_commit());
    assert_eq!(response.status(), 200);
    let body: serde_json::Value = response.json().unwrap();
    assert_eq!(body, json!({ "skipped": "refs: no change of refs/tags/*" }));
    assert_eq!(CALLS.load(Ordering::Relaxed), 0);
    assert_eq!(send(release::endpoint(), tag_deleted()).status(), 202);
    assert_eq!(CALLS.load(Ordering::Relaxed), 1);
}

//! The key of a background delivery, and what a function says about its run.

use std::time::Duration;

use serde_json::{Value, json};
use tests::payloads::dataset_commit;
use webhooks_runtime::testing::{HubStub, TestClient};
use webhooks_runtime::{
    Delivery, Hub, HubError, Note, RetryAfter, WebhookPayload, WebhooksServer, web,
    webhook_endpoint,
};

use super::answer_of;

#[webhook_endpoint(background(key = "repo", latest))]
async fn by_repo(_body: web::Json<Value>) {}

#[webhook_endpoint(background(key = "ref", debounce = "5m"))]
async fn by_ref(_body: web::Json<Value>) {}

#[webhook_endpoint(background(key = "discussion"))]
fn by_discussion(_payload: WebhookPayload) {}

#[webhook_endpoint(background(key = keys::of_name, latest = "cancel"))]
async fn by_function(delivery: Delivery) -> Note {
    assert!(delivery.merged().is_empty());
    delivery.note("counted 2 files");
    Note("trained")
}

mod keys {
    use webhooks_runtime::WebhookPayload;

    pub(super) fn of_name(payload: &WebhookPayload) -> String {
        match payload.repo.name.as_str() {
            "panics" => panic!("no key for this"),
            "long" => "x".repeat(1001),
            name => name.to_owned(),
        }
    }
}

#[webhook_endpoint(background)]
async fn notes_and_fails(delivery: Delivery) -> Result<Note, String> {
    delivery.note(format!("attempt {}", delivery.attempt));
    Err("no such dataset".to_owned())
}

#[webhook_endpoint(background)]
fn notes_in_a_result() -> Result<Note, String> {
    Ok(Note("trained".to_owned()))
}

#[webhook_endpoint]
async fn is_busy() -> Result<(), RetryAfter> {
    Err(RetryAfter(Duration::from_secs(90)))
}

#[webhook_endpoint]
async fn is_limited(hub: Hub) -> Result<String, HubError> {
    Ok(hub.whoami().await?.name)
}

fn client() -> TestClient {
    let server = WebhooksServer::empty()
        .endpoint(by_repo::endpoint())
        .endpoint(by_ref::endpoint())
        .endpoint(by_discussion::endpoint())
        .endpoint(by_function::endpoint())
        .endpoint(notes_and_fails::endpoint())
        .endpoint(notes_in_a_result::endpoint());
    TestClient::new(server).unwrap()
}

#[test]
fn an_endpoint_with_a_key_needs_the_payload_whatever_its_function_takes() {
    let response = client().post(by_repo::PATH, json!({ "mine": 1 })).send();
    assert_eq!(response.status(), 422);
    let faults: Value = response.json().unwrap();
    assert_eq!(faults["detail"][0]["loc"], json!(["body", "event"]));
    for path in [by_repo::PATH, by_ref::PATH, by_discussion::PATH, by_function::PATH] {
        let response = client().post(path, dataset_commit()).send();
        assert_eq!((response.status().as_u16(), response.cause()), (202, None), "{path}");
    }
}

#[test]
fn a_field_that_the_key_depends_on_must_have_the_documented_form() {
    let mut commit = dataset_commit();
    commit["updatedRefs"][0]["newSha"] = json!(7);
    let response = client().post(by_ref::PATH, commit.clone()).send();
    assert_eq!(response.status(), 422);
    let faults: Value = response.json().unwrap();
    let msg = "Expected the documented form, because the endpoint's key depends on this field.";
    let loc = json!(["body", "updatedRefs", 0]);
    assert_eq!(faults, json!({ "detail": [{ "type": "value_error", "loc": loc, "msg": msg }] }));
    assert_eq!(client().post(by_repo::PATH, commit).send().status(), 202);
}

#[test]
fn a_key_function_that_panics_or_returns_too_much_is_a_500() {
    for (name, cause) in
        [("panics", "no key for this"), ("long", "the key is longer than 1000 bytes")]
    {
        let mut commit = dataset_commit();
        commit["repo"]["name"] = json!(name);
        let response = client().post(by_function::PATH, commit).send();
        assert_eq!((response.status().as_u16(), response.cause()), (500, Some(cause)));
        assert!(!response.text().contains("no key"), "{response:?}");
    }
}

#[test]
fn a_function_says_what_it_did() {
    let note = |path| client().post(path, dataset_commit()).send().note().map(str::to_owned);
    assert_eq!(note(by_function::PATH).as_deref(), Some("counted 2 files; trained"));
    assert_eq!(note(notes_and_fails::PATH).as_deref(), Some("attempt 1"));
    assert_eq!(note(notes_in_a_result::PATH).as_deref(), Some("trained"));
    assert_eq!(note(by_repo::PATH), None);
}

#[tokio::test]
async fn without_background_an_error_that_says_when_to_retry_is_a_503() {
    let answer = answer_of(is_busy::endpoint()).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("90")));

    let stub = HubStub::new();
    let call = stub.on("GET", "/api/whoami-v2");
    call.error(429, "Too many requests").header("RateLimit", "\"api\";r=0;t=240");
    let server = WebhooksServer::empty().endpoint(is_limited::endpoint()).hub(stub.hub());
    let client = TestClient::new(server).unwrap();
    let response = client.post(is_limited::PATH, dataset_commit()).send();
    assert_eq!((response.status().as_u16(), response.header("Retry-After")), (503, Some("240")));
}

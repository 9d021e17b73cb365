//! Functions that run in the background.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tests::payloads::dataset_commit;
use webhooks_runtime::actix_web::{self, error};
use webhooks_runtime::testing::TestClient;
use webhooks_runtime::{
    Delivery, MarkPermanent, Permanent, WebhookPayload, WebhooksServer, web, webhook_endpoint,
};

use super::{Failed, Sized};

/// The deliveries that functions were called for.
type Ran = Arc<Mutex<Vec<Delivery>>>;

#[webhook_endpoint(background(attempts = 3, backoff = "10s..30m"))]
async fn task(payload: WebhookPayload, delivery: Delivery, ran: web::Data<Ran>) {
    assert_eq!(payload.repo.name, "openai/gsm8k");
    tokio::task::yield_now().await;
    ran.lock().unwrap().push(delivery);
}

#[webhook_endpoint(background)]
fn blocking(payload: WebhookPayload, body: web::Json<Sized>, ran: web::Data<Ran>) {
    std::thread::sleep(Duration::from_millis(1));
    assert_eq!(payload.repo.name, body.repo.name);
    ran.lock().unwrap().push(Delivery::new(body.into_inner().repo.name));
}

#[webhook_endpoint(background)]
async fn several(
    payload: WebhookPayload,
    raw: web::Json<Value>,
    shape: web::Json<Sized>,
    ran: web::Data<Ran>,
) {
    assert_eq!(raw["repo"]["name"], payload.repo.name);
    ran.lock().unwrap().push(Delivery::new(shape.into_inner().repo.name));
}

#[webhook_endpoint(background)]
async fn without_arguments() {}

#[webhook_endpoint(background)]
async fn fails_any() -> anyhow::Result<()> {
    Err(anyhow::Error::new(Failed).context("the outer words"))
}

#[webhook_endpoint(background)]
fn fails_boxed() -> Result<(), Box<dyn std::error::Error>> {
    Err("the hidden cause".into())
}

#[webhook_endpoint(background)]
async fn fails_for_good() -> Result<(), Permanent> {
    Err(Failed.permanent())
}

#[webhook_endpoint(background)]
async fn fails_text() -> Result<(), String> {
    Err("the hidden cause".to_owned())
}

#[webhook_endpoint(background)]
async fn fails_actix() -> actix_web::Result<()> {
    Err(error::ErrorConflict("the hidden cause"))
}

#[webhook_endpoint(background)]
async fn panics() {
    panic!("the hidden cause");
}

#[webhook_endpoint(background)]
fn panics_blocking() {
    panic!("the hidden cause");
}

#[webhook_endpoint(background)]
fn two_missing(_: web::Data<u8>, _: WebhookPayload, _: web::Data<String>) {}

fn client() -> (TestClient, Ran) {
    let ran = Ran::default();
    let server = WebhooksServer::empty()
        .endpoint(task::endpoint())
        .endpoint(blocking::endpoint())
        .endpoint(several::endpoint())
        .data(Arc::clone(&ran));
    (TestClient::new(server).unwrap(), ran)
}

#[test]
fn a_delivery_is_answered_with_its_id_and_the_function_runs() {
    let (client, ran) = client();
    let before = SystemTime::now();
    let request = client.post(task::PATH, dataset_commit()).header("Webhook-Id", "7f3a");
    let response = request.send();
    assert_eq!(response.status(), 202, "{response:?}");
    assert_eq!(response.cause(), None);
    let answer: Value = response.json().unwrap();
    let [delivery] = &ran.lock().unwrap()[..] else { panic!("it didn't run once") };
    assert_eq!(answer, json!({ "delivery": delivery.id, "state": "queued" }));
    assert_ne!(delivery.id, "7f3a");
    assert_eq!(delivery.webhook_id.as_deref(), Some("7f3a"));
    assert_eq!((delivery.attempt, delivery.max_attempts), (1, 3));
    assert_eq!(delivery.endpoint, task::PATH);
    // As exact as two clocks are that measure it.
    assert!(delivery.received_at + Duration::from_millis(10) >= before);
    assert!(delivery.received_at <= SystemTime::now());
}

#[test]
fn a_fn_runs_as_well_and_several_arguments_may_read_the_body() {
    for path in [blocking::PATH, several::PATH] {
        let (client, ran) = client();
        let response = client.post(path, dataset_commit()).send();
        assert_eq!((response.status().as_u16(), response.cause()), (202, None), "{response:?}");
        assert_eq!(ran.lock().unwrap()[0].id, "openai/gsm8k");
    }
}

#[test]
fn a_body_that_does_not_fit_is_refused_and_not_run() {
    let (client, ran) = client();
    for path in [task::PATH, blocking::PATH] {
        let response = client.post(path, json!({ "event": 1 })).send();
        assert_eq!(response.status(), 422, "{response:?}");
        let answer: Value = response.json().unwrap();
        assert_eq!(answer["detail"][0]["loc"], json!(["body", "event"]));
    }
    assert!(ran.lock().unwrap().is_empty());
}

#[test]
fn a_failure_is_the_cause_and_not_the_answer() {
    for (endpoint, cause) in [
        (without_arguments::endpoint(), None),
        (fails_any::endpoint(), Some("the outer words: the hidden cause")),
        (fails_boxed::endpoint(), Some("the hidden cause")),
        (fails_for_good::endpoint(), Some("the hidden cause")),
        (fails_text::endpoint(), Some("the hidden cause")),
        (fails_actix::endpoint(), Some("the hidden cause")),
        (panics::endpoint(), Some("the hidden cause")),
        (panics_blocking::endpoint(), Some("the hidden cause")),
    ] {
        let client = TestClient::new(WebhooksServer::empty().endpoint(endpoint)).unwrap();
        let response = client.post(endpoint.path(), json!({})).send();
        assert_eq!(response.status(), 202, "{response:?}");
        assert_eq!(response.cause(), cause, "{endpoint:?}");
        assert!(!response.text().contains("hidden cause"), "{response:?}");
    }
}

#[test]
fn a_server_without_the_data_does_not_start() {
    let server = WebhooksServer::empty().endpoint(two_missing::endpoint());
    let error = TestClient::new(server.data(7_u16)).unwrap_err().to_string();
    assert!(error.starts_with("The function of /webhooks/two_missing ("), "{error}");
    let taken = "takes web::Data<u8> and web::Data<alloc::string::String>, but";
    assert!(error.contains(taken), "{error}");
    assert!(error.contains("Add one with .data(…)"), "{error}");
}

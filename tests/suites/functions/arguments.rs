//! What a function may take.

use std::future::{Ready, ready};
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::{Value, json};
use tests::client::{ClientResponse, connect, head, post, read_answer, request};
use tests::payloads::dataset_commit;
use webhooks_runtime::actix_web::{self, FromRequest, dev, error};
use webhooks_runtime::{
    Delivery, HttpRequest, WebhookPayload, WebhooksServer, web, webhook_endpoint,
};

use super::{Sized, answer_of, post_to};

#[derive(Deserialize)]
struct Query {
    n: u8,
}

/// An extractor of one's own.
struct Agent(String);

impl FromRequest for Agent {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let agent = request.headers().get("user-agent").and_then(|agent| agent.to_str().ok());
        ready(match agent {
            Some(agent) => Ok(Self(agent.to_owned())),
            None => Err(error::ErrorUnauthorized("name yourself")),
        })
    }
}

#[webhook_endpoint]
async fn payload(payload: WebhookPayload) -> String {
    payload.repo.name
}

#[webhook_endpoint]
async fn shape(web::Json(body): web::Json<Sized>) -> String {
    body.repo.name
}

#[webhook_endpoint]
async fn raw(bytes: web::Bytes) -> String {
    bytes.len().to_string()
}

#[webhook_endpoint]
async fn text(text: String) -> String {
    text.len().to_string()
}

#[webhook_endpoint]
async fn several(
    payload: WebhookPayload,
    raw: web::Json<Value>,
    bytes: web::Bytes,
    shape: Option<web::Json<Sized>>,
    text: String,
) -> Value {
    let same = bytes == text.as_bytes() && shape.unwrap().repo.name == payload.repo.name;
    let xet_enabled = payload.updated_config.unwrap().xet_enabled;
    json!([payload.repo.name, xet_enabled, raw["repo"]["resourceGroup"]["id"], same])
}

#[webhook_endpoint]
fn several_blocking(raw: web::Json<Value>, payload: WebhookPayload) -> Value {
    json!([payload.repo.name, raw["repo"]["resourceGroup"]["id"]])
}

#[webhook_endpoint]
async fn query(query: web::Query<Query>) -> String {
    query.n.to_string()
}

#[webhook_endpoint]
async fn own(agent: Agent) -> String {
    agent.0
}

#[webhook_endpoint]
async fn delivery(delivery: Delivery) -> Value {
    let at = delivery.received_at.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    json!({ "id": delivery.id, "attempt": delivery.attempt, "at": at.as_nanos() as u64 })
}

#[webhook_endpoint]
fn blocking(payload: WebhookPayload, counter: web::Data<AtomicU64>) -> Value {
    std::thread::sleep(Duration::from_millis(1));
    json!([payload.repo.name, counter.fetch_add(1, Ordering::Relaxed)])
}

#[webhook_endpoint]
async fn twelve(
    _a: HttpRequest,
    _b: Delivery,
    _c: HttpRequest,
    _d: web::Data<AtomicU64>,
    _e: dev::ConnectionInfo,
    _f: dev::PeerAddr,
    _g: Option<Agent>,
    _h: actix_web::http::Method,
    _i: actix_web::http::Uri,
    _j: HttpRequest,
    _k: Delivery,
    payload: WebhookPayload,
) -> String {
    payload.repo.name
}

#[tokio::test]
async fn several_arguments_may_read_the_body() {
    let mut body = dataset_commit();
    body["repo"]["resourceGroup"] = json!({ "id": "1" });
    body["updatedConfig"] = json!({ "xetEnabled": true });
    let body = body.to_string();
    let post = async |endpoint: webhooks_runtime::Endpoint| {
        let server = WebhooksServer::empty().endpoint(endpoint);
        post_to(server, endpoint.path(), &body).await.json()
    };
    assert_eq!(post(several::endpoint()).await, json!(["openai/gsm8k", true, "1", true]));
    assert_eq!(post(several_blocking::endpoint()).await, json!(["openai/gsm8k", "1"]));
    let server = WebhooksServer::empty().add_webhook(
        "both",
        async |payload: WebhookPayload, raw: web::Json<Value>| {
            json!([payload.repo.name, raw["repo"]["resourceGroup"]["id"]])
        },
    );
    let answer = post_to(server, "/webhooks/both", &body).await.json();
    assert_eq!(answer, json!(["openai/gsm8k", "1"]));
}

#[tokio::test]
async fn a_body_comes_as_a_payload_a_shape_bytes_or_text() {
    let length = dataset_commit().to_string().len().to_string();
    for (endpoint, body) in [
        (payload::endpoint(), "openai/gsm8k"),
        (shape::endpoint(), "openai/gsm8k"),
        (raw::endpoint(), &length),
        (text::endpoint(), &length),
    ] {
        let answer = answer_of(endpoint).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, body));
    }
}

#[tokio::test]
async fn an_extractor_of_ones_own_refuses_in_its_own_words() {
    let server = WebhooksServer::empty().endpoint(own::endpoint()).port(0).start().await.unwrap();
    let url = server.local_url();
    let first = "POST /webhooks/own";
    let answer = request(url, first, &["User-Agent: me"], "").unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "me"));
    let answer = request(url, first, &[], "").unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (401, "name yourself"));
    server.stop().await;
}

#[tokio::test]
async fn a_query_that_does_not_fit_is_not_repeated() {
    let server = WebhooksServer::empty().endpoint(query::endpoint()).port(0).start().await.unwrap();
    let url = server.local_url();
    assert_eq!(request(url, "POST /webhooks/query?n=7", &[], "").unwrap().body, "7");
    let answer = request(url, "POST /webhooks/query?n=s3cret", &[], "").unwrap();
    assert_eq!(answer.status, 400);
    assert!(answer.json()["error"].is_string() && !answer.body.contains("s3cret"), "{answer:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_delivery_is_known_by_its_header_or_gets_an_id() {
    let server =
        WebhooksServer::empty().endpoint(delivery::endpoint()).port(0).start().await.unwrap();
    let url = server.local_url();
    let first = "POST /webhooks/delivery";
    let answer = request(url, first, &["Webhook-Id: 7f3a"], "{}").unwrap();
    assert_eq!(answer.json()["id"], "7f3a");
    assert_eq!(answer.json()["attempt"], 1);
    let made = |answer: ClientResponse| answer.json()["id"].as_str().unwrap().to_owned();
    let one = made(request(url, first, &[], "{}").unwrap());
    let other = made(request(url, first, &[], "{}").unwrap());
    assert!(!one.is_empty() && one != other);
    server.stop().await;
}

#[tokio::test]
async fn a_delivery_is_received_when_its_head_has_come() {
    let server =
        WebhooksServer::empty().endpoint(delivery::endpoint()).port(0).start().await.unwrap();
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let mut stream = connect(server.local_url()).unwrap();
    let before = now();
    let headers = ["Content-Length: 2", "Expect: 100-continue"];
    stream.write_all(head("POST /webhooks/delivery", &headers).as_bytes()).unwrap();
    assert_eq!(read_answer(&mut stream).unwrap().status, 100);
    let head_had_come = now();
    stream.write_all(b"{}").unwrap();
    let at = read_answer(&mut stream).unwrap().json()["at"].as_u64().unwrap();
    let at = Duration::from_nanos(at);
    assert!(before <= at && at <= head_had_come, "{before:?} {at:?} {head_had_come:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_fn_runs_on_another_thread_with_shared_data() {
    let server = WebhooksServer::empty().endpoint(blocking::endpoint()).data(AtomicU64::new(40));
    let server = server.port(0).start().await.unwrap();
    let body = dataset_commit().to_string();
    for count in 40..43 {
        let answer = post(server.local_url(), blocking::PATH, &body).unwrap();
        assert_eq!(answer.json(), json!(["openai/gsm8k", count]));
    }
    server.stop().await;
}

#[tokio::test]
async fn twelve_arguments_are_taken() {
    let server = WebhooksServer::empty().endpoint(twelve::endpoint()).data(AtomicU64::new(0));
    let answer = post_to(server, twelve::PATH, &dataset_commit().to_string()).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "openai/gsm8k"));
}

#[tokio::test]
async fn a_request_that_is_printed_hides_the_secret() {
    let server = WebhooksServer::empty()
        .add_webhook("print", async |request: HttpRequest| format!("{request:?}"))
        .webhook_secret("hush-hush");
    let server = server.port(0).start().await.unwrap();
    let secret = ["X-Webhook-Secret: hush-hush"];
    let answer = request(server.local_url(), "POST /webhooks/print", &secret, "").unwrap();
    assert!(answer.body.contains("x-webhook-secret"), "{answer:?}");
    assert!(!answer.body.contains("hush-hush"), "{answer:?}");
    server.stop().await;
}

#[tokio::test]
async fn the_function_stays_callable() {
    let payload_of_a_test: WebhookPayload = serde_json::from_value(dataset_commit()).unwrap();
    assert_eq!(payload(payload_of_a_test).await, "openai/gsm8k");
    assert_eq!(delivery(Delivery::new("id")).await["id"], "id");
}

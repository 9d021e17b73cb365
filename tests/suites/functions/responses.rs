//! What a function may return, and the response that it becomes.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Value, json};
use tests::client::post;
use webhooks_runtime::actix_web::http::StatusCode;
use webhooks_runtime::actix_web::{self, Responder, error};
use webhooks_runtime::{HttpRequest, HttpResponse, WebhooksServer, web, webhook_endpoint};

use super::{Failed, answer_of};

/// A `Responder` of one's own.
struct Teapot;

impl Responder for Teapot {
    type Body = &'static str;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse<&'static str> {
        HttpResponse::with_body(StatusCode::IM_A_TEAPOT, "short and stout")
    }
}

#[derive(Serialize)]
struct Message {
    message: &'static str,
}

#[webhook_endpoint]
async fn nothing() {}

#[webhook_endpoint]
async fn json_value() -> Value {
    json!({ "message": "hello" })
}

#[webhook_endpoint]
async fn json_shape() -> web::Json<Message> {
    web::Json(Message { message: "hello" })
}

#[webhook_endpoint]
async fn responder() -> Teapot {
    Teapot
}

#[webhook_endpoint]
async fn opaque() -> impl Responder {
    ("made", StatusCode::CREATED)
}

#[webhook_endpoint]
async fn option() -> Option<String> {
    None
}

#[webhook_endpoint]
async fn fine_any() -> anyhow::Result<Value> {
    Ok(json!([1]))
}

#[webhook_endpoint]
async fn fails_any() -> anyhow::Result<()> {
    Err(anyhow::Error::new(Failed).context("the outer words"))
}

#[webhook_endpoint]
async fn fails_own() -> Result<Value, Failed> {
    Err(Failed)
}

#[webhook_endpoint]
async fn fails_boxed() -> Result<Teapot, Box<dyn std::error::Error>> {
    Err("the hidden cause".into())
}

#[webhook_endpoint]
fn fails_boxed_sendable() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    Err("the hidden cause".into())
}

#[webhook_endpoint]
async fn fails_io() -> Result<(), std::io::Error> {
    // actix-web would make a 404 of this one, with its text.
    Err(std::io::Error::new(std::io::ErrorKind::NotFound, "the hidden cause"))
}

#[webhook_endpoint]
async fn fails_actix_conflict() -> actix_web::Result<web::Json<u8>> {
    Err(error::ErrorConflict("a run is under way"))
}

#[webhook_endpoint]
async fn fails_actix_unavailable() -> actix_web::Result<()> {
    Err(error::ErrorServiceUnavailable("the hidden cause"))
}

#[webhook_endpoint]
async fn fails_in_a_responder() -> impl Responder {
    Err::<&'static str, _>(error::ErrorBadGateway("the hidden cause"))
}

#[webhook_endpoint]
async fn fails_to_serialize() -> web::Json<HashMap<(u8, u8), u8>> {
    web::Json(HashMap::from([((1, 2), 3)]))
}

#[webhook_endpoint]
async fn panics() -> Value {
    let payloads: Vec<Value> = Vec::new();
    payloads[7].clone()
}

#[webhook_endpoint]
fn panics_blocking() {
    panic!("the hidden cause");
}

#[tokio::test]
async fn nothing_is_null() {
    let answer = answer_of(nothing::endpoint()).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "null"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn json_is_json() {
    for endpoint in [json_value::endpoint(), json_shape::endpoint()] {
        let answer = answer_of(endpoint).await;
        assert_eq!((answer.status, answer.json()), (200, json!({ "message": "hello" })));
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
}

#[tokio::test]
async fn a_responder_responds_as_it_does() {
    let answer = answer_of(responder::endpoint()).await;
    assert_eq!((answer.status, answer.body.as_str()), (418, "short and stout"));
    let answer = answer_of(opaque::endpoint()).await;
    assert_eq!((answer.status, answer.body.as_str()), (201, "made"));
    assert_eq!(answer_of(option::endpoint()).await.status, 404);
}

#[tokio::test]
async fn a_result_that_is_fine_is_its_value() {
    let answer = answer_of(fine_any::endpoint()).await;
    assert_eq!((answer.status, answer.json()), (200, json!([1])));
}

#[tokio::test]
async fn an_error_is_a_500_that_does_not_tell_the_cause() {
    for endpoint in [
        fails_any::endpoint(),
        fails_own::endpoint(),
        fails_boxed::endpoint(),
        fails_boxed_sendable::endpoint(),
        fails_io::endpoint(),
        fails_to_serialize::endpoint(),
    ] {
        let answer = answer_of(endpoint).await;
        assert_eq!(answer.status, 500, "{endpoint:?}");
        assert!(answer.json()["error"].is_string(), "{answer:?}");
        for secret in ["hidden cause", "outer words", "key must be"] {
            assert!(!answer.body.contains(secret), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn an_error_of_actix_keeps_its_status() {
    let answer = answer_of(fails_actix_conflict::endpoint()).await;
    assert_eq!((answer.status, answer.body.as_str()), (409, "a run is under way"));
    for (endpoint, status) in
        [(fails_actix_unavailable::endpoint(), 503), (fails_in_a_responder::endpoint(), 502)]
    {
        let answer = answer_of(endpoint).await;
        assert_eq!(answer.status, status);
        assert!(answer.json()["error"].is_string(), "{answer:?}");
        assert!(!answer.body.contains("hidden cause"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_server_lives_on() {
    let server = WebhooksServer::empty()
        .endpoint(panics::endpoint())
        .endpoint(panics_blocking::endpoint())
        .endpoint(nothing::endpoint());
    let server = server.port(0).workers(1).start().await.unwrap();
    for path in [panics::PATH, panics_blocking::PATH] {
        for _ in 0..3 {
            let answer = post(server.local_url(), path, "{}").unwrap();
            assert_eq!(answer.status, 500);
            assert!(answer.json()["error"].is_string());
            assert!(!answer.body.contains("hidden cause"));
        }
    }
    assert_eq!(post(server.local_url(), nothing::PATH, "{}").unwrap().status, 200);
    server.stop().await;
}

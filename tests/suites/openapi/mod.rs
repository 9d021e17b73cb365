//! The OpenAPI document: that it is one, that it tells the truth, and how it is shown.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]
#![allow(dead_code, reason = "of many types here only the shape is looked at")]

mod background;
mod bodies;
mod document;
mod served;

use jsonschema::Validator;
use roas::v3_1::spec::Spec;
use roas::validation::{Options, Validate};
use serde::Deserialize;
use serde_json::{Value, json};
use webhooks_runtime::testing::{self, NamedSample, TestClient};
// Not from a dependency of one's own.
use webhooks_runtime::utoipa::{self, ToSchema};
use webhooks_runtime::{
    Delivery, HttpRequest, WebhookPayload, WebhooksServer, web, webhook_endpoint,
};

/// Something that is ordered.
#[derive(Deserialize, ToSchema)]
struct Order {
    /// What it is.
    item: String,
    count: Option<u32>,
}

#[derive(Deserialize)]
struct Undescribed {
    item: String,
}

mod elsewhere {
    use super::*;

    /// Another thing of the same name.
    #[derive(Deserialize, ToSchema)]
    pub(super) struct Order {
        pub(super) number: u64,
    }
}

/// A type that holds the Hub's.
#[derive(Deserialize, ToSchema)]
struct Forwarded {
    payload: WebhookPayload,
    by: String,
}

/// Starts a training.
///
/// The whole story: <b>it</b> trains.
#[webhook_endpoint]
async fn train(payload: WebhookPayload, _request: HttpRequest) {
    drop(payload);
}

#[webhook_endpoint]
async fn ping(_delivery: Delivery) {}

#[webhook_endpoint]
async fn shaped(order: web::Json<Order>) -> String {
    order.0.item
}

type Alias = web::Json<Vec<elsewhere::Order>>;

#[webhook_endpoint("/deep/down/alias")]
fn alias(_delivery: Delivery, orders: Alias) -> String {
    orders.len().to_string()
}

#[webhook_endpoint]
async fn other_order(order: web::Json<elsewhere::Order>) -> String {
    order.number.to_string()
}

#[webhook_endpoint]
async fn forwarded(forwarded: web::Json<Forwarded>) -> String {
    forwarded.0.by
}

#[webhook_endpoint]
async fn unshaped(order: web::Json<Undescribed>) -> String {
    order.0.item
}

#[webhook_endpoint]
async fn text(text: String) -> String {
    text
}

#[webhook_endpoint]
async fn maybe(order: Option<web::Json<Order>>) -> String {
    order.map(|order| order.0.item).unwrap_or_default()
}

#[webhook_endpoint(secret_env = "OPENAPI_SECRET")]
async fn guarded(_payload: WebhookPayload) {}

/// Returns a server with the endpoints of this suite.
fn new_server() -> WebhooksServer {
    WebhooksServer::empty()
        .endpoint(train::endpoint())
        .endpoint(ping::endpoint())
        .endpoint(shaped::endpoint())
        .endpoint(alias::endpoint())
        .endpoint(other_order::endpoint())
        .endpoint(forwarded::endpoint())
        .endpoint(unshaped::endpoint())
        .endpoint(text::endpoint())
        .endpoint(maybe::endpoint())
        .endpoint(guarded::endpoint())
        .endpoint(background::task::endpoint())
}

fn document_of(server: WebhooksServer) -> Value {
    TestClient::new(server).unwrap().get("/openapi.json").send().json().unwrap()
}

fn document() -> Value {
    document_of(new_server())
}

fn post<'a>(document: &'a Value, path: &str) -> &'a Value {
    &document["paths"][format!("/webhooks/{path}")]["post"]
}

/// What a reference leads to.
fn follow<'a>(document: &'a Value, at: &'a Value) -> &'a Value {
    match at["$ref"].as_str() {
        Some(to) => document.pointer(to.trim_start_matches('#')).unwrap(),
        None => at,
    }
}

fn schema_of<'a>(document: &'a Value, path: &str) -> &'a Value {
    let body = follow(document, &post(document, path)["requestBody"]);
    &body["content"]["application/json"]["schema"]
}

/// Checks values against a schema of the document.
fn validator(document: &Value, schema: &Value) -> Validator {
    let mut whole = document.clone();
    whole["allOf"] = json!([schema]);
    jsonschema::draft202012::new(&whole).unwrap()
}

fn assert_is_openapi(document: &Value) {
    assert_eq!(document["openapi"], "3.1.0");
    let spec: Spec = serde_json::from_value(document.clone()).unwrap();
    // It overlooks what `items` refers to where a list may be null.
    spec.validate(Options::IgnoreUnusedSchemas.into(), None).unwrap();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let checked = jsonschema::draft202012::meta::validate(schema);
        assert!(checked.is_ok(), "{name}: {checked:?}");
    }
}

/// One of each kind of delivery.
fn samples() -> Vec<Value> {
    let value = |sample: NamedSample| serde_json::to_value(sample.payload).unwrap();
    testing::samples().into_iter().map(value).collect()
}

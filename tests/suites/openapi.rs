//! The OpenAPI document: that it is one, that it tells the truth, and how it is shown.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]
#![allow(dead_code, reason = "of many types here only the shape is looked at")]

use std::io::{Read, Write};

use jsonschema::Validator;
use roas::v3_1::spec::Spec;
use roas::validation::{Options, Validate};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tests::client::{Answer, connect, get, head, read_answer};
use webhooks_runtime::testing::{self, TestClient};
// Not from a dependency of one's own.
use webhooks_runtime::utoipa::{self, ToSchema};
use webhooks_runtime::{
    Delivery, HttpRequest, ServerHandle, WebhookPayload, WebhooksServer, web, webhook_endpoint,
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
    fn value(sample: impl Serialize) -> Value {
        serde_json::to_value(sample).unwrap()
    }
    vec![
        value(testing::dataset_commit()),
        value(testing::tag_deleted()),
        value(testing::bucket_files()),
        value(testing::repo_moved()),
        value(testing::repo_made_private()),
        value(testing::discussion_opened()),
        value(testing::pull_request_merged()),
        value(testing::comment_created()),
        value(testing::comment_hidden()),
    ]
}

// ---- the document

#[test]
fn it_is_openapi_and_names_every_endpoint() {
    let document = document();
    assert_is_openapi(&document);
    let paths: Vec<_> = document["paths"].as_object().unwrap().keys().cloned().collect();
    let names =
        ["deep/down/alias", "forwarded", "guarded", "maybe", "other_order", "ping", "shaped"];
    let names = names.into_iter().chain(["task", "text", "train", "unshaped"]);
    assert_eq!(paths, names.map(|name| format!("/webhooks/{name}")).collect::<Vec<_>>());
    // Its paths are those of wherever it is read.
    assert_eq!(document.get("servers"), None);
}

#[test]
fn the_validator_finds_fault_with_what_is_none() {
    let mut document = document();
    document["paths"]["/webhooks/train"]["post"]["responses"]["200"] = json!({});
    let spec: Result<Spec, _> = serde_json::from_value(document);
    assert!(spec.is_err() || spec.is_ok_and(|spec| spec.validate(Options::new(), None).is_err()));
}

#[test]
fn an_endpoint_has_its_description_and_a_name_of_its_own() {
    let document = document();
    let train = post(&document, "train");
    assert_eq!(train["summary"], "Starts a training.");
    assert_eq!(train["description"], "Starts a training.\n\nThe whole story: <b>it</b> trains.");
    assert_eq!(train["operationId"], "train");
    assert_eq!(post(&document, "deep/down/alias")["operationId"], "deep_down_alias");
    assert_eq!(post(&document, "ping").get("description"), None);
}

#[test]
fn every_answer_of_the_server_is_told_with_its_shape() {
    let document = document();
    let answers = post(&document, "train")["responses"].as_object().unwrap();
    assert_eq!(answers.keys().collect::<Vec<_>>(), ["200", "401", "403", "413", "422"]);
    let client = TestClient::new(new_server().body_limit(100_000)).unwrap();
    let large = "x".repeat(100_001);
    let refused = [
        client.post("/webhooks/guarded", json!({})).without_secret().send(),
        client.post("/webhooks/guarded", json!({})).secret("wrong").send(),
        client.post("/webhooks/train", large).send(),
        client.post("/webhooks/train", json!({ "event": 1 })).send(),
    ];
    for answer in refused {
        let described = follow(&document, &answers[answer.status().as_str()]);
        let schema = &described["content"]["application/json"]["schema"];
        assert!(validator(&document, schema).is_valid(&answer.json().unwrap()), "{answer:?}");
        assert!(!validator(&document, schema).is_valid(&json!({})));
    }
}

mod background {
    use super::*;

    #[webhook_endpoint(background)]
    pub(super) async fn task(_: WebhookPayload) {}

    #[test]
    fn a_background_endpoint_answers_with_a_delivery() {
        let server = || WebhooksServer::empty().endpoint(task::endpoint());
        let document = document_of(server());
        assert_is_openapi(&document);
        let answers = post(&document, "task")["responses"].as_object().unwrap();
        let statuses: Vec<_> = answers.keys().collect();
        assert_eq!(statuses, ["200", "202", "401", "403", "413", "422", "503"]);
        let client = TestClient::new(server()).unwrap();
        let answer = client.post(task::PATH, testing::dataset_commit()).send();
        for status in ["200", answer.status().as_str()] {
            let described = follow(&document, &answers[status]);
            let schema = &described["content"]["application/json"]["schema"];
            assert!(validator(&document, schema).is_valid(&answer.json().unwrap()), "{answer:?}");
            assert!(!validator(&document, schema).is_valid(&json!({})));
        }
    }
}

#[test]
fn only_an_endpoint_with_a_secret_asks_for_it() {
    let document = document();
    let scheme = &document["components"]["securitySchemes"]["webhookSecret"];
    assert_eq!((&scheme["type"], &scheme["in"]), (&json!("apiKey"), &json!("header")));
    assert_eq!(scheme["name"], "X-Webhook-Secret");
    assert_eq!(post(&document, "guarded")["security"], json!([{ "webhookSecret": [] }]));
    assert_eq!(post(&document, "train").get("security"), None);
    let document = document_of(new_server().webhook_secret("hush"));
    assert!(post(&document, "train")["security"].is_array());
    assert!(!document.to_string().contains("hush"));
}

#[test]
fn a_function_that_was_added_is_described_as_well() {
    async fn paid(_payload: WebhookPayload, _delivery: Delivery) {}
    async fn text(text: String) -> String {
        text
    }
    async fn nothing(_request: HttpRequest) {}
    let server = WebhooksServer::empty()
        .add_webhook("/paid", paid)
        .add_webhook("/text", text)
        .add_webhook("/nothing", nothing);
    let document = document_of(server);
    assert_is_openapi(&document);
    assert_eq!(schema_of(&document, "paid")["$ref"], "#/components/schemas/WebhookPayload");
    assert!(post(&document, "text")["requestBody"]["content"]["*/*"].is_object());
    assert_eq!(post(&document, "nothing").get("requestBody"), None);
}

#[test]
fn a_thousand_endpoints_are_described_too() {
    let server = (0..1000).fold(WebhooksServer::empty(), |server, number| {
        server.add_webhook(&format!("e{number}"), async |_: WebhookPayload| ())
    });
    let document = document_of(server);
    assert_is_openapi(&document);
    assert_eq!(document["paths"].as_object().unwrap().len(), 1000);
}

#[test]
fn names_that_come_out_the_same_are_told_apart() {
    let server = ["a_b", "a/b", "a-b"]
        .into_iter()
        .fold(WebhooksServer::empty(), |server, path| server.add_webhook(path, async || ()));
    let document = document_of(server);
    assert_is_openapi(&document);
    let mut ids = ["a_b", "a/b", "a-b"].map(|path| post(&document, path)["operationId"].clone());
    ids.sort_by_key(Value::to_string);
    assert_eq!(ids, [json!("a_b"), json!("a_b_2"), json!("a_b_3")]);
}

// ---- what an endpoint takes

#[test]
fn each_sample_delivery_fits_the_schema() {
    let document = document();
    let validator = validator(&document, schema_of(&document, "train"));
    for sample in samples() {
        assert!(validator.is_valid(&sample), "{:?} {sample}", validator.validate(&sample));
    }
}

#[test]
fn the_schema_takes_what_the_server_takes_and_nothing_else() {
    let document = document();
    let validator = validator(&document, schema_of(&document, "train"));
    let client = TestClient::new(new_server()).unwrap();
    let commit = serde_json::to_value(testing::dataset_commit()).unwrap();
    let pointers = [
        "/event",
        "/event/action",
        "/event/scope",
        "/repo",
        "/repo/type",
        "/repo/name",
        "/repo/id",
        "/repo/private",
        "/repo/url",
        "/repo/url/web",
        "/repo/url/api",
        "/repo/owner",
        "/repo/owner/id",
        "/repo/headSha",
        "/repo/tags",
        "/webhook",
        "/webhook/id",
        "/webhook/version",
        "/updatedRefs",
        "/updatedRefs/0",
        "/updatedRefs/0/ref",
        "/updatedRefs/0/oldSha",
        "/updatedRefs/0/newSha",
    ];
    let values =
        [json!(null), json!("text"), json!(3), json!(-1), json!(4), json!(true), json!({})];
    let mut bodies = vec![json!(null), json!(7), json!("text"), json!({}), commit.clone()];
    for pointer in pointers {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let with = |change: &dyn Fn(&mut Value)| {
            let mut body = commit.clone();
            change(body.pointer_mut(parent).unwrap());
            body
        };
        if let Ok(index) = key.parse::<usize>() {
            bodies.extend(values.iter().map(|value| with(&|list| list[index] = value.clone())));
        } else {
            bodies.push(with(&|object| {
                object.as_object_mut().unwrap().remove(key);
            }));
            bodies.extend(values.iter().map(|value| with(&|object| object[key] = value.clone())));
        }
        bodies.push(with(&|parent| {
            if let Value::Object(members) = parent {
                members.insert("unknown".to_owned(), json!([]));
            }
        }));
    }
    let mut refused = 0;
    for body in bodies {
        let status = client.post(train::PATH, &body).send().status();
        // The schema is what the Hub documents. The server also takes what differs from that in a field
        // that isn't required.
        assert!(!validator.is_valid(&body) || status == 200, "{status}: {body}");
        refused += usize::from(status == 422);
    }
    assert!(refused > 30, "{refused}");
}

#[test]
fn json_of_a_type_with_a_schema_is_described_by_it() {
    let document = document();
    let order = follow(&document, schema_of(&document, "shaped"));
    assert_eq!(order["description"], "Something that is ordered.");
    assert_eq!(order["properties"]["item"]["description"], "What it is.");
    assert_eq!(order["required"], json!(["item"]));
}

#[test]
fn two_types_of_one_name_keep_their_schemas() {
    let document = document();
    let [one, other] = ["shaped", "other_order"].map(|path| schema_of(&document, path));
    assert_ne!(one, other);
    assert!(follow(&document, one)["properties"]["item"].is_object());
    assert!(follow(&document, other)["properties"]["number"].is_object());
}

#[test]
fn an_alias_is_what_it_stands_for() {
    let document = document();
    let list = follow(&document, schema_of(&document, "deep/down/alias"));
    assert!(
        schema_of(&document, "deep/down/alias")["$ref"].as_str().unwrap().ends_with("/OrderList")
    );
    let item = follow(&document, &list["items"]);
    assert!(item["properties"]["number"].is_object(), "{list}");
}

#[test]
fn a_type_of_ones_own_may_hold_the_payload() {
    let document = document();
    let schema = schema_of(&document, "forwarded");
    let validator = validator(&document, schema);
    let payload = serde_json::to_value(testing::comment_created()).unwrap();
    assert!(validator.is_valid(&json!({ "payload": payload, "by": "me" })));
    assert!(!validator.is_valid(&json!({ "payload": {}, "by": "me" })));
}

#[test]
fn json_of_a_type_without_a_schema_is_an_open_object() {
    let document = document();
    assert_eq!(schema_of(&document, "unshaped"), &json!({ "type": "object" }));
}

#[test]
fn what_may_be_anything_says_so_and_what_is_not_read_is_left_out() {
    let document = document();
    for path in ["text", "maybe"] {
        let body = &post(&document, path)["requestBody"];
        assert_eq!(body["required"], json!(false), "{path}");
        assert_eq!(body["content"], json!({ "*/*": {} }), "{path}");
    }
    assert_eq!(post(&document, "ping").get("requestBody"), None);
}

// ---- over a socket

async fn serve(server: WebhooksServer) -> ServerHandle {
    server.port(0).workers(1).start().await.unwrap()
}

fn get_with(url: &str, path: &str, headers: &[&str]) -> Answer {
    let mut stream = connect(url).unwrap();
    stream.write_all(head(&format!("GET {path}"), headers).as_bytes()).unwrap();
    read_answer(&mut stream).unwrap()
}

#[tokio::test]
async fn who_has_the_document_is_not_sent_it_again() {
    let server = serve(WebhooksServer::empty().endpoint(train::endpoint())).await;
    let url = server.local_url();
    let first = get(url, "/openapi.json").unwrap();
    assert_eq!((first.status, first.header("content-type")), (200, Some("application/json")));
    assert_eq!(first.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(first.header("cache-control"), Some("no-cache"));
    let tag = first.header("etag").unwrap();
    for known in [tag.to_owned(), format!("\"other\", W/{tag}"), "*".to_owned()] {
        let again = get_with(url, "/openapi.json", &[&format!("If-None-Match: {known}")]);
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{known}");
        assert_eq!(again.header("etag"), Some(tag));
    }
    assert_eq!(get_with(url, "/openapi.json", &["If-None-Match: \"other\""]).status, 200);
    let other = serve(WebhooksServer::empty().endpoint(ping::endpoint())).await;
    assert_ne!(get(other.local_url(), "/openapi.json").unwrap().header("etag"), Some(tag));
    server.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn docs_redirects_to_the_page_under_any_path_of_a_proxy() {
    let server = serve(WebhooksServer::empty().endpoint(train::endpoint())).await;
    for (path, page) in [("/docs", "./"), ("/docs/", "../")] {
        let response = get(server.local_url(), path).unwrap();
        assert_eq!((response.status, response.header("location")), (307, Some(page)), "{path}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_head_is_told_the_same_without_the_body() {
    let server = serve(WebhooksServer::empty().endpoint(train::endpoint())).await;
    for (path, status) in [("/openapi.json", 200), ("/docs", 307)] {
        let mut probe = connect(server.local_url()).unwrap();
        let request = head(&format!("HEAD {path}"), &["Connection: close"]);
        probe.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        probe.read_to_string(&mut answer).unwrap();
        let begin = format!("HTTP/1.1 {status}");
        assert!(answer.starts_with(&begin) && answer.ends_with("\r\n\r\n"), "{answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_route_of_ones_own_goes_before_them_and_a_page_of_ones_own_beside_them() {
    let server = WebhooksServer::empty().endpoint(train::endpoint());
    let server = server.ui(async || "mine").configure(|app| {
        app.route("/docs", web::get().to(async || "my docs"));
    });
    let server = serve(server).await;
    assert_eq!(get(server.local_url(), "/docs").unwrap().body, "my docs");
    assert_eq!(get(server.local_url(), "/").unwrap().body, "mine");
    assert_eq!(get(server.local_url(), "/openapi.json").unwrap().status, 200);
    server.stop().await;
}

//! The document as a whole.

use roas::v3_1::spec::Spec;
use roas::validation::{Options, Validate};
use serde_json::{Value, json};
use tests::golden::assert_golden;
use webhooks_runtime::testing::TestClient;
use webhooks_runtime::{Delivery, HttpRequest, WebhookPayload, WebhooksServer};

use super::{
    assert_is_openapi, document, document_of, follow, new_server, post, schema_of, validator,
};

/// `UPDATE_OPENAPI=1 cargo test -p tests --test suites openapi::` writes the file anew.
#[test]
fn the_whole_document_is_the_one_in_the_repository() {
    let made = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    assert_golden("tests/fixtures/openapi.json", &made, "UPDATE_OPENAPI");
}

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

//! Shared values: `web::Data<T>`.

use std::sync::Arc;

use serde_json::json;
use webhooks_runtime::testing::TestClient;
use webhooks_runtime::{WebhookPayload, WebhooksServer, web, webhook_endpoint};

type Alias = web::Data<u8>;

#[webhook_endpoint]
async fn by_alias(_: Alias) {}

#[webhook_endpoint]
fn blocking_two(_: web::Data<u8>, payload: WebhookPayload, _: web::Data<String>) {
    drop(payload);
}

#[webhook_endpoint]
async fn optional(data: Option<web::Data<u8>>) -> &'static str {
    if data.is_some() { "some" } else { "none" }
}

#[webhook_endpoint]
async fn dynamic(data: web::Data<dyn Fn() -> u8 + Send + Sync>) -> String {
    data().to_string()
}

async fn added(_: web::Data<u8>) {}

fn server() -> WebhooksServer {
    WebhooksServer::empty().endpoint(by_alias::endpoint()).endpoint(blocking_two::endpoint())
}

#[test]
fn a_server_without_it_does_not_start_and_lists_all_of_it() {
    let error = TestClient::new(server().data(7_u16).webhook_secret("")).unwrap_err().to_string();
    for part in [
        "The webhook secret given in code is empty.",
        "The function of /webhooks/by_alias (",
        "takes web::Data<u8>, but",
        "The function of /webhooks/blocking_two (",
        "takes web::Data<u8> and web::Data<alloc::string::String>, but",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let error = TestClient::new(server().data(7_u8)).unwrap_err().to_string();
    assert!(!error.contains("by_alias"), "{error}");
    assert!(error.contains("takes web::Data<alloc::string::String>, but"), "{error}");
}

#[test]
fn data_that_configure_adds_counts() {
    let server = server().data(String::new()).endpoint(dynamic::endpoint());
    let server = server.configure(|app| {
        let answer: Arc<dyn Fn() -> u8 + Send + Sync> = Arc::new(|| 7);
        app.app_data(web::Data::new(7_u8)).app_data(web::Data::from(answer));
    });
    let client = TestClient::new(server).unwrap();
    assert_eq!(client.post(by_alias::PATH, json!({})).send().status(), 200);
    assert_eq!(client.post(dynamic::PATH, json!({})).send().text(), "7");
}

#[test]
fn what_is_optional_is_not_needed() {
    let client = TestClient::new(WebhooksServer::empty().endpoint(optional::endpoint())).unwrap();
    assert_eq!(client.post(optional::PATH, json!({})).send().text(), "none");
}

#[test]
fn a_function_without_the_attribute_names_the_type_in_its_error() {
    let server = WebhooksServer::empty().add_webhook("/added", added);
    let response = TestClient::new(server).unwrap().post("/webhooks/added", json!({})).send();
    assert_eq!(response.status(), 500);
    assert_eq!(response.cause(), Some("the server has no web::Data<u8>: add it with .data(…)"));
}

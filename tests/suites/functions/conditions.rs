//! Functions, arguments and statements under `#[cfg]`.

use serde_json::json;
use tests::payloads::dataset_commit;
use webhooks_runtime::testing::{TestClient, comment_created};
use webhooks_runtime::{Delivery, WebhookPayload, WebhooksServer, webhook_endpoint};

#[webhook_endpoint(watch = "dataset:openai/gsm8k", branch = "main")]
async fn arguments(
    #[cfg(any())] _missing: NoSuchType,
    #[cfg(not(windows))] payload: WebhookPayload,
    #[cfg_attr(all(), cfg(any()))] _missing_too: NoSuchType,
    #[cfg_attr(any(), cfg(any()))] delivery: Delivery,
) -> String {
    format!("{} {}", payload.repo.name, delivery.attempt)
}

#[webhook_endpoint(background)]
fn in_the_background(#[cfg(any())] _missing: NoSuchType, _payload: WebhookPayload) {}

#[webhook_endpoint]
#[cfg_attr(all(), cfg(any()))]
async fn gone(_: NoSuchType) {}

#[webhook_endpoint("/gone")]
#[cfg_attr(all(), cfg(all()))]
async fn gone() -> &'static str {
    "not gone"
}

/// First.
#[webhook_endpoint]
#[doc = include_str!("../../fixtures/description.md")]
#[cfg_attr(all(), doc = " Third.")]
#[cfg_attr(any(), doc = " Never.")]
async fn described() {}

#[test]
fn arguments_that_are_configured_out_are_none() {
    let server = WebhooksServer::empty().endpoint(arguments::endpoint());
    let client = TestClient::new(server.endpoint(in_the_background::endpoint())).unwrap();
    let response = client.post(arguments::PATH, dataset_commit()).send();
    assert_eq!(response.text(), "openai/gsm8k 1");
    let response = client.post(arguments::PATH, comment_created()).send();
    assert_eq!(response.skipped(), Some("on: the event is not repo.content"));
    assert_eq!(client.post(in_the_background::PATH, dataset_commit()).send().status(), 202);
}

#[test]
fn a_function_that_is_configured_out_is_none() {
    let client = TestClient::new(WebhooksServer::empty().endpoint(gone::endpoint())).unwrap();
    assert_eq!(client.post("/webhooks/gone", json!({})).send().text(), "not gone");
}

#[test]
fn a_doc_comment_may_come_from_a_file_or_under_a_condition() {
    let description = described::endpoint().description();
    assert_eq!(description, "First.\nSecond,\nfrom a file.\n\nThird.");
}

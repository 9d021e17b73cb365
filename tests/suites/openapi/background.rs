//! A background endpoint in the document.

use serde_json::json;
use webhooks_runtime::testing::{self, TestClient};
use webhooks_runtime::{WebhookPayload, WebhooksServer, webhook_endpoint};

use super::{assert_is_openapi, document_of, follow, post, validator};

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

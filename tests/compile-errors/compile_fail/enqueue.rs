//! Only a function with `background` has `enqueue`, and only a store, a server or a test client takes its deliveries.

use webhooks_runtime::testing::TestClient;
use webhooks_runtime::{WebhookPayload, webhook_endpoint};

#[webhook_endpoint(background)]
async fn train(_payload: WebhookPayload) {}

#[webhook_endpoint]
async fn inline(_payload: WebhookPayload) {}

struct NoJson;

async fn nightly(client: &TestClient) {
    let _ = train::enqueue("webhooks.db", 7).await;
    let _ = train::enqueue(client, NoJson).await;
    let _ = inline::enqueue(client, 7).await;
}

fn main() {}

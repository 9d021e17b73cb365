//! The expression of `webhooks_main!` is something else than a server.

use webhooks_runtime::{WebhookPayload, webhook_endpoint, webhooks_main};

#[webhook_endpoint]
async fn train(payload: WebhookPayload) {
    let _ = payload;
}

webhooks_main!(8000);

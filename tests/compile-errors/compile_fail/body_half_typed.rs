use webhooks_runtime::{WebhookPayload, webhook_endpoint};

#[webhook_endpoint(paht = "/hello")]
async fn hook(payload: WebhookPayload) {
    payload.
}

fn main() {}

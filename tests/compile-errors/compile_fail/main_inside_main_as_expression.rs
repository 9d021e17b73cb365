use webhooks_runtime::{WebhookPayload, webhook_endpoint, webhooks_main};

#[webhook_endpoint]
async fn hook(_: WebhookPayload) {}

fn main() {
    webhooks_main!()
}

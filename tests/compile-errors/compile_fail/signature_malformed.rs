use webhooks_runtime::{WebhookPayload, webhook_endpoint};

#[webhook_endpoint]
async fn hook(payload, _: WebhookPayload) {}

fn main() {}

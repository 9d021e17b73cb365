use webhooks_runtime::{WebhookPayload, web, webhook_endpoint};

#[webhook_endpoint]
async fn hook(_: WebhookPayload, _: web::Bytes) {}

#[webhook_endpoint]
fn with_json(_: WebhookPayload, _: web::Json<u8>) {}

fn main() {}

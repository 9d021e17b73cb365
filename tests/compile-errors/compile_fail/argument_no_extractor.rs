use webhooks_runtime::{WebhookPayload, webhook_endpoint};

struct Config;

#[webhook_endpoint]
async fn hook(_: WebhookPayload, _: Config) {}

#[webhook_endpoint]
async fn by_reference(_: &WebhookPayload) {}

#[webhook_endpoint]
async fn form(_: webhooks_runtime::web::Form<Vec<(String, String)>>) {}

fn main() {}

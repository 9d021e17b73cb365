use webhooks_runtime::{WebhookPayload, WebhooksServer, webhook_endpoint, webhooks_main};

#[webhook_endpoint]
async fn hook(_: WebhookPayload) {}

fn start() {
    webhooks_main!(WebhooksServer::new());
}

fn main() {
    start();
}

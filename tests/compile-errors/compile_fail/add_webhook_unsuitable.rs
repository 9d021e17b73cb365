use webhooks_runtime::{WebhookPayload, WebhooksServer};

async fn hook(_: WebhookPayload, _: u32) {}

fn main() {
    let _ = WebhooksServer::empty().add_webhook("/hook", hook);
}

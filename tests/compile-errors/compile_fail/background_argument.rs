use webhooks_runtime::{HttpRequest, WebhookPayload, webhook_endpoint};

#[webhook_endpoint(background)]
async fn request(_: WebhookPayload, _: HttpRequest) {}

#[webhook_endpoint(background)]
fn text(_: String) {}

fn main() {}

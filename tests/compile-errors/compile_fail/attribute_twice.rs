use webhooks_runtime::webhook_endpoint as hook;
use webhooks_runtime::{WebhookPayload, webhook_endpoint};

#[webhook_endpoint]
#[webhook_endpoint("/again")]
async fn twice(_payload: WebhookPayload) {}

#[webhook_endpoint]
#[hook("/again")]
async fn twice_by_two_names(_payload: WebhookPayload) {}

fn main() {}

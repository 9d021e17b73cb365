use webhooks_runtime::{WebhookPayload, webhook_endpoint};

mod keys {
    pub(crate) fn by_value(payload: webhooks_runtime::WebhookPayload) -> String {
        payload.repo.name
    }
}

fn no_text(payload: &WebhookPayload) -> usize {
    payload.repo.name.len()
}

async fn later(payload: &WebhookPayload) -> String {
    payload.repo.name.clone()
}

#[webhook_endpoint(background(key = keys::by_value))]
async fn another_argument() {}

#[webhook_endpoint(background(key = no_text))]
async fn another_type() {}

#[webhook_endpoint(background(key = later))]
async fn not_at_once() {}

#[webhook_endpoint(background(key = missing::function))]
async fn no_function() {}

fn main() {}

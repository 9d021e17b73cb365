//! A returned type that does not exist gives the compiler's own error for it, and no other.

use webhooks_runtime::{WebhookPayload, webhook_endpoint};

#[webhook_endpoint]
async fn inline(_payload: WebhookPayload) -> anyhow_not_there::Result<()> {
    Ok(())
}

#[webhook_endpoint]
fn blocking(_payload: WebhookPayload) -> anyhow_not_there::Result<()> {
    Ok(())
}

#[webhook_endpoint(background)]
async fn later(_payload: WebhookPayload) -> anyhow_not_there::Result<()> {
    Ok(())
}

#[webhook_endpoint]
async fn borrowed() -> &str {
    "hello"
}

#[webhook_endpoint]
async fn error(_payload: WebhookPayload) -> Result<(), NotThere> {
    Ok(())
}

fn main() {}

use webhooks_runtime::{WebhookPayload, webhook_endpoint, webhooks_main};

#[webhook_endpoint]
async fn trigger_training(payload: WebhookPayload) {
    if payload.repo.repo_type == "dataset" && payload.event.matches("update", "repo.content") {
        tracing::info!("{} has changed: time to train", payload.repo.name);
    }
}

webhooks_main!();

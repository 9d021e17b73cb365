use webhooks_runtime::{WebhookPayload, webhook_endpoint, webhooks_main};

/// Trains when a dataset was updated.
#[webhook_endpoint]
async fn trigger_training(payload: WebhookPayload) {
    if payload.repo.repo_type == "dataset" && payload.event.matches("update", "repo.content") {
        println!("training on {}", payload.repo.name);
    }
}

/// Evaluates when a model was updated.
#[webhook_endpoint]
async fn trigger_evaluation(payload: WebhookPayload) {
    if payload.repo.repo_type == "model" && payload.event.matches("update", "repo.content") {
        println!("evaluating {}", payload.repo.name);
    }
}

webhooks_main!();

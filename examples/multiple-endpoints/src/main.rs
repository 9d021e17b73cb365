use webhooks_runtime::{WebhookPayload, webhook_endpoint, webhooks_main};

/// Trains when a dataset was updated.
#[webhook_endpoint(watch = ["dataset:me/data", "dataset:me/more-data"], branch = "main")]
async fn trigger_training(payload: WebhookPayload) {
    println!("training on {}", payload.repo.name);
}

/// Evaluates when a model was updated.
#[webhook_endpoint(watch = ["model:me/small", "model:me/large"], branch = "main")]
async fn trigger_evaluation(payload: WebhookPayload) {
    println!("evaluating {}", payload.repo.name);
}

webhooks_main!();

use webhooks_runtime::{Delivery, Permanent, WebhookPayload, webhook_endpoint, webhooks_main};

/// Trains a model when a dataset changes.
#[webhook_endpoint(background(
    attempts = 5,
    timeout = "2h",
    concurrency = 1,
    backoff = "10s..30m"
))]
async fn trigger_training(payload: WebhookPayload, delivery: Delivery) -> anyhow::Result<()> {
    if payload.repo.repo_type != "dataset" {
        return Ok(());
    }
    if payload.repo.private {
        return Err(Permanent::new("private datasets are not trained on").into());
    }
    println!("training on {}, attempt {}", payload.repo.name, delivery.attempt);
    // train
    Ok(())
}

webhooks_main!();

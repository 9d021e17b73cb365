use webhooks_runtime::{Delivery, Permanent, WebhookPayload, webhook_endpoint, webhooks_main};

/// Trains a model when its dataset changes.
#[webhook_endpoint(
    watch = "dataset:me/data",
    branch = "main",
    background(attempts = 5, timeout = "2h", concurrency = 1, backoff = "10s..30m")
)]
async fn trigger_training(payload: WebhookPayload, delivery: Delivery) -> anyhow::Result<()> {
    if payload.repo.private {
        return Err(Permanent::new("private datasets are not trained on").into());
    }
    // The same for every attempt: a second run overwrites the files of the first.
    let folder = format!("runs/{}", delivery.id);
    tracing::info!(dataset = payload.repo.name, folder, "training");
    Ok(())
}

webhooks_main!();

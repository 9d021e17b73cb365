use std::rc::Rc;

use webhooks_runtime::{WebhookPayload, webhook_endpoint};

#[webhook_endpoint(background)]
async fn hook(payload: WebhookPayload) {
    let name = Rc::new(payload.repo.name);
    wait().await;
    println!("{name}");
}

async fn wait() {}

fn main() {}

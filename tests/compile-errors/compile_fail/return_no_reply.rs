use webhooks_runtime::{WebhookPayload, webhook_endpoint};

#[webhook_endpoint]
async fn number(_: WebhookPayload) -> u32 {
    7
}

#[webhook_endpoint]
fn number_in_a_result() -> Result<u32, String> {
    Ok(7)
}

#[webhook_endpoint]
async fn without_a_name() -> impl std::fmt::Display {
    7
}

fn main() {}

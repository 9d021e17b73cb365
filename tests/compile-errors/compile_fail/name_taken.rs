//! A module, and a type, with the name of the function.

use webhooks_runtime::{WebhookPayload, webhook_endpoint};

mod train {}

#[webhook_endpoint]
async fn train(_payload: WebhookPayload) {}

mod hooks {
    use webhooks_runtime::webhook_endpoint;

    #[allow(non_camel_case_types)]
    struct evaluate {}

    #[webhook_endpoint]
    async fn evaluate() {}
}

fn main() {}

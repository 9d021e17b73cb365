//! Functions of an `impl` and a `trait`, without `self`.

use webhooks_runtime::{WebhookPayload, webhook_endpoint};

struct Bot;

impl Bot {
    #[webhook_endpoint]
    async fn hook(_payload: WebhookPayload) {}
}

trait Hooks {
    #[webhook_endpoint("/more")]
    fn more(_payload: WebhookPayload) {}
}

impl Hooks for Bot {}

fn main() {}

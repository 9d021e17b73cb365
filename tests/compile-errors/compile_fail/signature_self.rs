use webhooks_runtime::{WebhookPayload, webhook_endpoint};

struct Bot;

impl Bot {
    #[webhook_endpoint]
    async fn hook(&self, _: WebhookPayload) {}
}

fn main() {}

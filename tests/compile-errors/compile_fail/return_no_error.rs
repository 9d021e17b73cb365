use webhooks_runtime::webhook_endpoint;

struct Failed;

#[webhook_endpoint]
async fn hook() -> Result<(), Failed> {
    Err(Failed)
}

fn main() {}

use webhooks_runtime::{HttpRequest, webhook_endpoint};

#[webhook_endpoint]
fn hook(_: HttpRequest) {}

fn main() {}

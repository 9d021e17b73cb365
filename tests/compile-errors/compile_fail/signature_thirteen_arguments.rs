use webhooks_runtime::{Delivery as D, webhook_endpoint};

#[webhook_endpoint]
async fn hook(_: D, _: D, _: D, _: D, _: D, _: D, _: D, _: D, _: D, _: D, _: D, _: D, _: D) {}

fn main() {}

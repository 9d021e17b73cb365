use webhooks_runtime::{web, webhook_endpoint};

struct Order {
    size: u32,
}

#[webhook_endpoint]
async fn hook(_: web::Json<Order>) {}

fn main() {}

use webhooks_runtime::{HttpResponse, webhook_endpoint};

#[webhook_endpoint]
fn hook() -> HttpResponse {
    HttpResponse::Ok().finish()
}

fn main() {}

use webhooks_runtime::{web, webhook_endpoint};

struct Answer;

#[webhook_endpoint]
async fn hook() -> web::Json<Answer> {
    web::Json(Answer)
}

fn main() {}

use webhooks_runtime::{HttpResponse, web, webhook_endpoint};

#[webhook_endpoint(background)]
async fn number() -> u32 {
    7
}

#[webhook_endpoint(background)]
fn json() -> web::Json<u32> {
    web::Json(7)
}

#[webhook_endpoint(background)]
async fn response_in_a_result() -> Result<HttpResponse, String> {
    Ok(HttpResponse::Ok().finish())
}

struct NoError;

#[webhook_endpoint(background)]
async fn no_error() -> Result<(), NoError> {
    Err(NoError)
}

#[webhook_endpoint(background)]
async fn without_a_name() -> impl std::fmt::Display {
    7
}

fn main() {}

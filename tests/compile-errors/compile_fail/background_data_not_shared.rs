use std::cell::Cell;

use webhooks_runtime::{web, webhook_endpoint};

#[webhook_endpoint(background)]
async fn hook(_: web::Data<Cell<u8>>) {}

fn main() {}

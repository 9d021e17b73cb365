use webhooks_runtime::webhook_endpoint;

#[webhook_endpoint(paht = "/hello")]
async fn unknown() {}

#[webhook_endpoint(path = "/hello", path = "/hi")]
async fn twice() {}

#[webhook_endpoint("/hello", path = "/hi")]
async fn twice_in_two_forms() {}

#[webhook_endpoint(path = 7)]
async fn not_text() {}

#[webhook_endpoint(path)]
async fn no_value() {}

#[webhook_endpoint(path = )]
async fn no_value_after_all() {}

#[webhook_endpoint(crate = "webhooks_runtime")]
async fn quoted_crate() {}

#[webhook_endpoint(secret_env = "")]
async fn no_variable() {}

#[webhook_endpoint(own = "true")]
async fn no_truth() {}

#[webhook_endpoint(own)]
async fn own_without_value() {}

#[webhook_endpoint(7)]
async fn no_key() {}

#[webhook_endpoint("/hello" "/hi")]
async fn no_comma() {}

fn main() {}

use webhooks_runtime::webhook_endpoint;

#[webhook_endpoint(background(atempts = 5))]
async fn unknown() {}

#[webhook_endpoint(background(attempts = 5, attempts = 6))]
async fn twice() {}

#[webhook_endpoint(background, background(attempts = 5))]
async fn background_twice() {}

#[webhook_endpoint(background = true)]
async fn with_a_value() {}

#[webhook_endpoint(background[attempts = 5])]
async fn other_brackets() {}

#[webhook_endpoint(attempts = 5)]
async fn without_background() {}

#[webhook_endpoint(background(attempts))]
async fn no_value() {}

#[webhook_endpoint(background("2h"))]
async fn no_key() {}

#[webhook_endpoint(background(attempts = 5 timeout = "2h"))]
async fn no_comma() {}

#[webhook_endpoint(background(attempts = "5", concurrency = -1, timeout = 2, backoff = 10s))]
async fn other_kinds_of_values() {}

#[webhook_endpoint(background(attempts = 0, concurrency = 10_001, timeout = "0s"))]
async fn too_little_and_too_much() {}

#[webhook_endpoint(background(timeout = "2 weeks and a bit", dedup_window = "8d"))]
async fn no_duration_and_a_long_one() {}

#[webhook_endpoint(background(backoff = "10s to 30m"))]
async fn no_backoff() {}

#[webhook_endpoint(background(backoff = "30m..10s"))]
async fn the_wrong_way_round() {}

#[webhook_endpoint(background(backoff = "31d"))]
async fn a_long_backoff() {}

fn main() {}

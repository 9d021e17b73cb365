use webhooks_runtime::webhook_endpoint;

#[webhook_endpoint("")]
async fn empty() {}

#[webhook_endpoint("/webhooks/")]
async fn only_the_prefix() {}

#[webhook_endpoint("/webhooks/webhooks/hello")]
async fn doubled() {}

#[webhook_endpoint("/hello?secret=x")]
async fn query() {}

#[webhook_endpoint("/hello#top")]
async fn fragment() {}

#[webhook_endpoint("/say hello")]
async fn space() {}

#[webhook_endpoint("/hello/{name}")]
async fn pattern() {}

#[webhook_endpoint(path = "/../hello")]
async fn dots() {}

#[webhook_endpoint("/hello//you")]
async fn double_slash() {}

#[webhook_endpoint("/학습")]
async fn not_ascii() {}

#[webhook_endpoint]
async fn 학습() {}

#[webhook_endpoint]
async fn webhooks() {}

fn main() {}

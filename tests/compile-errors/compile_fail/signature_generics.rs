use webhooks_runtime::webhook_endpoint;

#[webhook_endpoint]
async fn generic<T: Send>() {}

#[webhook_endpoint]
async fn with_lifetime<'a>() {}

#[webhook_endpoint]
async fn with_clause() where u8: Copy {}

#[webhook_endpoint]
async fn with_impl(_: impl Send) {}

fn main() {}

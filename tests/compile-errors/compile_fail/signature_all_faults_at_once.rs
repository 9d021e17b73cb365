use webhooks_runtime::{WebhookPayload, webhook_endpoint};

#[webhook_endpoint(path = "/say hello", retries = 3, secret_env = "")]
unsafe extern "C" fn hook<T>(_: WebhookPayload) {}

// The function is still there, so that naming it is no error of its own.
fn main() {
    let _ = hook::<u8>;
}

//! The error of the `Result` in `webhooks_main!` is no error.

use webhooks_runtime::{WebhooksServer, webhooks_main};

struct NotAnError;

fn server() -> Result<WebhooksServer, NotAnError> {
    Ok(WebhooksServer::new())
}

webhooks_main!(server());

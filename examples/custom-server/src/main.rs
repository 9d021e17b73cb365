use webhooks_runtime::serde_json::{Value, json};
use webhooks_runtime::{Blocks, WebhookPayload, WebhooksServer, webhook_endpoint, webhooks_main};

// 1. A function whose path is set explicitly below.
async fn hello(payload: WebhookPayload) -> Value {
    json!({ "message": format!("hello {}", payload.repo.name) })
}

/// Says goodbye to a repo.
// 2. A function whose path is its own name.
#[webhook_endpoint]
async fn goodbye(payload: WebhookPayload) -> Value {
    json!({ "message": format!("goodbye {}", payload.repo.name) })
}

// 3. The server, with a custom page. Don't keep a real secret in the code: set the environment
//    variable WEBHOOK_SECRET instead.
fn server() -> WebhooksServer {
    let ui = Blocks::new()
        .markdown("# Greeter\n\nI greet every repo that changes.")
        .endpoints()
        .trigger_form()
        .activity();
    WebhooksServer::new().ui(ui).webhook_secret("my_secret_key").add_webhook("/say_hello", hello)
}

// 4. The program's `main`, which starts the server.
webhooks_main!(server());

use webhooks_runtime::serde_json::{Value, json};
use webhooks_runtime::web::Html;
use webhooks_runtime::{WebhookPayload, WebhooksServer, webhook_endpoint, webhooks_main};

// 1. A page of your own.
async fn page() -> Html {
    Html::new("<!doctype html><title>Greeter</title><h1>I greet repos</h1>")
}

// 2. A function that gets an explicit name below.
async fn hello(payload: WebhookPayload) -> Value {
    json!({ "message": format!("hello {}", payload.repo.name) })
}

// 3. A function that goes by its own name.
#[webhook_endpoint]
async fn goodbye(payload: WebhookPayload) -> Value {
    json!({ "message": format!("goodbye {}", payload.repo.name) })
}

// 4. The server with all of it. A secret that others mustn't read belongs into the environment
//    variable WEBHOOK_SECRET instead.
webhooks_main!(
    WebhooksServer::new().ui(page).webhook_secret("my_secret_key").add_webhook("/say_hello", hello)
);

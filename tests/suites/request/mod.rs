//! A request's way: each row of the table, over a real socket.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

mod body;
mod browsers;
mod filter;
mod route;
mod secret;
mod size;
mod slow_clients;

use std::collections::HashMap;

use serde::Deserialize;
use webhooks_runtime::{ServerHandle, WebhookPayload, WebhooksServer, web, webhook_endpoint};

#[webhook_endpoint]
async fn echo(payload: WebhookPayload) -> web::Json<WebhookPayload> {
    web::Json(payload)
}

#[webhook_endpoint]
async fn quiet() {}

#[derive(Deserialize)]
struct Shape {
    #[allow(dead_code, reason = "read by serde only")]
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    #[allow(dead_code, reason = "read by serde only")]
    size: u8,
}

#[webhook_endpoint]
async fn shape(_: web::Json<Shape>) {}

#[webhook_endpoint]
async fn map(_: web::Json<HashMap<String, u8>>) {}

const SECRET: &str = "hush-hush";

/// Returns a server with the endpoints of this suite.
fn new_server() -> WebhooksServer {
    WebhooksServer::empty()
        .endpoint(echo::endpoint())
        .endpoint(quiet::endpoint())
        .endpoint(shape::endpoint())
        .endpoint(map::endpoint())
}

async fn open_server() -> ServerHandle {
    let server = new_server();
    let server = server.add_webhook("added", async |_: web::Json<HashMap<String, u8>>| ());
    server.port(0).workers(1).start().await.unwrap()
}

async fn guarded_server() -> ServerHandle {
    new_server().webhook_secret(SECRET).port(0).workers(1).start().await.unwrap()
}

//! What a function may look like, tried over a real socket: forms, arguments, answers.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on")]
#![allow(clippy::needless_pass_by_value, reason = "an argument of an endpoint is a value")]

mod added;
mod arguments;
mod background;
mod background_key;
mod conditions;
mod data;
mod enqueue;
mod filter;
mod hub;
mod responses;

use serde::Deserialize;
use tests::client::{ClientResponse, post};
use tests::payloads::dataset_commit;
use webhooks_runtime::{EndpointFn, WebhooksServer};

/// Posts `body` to a server and stops it.
async fn post_to(server: WebhooksServer, path: &str, body: &str) -> ClientResponse {
    let server = server.port(0).start().await.unwrap();
    let answer = post(server.local_url(), path, body).unwrap();
    server.stop().await;
    answer
}

async fn answer_of(endpoint: webhooks_runtime::Endpoint) -> ClientResponse {
    let body = dataset_commit().to_string();
    post_to(WebhooksServer::empty().endpoint(endpoint), endpoint.path(), &body).await
}

async fn answer_of_fn<Args, Kind>(function: impl EndpointFn<Args, Kind>) -> ClientResponse {
    let server = WebhooksServer::empty().add_webhook("f", function);
    post_to(server, "/webhooks/f", &dataset_commit().to_string()).await
}

#[derive(Debug)]
struct Failed;

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the hidden cause")
    }
}

impl std::error::Error for Failed {}

#[derive(Deserialize)]
struct Sized {
    repo: SizedRepo,
}

#[derive(Deserialize)]
struct SizedRepo {
    name: String,
}

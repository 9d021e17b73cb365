//! The client and the samples that users test their bots with.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]
#![allow(clippy::needless_pass_by_value, reason = "JSON is written where it is used")]

mod client;
mod samples;

use std::io::Error;

use webhooks_runtime::testing::TestClient;
use webhooks_runtime::{Delivery, WebhookPayload, WebhooksServer, webhook_endpoint};

#[webhook_endpoint]
async fn name(payload: WebhookPayload) -> String {
    payload.repo.name
}

#[webhook_endpoint]
fn blocking_name(payload: WebhookPayload) -> String {
    payload.repo.name
}

#[webhook_endpoint]
async fn id(delivery: Delivery) -> String {
    delivery.id
}

#[webhook_endpoint(secret_env = "NOT_SET_ON_ANY_MACHINE")]
async fn guarded() {}

#[webhook_endpoint]
async fn fails() -> Result<(), Error> {
    Err(Error::other("the disk is full"))
}

/// Returns a server with the endpoints of this suite.
fn new_server() -> WebhooksServer {
    WebhooksServer::empty()
        .endpoint(name::endpoint())
        .endpoint(blocking_name::endpoint())
        .endpoint(id::endpoint())
        .endpoint(guarded::endpoint())
        .endpoint(fails::endpoint())
}

/// A client of every endpoint in this suite.
fn client() -> TestClient {
    TestClient::new(new_server()).unwrap()
}

//! The Hub of the tests: it takes what the Python client sends and nothing else, and its webhooks deliver.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on")]

mod client;
mod client_failures;
mod deliveries;
mod environment;
mod own_commits;
mod python_client;
mod recorded;
mod repos;
mod rights;
mod strictness;
mod troubles;

use serde_json::Value;
use tests::client::{ClientResponse, request};
use tests::hub::TestHub;

/// Sends a request with the token of `me`, and with this JSON unless it is `null`.
fn call(hub: &TestHub, first: &str, body: &Value) -> ClientResponse {
    call_with(hub, hub.token(), first, body)
}

fn call_with(hub: &TestHub, token: &str, first: &str, body: &Value) -> ClientResponse {
    let authorization = format!("Authorization: Bearer {token}");
    let json = ["Content-Type: application/json", &authorization];
    match body {
        Value::Null => request(hub.url(), first, &json[1..], ""),
        body => request(hub.url(), first, &json, &body.to_string()),
    }
    .unwrap()
}

//! The way to a stand-in, inside the process.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use futures_util::future::{BoxFuture, ready};
use serde_json::json;
use ureq::http::HeaderMap;

use super::{HubCall, HubStub, StubState, lock};
use crate::hub::transport::{ApiRequest, ApiResponse, Transport, TransportError};

pub(super) struct StubTransport(pub(super) Arc<StubState>);

impl Transport for StubTransport {
    fn send(&self, request: ApiRequest) -> BoxFuture<'_, Result<ApiResponse, TransportError>> {
        let call = HubCall::new(&request);
        let response = lock(&self.0.prepared).next(&call.method, &call.path);
        let response = response.or_else(|| (call.path == "/api/whoami-v2").then(account));
        let response = response.ok_or_else(|| unexpected(&call));
        if !request.by_server {
            lock(&self.0.calls).push(call);
        }
        Box::pin(ready(response))
    }

    fn wait(&self, _duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }
}

fn account() -> ApiResponse {
    let account = json!({ "type": "user", "id": HubStub::ACCOUNT_ID, "name": "bot", "orgs": [] });
    let body = Bytes::from(account.to_string());
    ApiResponse { status: 200, headers: HeaderMap::new(), body }
}

fn unexpected(call: &HubCall) -> TransportError {
    let (method, path) = (&call.method, &call.path);
    TransportError::last(format!(
        "the HubStub has no response to it. Add one: stub.on({method:?}, {path:?}).respond(json!({{}}))"
    ))
}

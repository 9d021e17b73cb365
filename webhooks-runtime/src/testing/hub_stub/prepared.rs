//! The prepared responses of a stand-in.

use std::fmt;
use std::sync::Mutex;

use actix_web::web::Bytes;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use ureq::http::{HeaderMap, HeaderName, HeaderValue};

use super::lock;
use crate::hub::transport::ApiResponse;
use crate::testing::request::fail;

/// The responses to each call.
#[derive(Default)]
pub(super) struct PreparedCalls(Vec<PreparedCall>);

/// The responses to one call, in order. The last one is repeated.
struct PreparedCall {
    method: String,
    /// The path, decoded.
    path: String,
    responses: Vec<ApiResponse>,
    /// How many of them were given.
    given: usize,
}

impl PreparedCalls {
    /// Returns the next response to a call.
    pub(super) fn next(&mut self, method: &str, path: &str) -> Option<ApiResponse> {
        let call = self.find(method, path)?;
        let response = call.responses.get(call.given).or(call.responses.last()).cloned();
        call.given += 1;
        response
    }

    fn add(&mut self, method: &str, path: &str, response: ApiResponse) {
        match self.find(method, path) {
            Some(call) => call.responses.push(response),
            None => self.0.push(PreparedCall {
                method: method.to_owned(),
                path: decoded(path),
                responses: vec![response],
                given: 0,
            }),
        }
    }

    fn find(&mut self, method: &str, path: &str) -> Option<&mut PreparedCall> {
        let path = decoded(path);
        self.0.iter_mut().find(|call| call.method == method && call.path == path)
    }
}

fn decoded(path: &str) -> String {
    percent_decode_str(path).decode_utf8_lossy().into_owned()
}

/// A call whose responses are prepared: see [`HubStub::on`](super::HubStub::on).
///
/// ```
/// use webhooks_runtime::serde_json::json;
/// use webhooks_runtime::testing::HubStub;
///
/// let stub = HubStub::new();
/// let call = stub.on("GET", "/api/models/me/tiny");
/// call.error(503, "Busy").respond(json!({ "id": "me/tiny", "private": false }));
/// ```
pub struct StubbedCall<'a> {
    prepared: &'a Mutex<PreparedCalls>,
    method: String,
    path: String,
}

impl<'a> StubbedCall<'a> {
    pub(super) fn new(prepared: &'a Mutex<PreparedCalls>, method: &str, path: &str) -> Self {
        Self { prepared, method: method.to_owned(), path: path.to_owned() }
    }

    /// Adds a response with status 200 and a value as JSON.
    ///
    /// ```
    /// use webhooks_runtime::serde_json::json;
    /// use webhooks_runtime::testing::HubStub;
    ///
    /// let stub = HubStub::new();
    /// stub.on("GET", "/api/models/me/tiny").respond(json!({ "id": "me/tiny" }));
    /// ```
    ///
    /// # Panics
    ///
    /// When the value cannot be written as JSON.
    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "a body belongs to its response")]
    pub fn respond(self, body: impl Serialize) -> Self {
        match serde_json::to_vec(&body) {
            Ok(body) => self.add(200, body),
            Err(error) => fail(&format!("this response cannot be written as JSON: {error}")),
        }
    }

    /// Adds a response with status 200 and a text: a file, or a raw diff.
    ///
    /// ```
    /// use webhooks_runtime::testing::HubStub;
    ///
    /// let stub = HubStub::new();
    /// stub.on("GET", "/me/tiny/resolve/main/README.md").text("# Tiny");
    /// ```
    pub fn text(self, text: &str) -> Self {
        self.bytes(text)
    }

    /// Adds a response with status 200 and bytes.
    ///
    /// ```
    /// use webhooks_runtime::testing::HubStub;
    ///
    /// let stub = HubStub::new();
    /// stub.on("GET", "/me/tiny/resolve/main/a.bin").bytes([0, 159]);
    /// ```
    pub fn bytes(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.add(200, bytes.into())
    }

    /// Adds an error of the Hub.
    ///
    /// The client retries a 429, and a 502, 503 or 504 of a call that is safe to repeat: the next response follows.
    ///
    /// ```
    /// use webhooks_runtime::testing::HubStub;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let stub = HubStub::new();
    /// stub.on("GET", "/api/models/me/tiny").error(404, "Repository not found");
    ///
    /// let error = stub.hub().repo_info("me/tiny").await.unwrap_err();
    /// assert_eq!(error.message(), Some("Repository not found"));
    /// # }
    /// ```
    pub fn error(self, status: u16, message: &str) -> Self {
        self.add(status, serde_json::json!({ "error": message }).to_string().into_bytes())
    }

    /// Sets a header of the response that was added last.
    ///
    /// ```
    /// use webhooks_runtime::testing::HubStub;
    ///
    /// let stub = HubStub::new();
    /// let call = stub.on("GET", "/api/models/me/tiny");
    /// call.error(429, "Too many requests").header("RateLimit", r#""api";r=0;t=60"#);
    /// ```
    ///
    /// # Panics
    ///
    /// When there is no response yet, and when a header cannot have this name or this value.
    #[track_caller]
    pub fn header(self, name: &str, value: &str) -> Self {
        let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>())
        else {
            fail(&format!("a header cannot have the name {name:?} and this value"))
        };
        let mut prepared = lock(self.prepared);
        let call = prepared.find(&self.method, &self.path);
        match call.and_then(|call| call.responses.last_mut()) {
            Some(response) => response.headers.insert(name, value),
            None => fail("a header needs a response before it: `.respond(…).header(…)`"),
        };
        drop(prepared);
        self
    }

    fn add(self, status: u16, body: Vec<u8>) -> Self {
        let response = ApiResponse { status, headers: HeaderMap::new(), body: Bytes::from(body) };
        lock(self.prepared).add(&self.method, &self.path, response);
        self
    }
}

impl fmt::Debug for StubbedCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StubbedCall({} {})", self.method, self.path)
    }
}

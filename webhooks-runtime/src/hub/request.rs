//! Builds and sends one request: the way out for calls that have no method of their own, and the base of those that do.

use std::fmt;
use std::sync::Arc;

use actix_web::web::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::http::Method;

use super::access::HubAccess;
use super::error::HubError;
use super::path::check_request_path;
use super::response::HubResponse;
use super::retry;
use super::transport::{ApiBody, ApiRequest, CallLimits};

/// A request to the Hub: see [`Hub::request`](crate::Hub::request).
///
/// `Debug` shows the method and path.
///
/// ```
/// use webhooks_runtime::serde_json::{Value, json};
/// use webhooks_runtime::testing::HubStub;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), webhooks_runtime::HubError> {
/// let stub = HubStub::new();
/// stub.on("GET", "/api/datasets").respond(json!([{ "id": "me/data" }]));
/// let hub = stub.hub();
///
/// let response = hub.request("GET", "/api/datasets").query("author", "me").send().await?;
/// let datasets: Vec<Value> = response.json()?;
/// assert_eq!(datasets[0]["id"], "me/data");
/// # Ok(())
/// # }
/// ```
#[must_use = "a request does nothing until `.send().await`"]
pub struct HubRequest {
    access: Arc<HubAccess>,
    request: ApiRequest,
    /// The first error of its parts, which `send` returns.
    invalid: Option<HubError>,
}

impl HubRequest {
    pub(super) fn new(access: &Arc<HubAccess>, method: &str, path: &str) -> Self {
        let parsed = match method {
            "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" => method.parse().ok(),
            _ => None,
        };
        let invalid = match &parsed {
            Some(_) => check_request_path(path).err(),
            None => {
                let reason = format!("{method:?} is none of GET, HEAD, POST, PUT, PATCH, DELETE");
                Some(HubError::argument("method", reason))
            }
        };
        let method = parsed.unwrap_or(Method::GET);
        let idempotent = !matches!(method, Method::POST | Method::PATCH);
        let request = ApiRequest {
            method,
            path: path.to_owned(),
            query: Vec::new(),
            body: None,
            limits: CallLimits::CALL,
            idempotent,
            by_server: false,
        };
        Self { access: Arc::clone(access), request, invalid }
    }

    /// Adds a parameter to the query.
    ///
    /// ```
    /// # use webhooks_runtime::testing::HubStub;
    /// # use webhooks_runtime::serde_json::json;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// let stub = HubStub::new();
    /// stub.on("GET", "/api/models").respond(json!([]));
    ///
    /// stub.hub().request("GET", "/api/models").query("search", "tiny bert").send().await?;
    /// assert_eq!(stub.calls()[0].query, [("search".to_owned(), "tiny bert".to_owned())]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn query(mut self, key: &str, value: &str) -> Self {
        self.request.query.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Sets the body to a value as JSON.
    ///
    /// ```
    /// # use webhooks_runtime::testing::HubStub;
    /// use webhooks_runtime::serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// let stub = HubStub::new();
    /// stub.on("PUT", "/api/models/me/tiny/settings").respond(json!({}));
    ///
    /// let request = stub.hub().request("PUT", "/api/models/me/tiny/settings");
    /// request.json(&json!({ "visibility": "private" })).send().await?;
    /// assert_eq!(stub.calls()[0].body["visibility"], "private");
    /// # Ok(())
    /// # }
    /// ```
    pub fn json(self, body: &(impl Serialize + ?Sized)) -> Self {
        match serde_json::to_vec(body) {
            Ok(bytes) => self.body("application/json", bytes),
            Err(error) => {
                let error =
                    HubError::argument("body", format!("cannot be written as JSON: {error}"));
                Self { invalid: self.invalid.or(Some(error)), ..self }
            }
        }
    }

    /// Sends the request, and retries it when that is safe and may help.
    ///
    /// A 429 is retried after the time that the Hub names. A 502, 503, 504 or a lost connection is retried for methods
    /// that are idempotent: all but POST and PATCH. There are at most 3 retries, which wait at most 30 s in total.
    /// Redirects are followed; only the Hub's own origin gets the token.
    ///
    /// The request runs on the blocking thread pool. It goes on when this future is dropped.
    ///
    /// ```
    /// # use webhooks_runtime::testing::HubStub;
    /// # use webhooks_runtime::serde_json::json;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// let stub = HubStub::new();
    /// stub.on("GET", "/api/models/me/tiny").error(503, "Busy").respond(json!({ "likes": 7 }));
    ///
    /// let response = stub.hub().request("GET", "/api/models/me/tiny").send().await?;
    /// assert_eq!(response.status(), 200);
    /// assert_eq!(stub.calls().len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the request is invalid, when there is no response, and when the status is not 2xx.
    pub async fn send(self) -> Result<HubResponse, HubError> {
        if let Some(error) = self.invalid {
            return Err(error);
        }
        let outcome = retry::send(self.access.transport(), &self.request).await;
        let call = self.request.call();
        let response = match outcome {
            Ok(response) => response,
            Err(error) => return Err(HubError::NoResponse { call, reason: error.reason }),
        };
        if (200..300).contains(&response.status) {
            Ok(HubResponse::new(call, response))
        } else {
            Err(self.access.rejection(&self.request, &response))
        }
    }

    /// Sends the request, and reads the response as JSON.
    pub(super) async fn fetch<T: DeserializeOwned>(self) -> Result<T, HubError> {
        self.send().await?.json()
    }

    /// Sets the body.
    /// Sets a body of JSON that others can read, in which the token is hidden.
    pub(super) fn public_json(self, body: &Value) -> Self {
        let text = self.access.hide_token_in(&body.to_string());
        self.body("application/json", text.into_bytes())
    }

    pub(super) fn body(mut self, content_type: &'static str, bytes: Vec<u8>) -> Self {
        self.request.body = Some(ApiBody { content_type, bytes: Bytes::from(bytes) });
        self
    }

    /// Marks a POST whose repetition changes nothing.
    pub(super) fn idempotent(mut self) -> Self {
        self.request.idempotent = true;
        self
    }

    /// Marks a request that the server makes by itself, and not a function.
    pub(super) fn by_server(mut self) -> Self {
        self.request.by_server = true;
        self
    }

    pub(super) fn limits(mut self, limits: CallLimits) -> Self {
        self.request.limits = limits;
        self
    }
}

impl fmt::Debug for HubRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HubRequest").field(&self.request.call()).finish()
    }
}

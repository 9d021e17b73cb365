//! What comes back to a test.

use std::borrow::Cow;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::web::Bytes;
use serde::de::DeserializeOwned;

use crate::server::Cause;

/// The response to a [`TestRequest`](super::TestRequest).
///
/// `Debug` shows the status, the text and the cause:
///
/// ```
/// use webhooks_runtime::serde_json::{Value, json};
/// use webhooks_runtime::testing::{TestClient, repo_moved};
/// use webhooks_runtime::{WebhookPayload, WebhooksServer, webhook_endpoint};
///
/// #[webhook_endpoint]
/// async fn follow(payload: WebhookPayload) -> Value {
///     json!({ "now": payload.moved_to.map(|moved_to| moved_to.name) })
/// }
///
/// let client = TestClient::new(WebhooksServer::empty().endpoint(follow::endpoint()))?;
/// let response = client.post(follow::PATH, repo_moved().to("me/renamed")).send();
///
/// assert_eq!(response.status(), 200, "{response:?}");
/// assert_eq!(response.header("Content-Type"), Some("application/json"));
/// assert_eq!(response.json::<Value>()?["now"], "me/renamed");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct TestResponse {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    cause: Option<Cause>,
}

impl TestResponse {
    pub(super) fn new(
        status: StatusCode,
        headers: HeaderMap,
        body: Bytes,
        cause: Option<Cause>,
    ) -> Self {
        Self { status, headers, body, cause }
    }

    /// The status code, which compares with numbers: `response.status() == 200`.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// A header's value; `None` when it isn't there or isn't text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as text; what isn't UTF-8 in it is replaced.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The body read as JSON, into `serde_json::Value` or a type of your own.
    ///
    /// # Errors
    ///
    /// When it isn't JSON, or not of this shape.
    pub fn json<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_slice(&self.body)
    }

    /// Why the function failed: its error with all causes, or what it panicked with.
    ///
    /// Over the network nobody is told, there it stands in the log only.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_ref().map(|Cause(cause)| cause.as_str())
    }
}

impl fmt::Debug for TestResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.status, self.text())?;
        self.cause().map_or(Ok(()), |cause| write!(f, " because of {cause:?}"))
    }
}

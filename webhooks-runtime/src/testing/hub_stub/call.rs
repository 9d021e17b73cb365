//! A recorded call.

use std::fmt;

use serde_json::Value;

use crate::hub::transport::ApiRequest;

/// A call that a stand-in received: see [`HubStub::calls`](super::HubStub::calls).
///
/// `Display` shows the method and path.
///
/// ```
/// use webhooks_runtime::testing::HubStub;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), webhooks_runtime::HubError> {
/// let stub = HubStub::new();
/// stub.hub().whoami().await?;
///
/// let call = &stub.calls()[0];
/// assert_eq!((call.method.as_str(), call.path.as_str()), ("GET", "/api/whoami-v2"));
/// assert!(call.query.is_empty() && call.body.is_null());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct HubCall {
    /// The method.
    pub method: String,
    /// The path, percent-encoded.
    pub path: String,
    /// The names and values of the query.
    pub query: Vec<(String, String)>,
    /// The body: the value of JSON, a list of values for several lines of JSON, or `null` without a body.
    pub body: Value,
}

impl HubCall {
    pub(super) fn new(request: &ApiRequest) -> Self {
        let body = request.body.as_ref().map(|body| body_value(body.content_type, &body.bytes));
        Self {
            method: request.method.to_string(),
            path: request.path.clone(),
            query: request.query.clone(),
            body: body.unwrap_or_default(),
        }
    }
}

impl fmt::Display for HubCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// Reads a body, which this crate's client wrote.
fn body_value(content_type: &str, bytes: &[u8]) -> Value {
    let text = || Value::String(String::from_utf8_lossy(bytes).into_owned());
    if content_type == "application/json" {
        return serde_json::from_slice(bytes).unwrap_or_else(|_| text());
    }
    let lines = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>();
    lines.collect::<Result<Vec<_>, _>>().map_or_else(|_| text(), Value::Array)
}

//! Reads a response.

use std::borrow::Cow;
use std::fmt;

use serde::de::DeserializeOwned;

use super::error::HubError;
use super::transport::ApiResponse;

/// A response of the Hub with a status of 2xx: see [`Hub::request`](super::Hub::request).
///
/// `Debug` shows the request and the status.
///
/// ```
/// # use webhooks_runtime::testing::HubStub;
/// # use webhooks_runtime::serde_json::json;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), webhooks_runtime::HubError> {
/// let stub = HubStub::new();
/// stub.on("GET", "/api/spaces/me/bot/logs/build").text("data: {}");
///
/// let response = stub.hub().request("GET", "/api/spaces/me/bot/logs/build").send().await?;
/// assert_eq!(response.text(), "data: {}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct HubResponse {
    /// The method and path of the request.
    call: String,
    response: ApiResponse,
}

impl HubResponse {
    pub(super) fn new(call: String, response: ApiResponse) -> Self {
        Self { call, response }
    }

    /// Returns the status: 200 to 299.
    ///
    /// ```
    /// # use webhooks_runtime::testing::HubStub;
    /// # use webhooks_runtime::serde_json::json;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// let stub = HubStub::new();
    /// stub.on("GET", "/api/models").respond(json!([]));
    /// assert_eq!(stub.hub().request("GET", "/api/models").send().await?.status(), 200);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn status(&self) -> u16 {
        self.response.status
    }

    /// Returns a header; `None` when it is missing or is not text.
    ///
    /// ```
    /// # use webhooks_runtime::testing::HubStub;
    /// # use webhooks_runtime::serde_json::json;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// let stub = HubStub::new();
    /// stub.on("GET", "/api/models").respond(json!([])).header("Link", "</api/models?p=1>; rel=next");
    ///
    /// let response = stub.hub().request("GET", "/api/models").send().await?;
    /// assert_eq!(response.header("link"), Some("</api/models?p=1>; rel=next"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers.get(name)?.to_str().ok()
    }

    /// Reads the body as JSON.
    ///
    /// ```
    /// # use webhooks_runtime::testing::HubStub;
    /// use webhooks_runtime::serde::Deserialize;
    /// # use webhooks_runtime::serde_json::json;
    ///
    /// #[derive(Deserialize)]
    /// #[serde(crate = "webhooks_runtime::serde")]
    /// struct Likes {
    ///     likes: u64,
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # stub.on("GET", "/api/models/me/tiny").respond(json!({ "likes": 7 }));
    /// # let hub = stub.hub();
    /// let model: Likes = hub.request("GET", "/api/models/me/tiny").send().await?.json()?;
    /// assert_eq!(model.likes, 7);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the body cannot be read as `T`. It says where, and does not contain values.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HubError> {
        let mut json = serde_json::Deserializer::from_slice(&self.response.body);
        serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let is_json = error.inner().is_data();
            let path = error.path().to_string();
            self.invalid(match (is_json, path.as_str()) {
                (false, _) => "is not JSON".to_owned(),
                (true, ".") => "has another form than expected".to_owned(),
                (true, path) => format!("has another form than expected, at {path}"),
            })
        })
    }

    /// Returns the body as text, with a replacement for bytes that are not UTF-8.
    ///
    /// ```
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// let stub = HubStub::new();
    /// stub.on("GET", "/me/tiny/raw/main/README.md").text("# Tiny");
    /// let response = stub.hub().request("GET", "/me/tiny/raw/main/README.md").send().await?;
    /// assert_eq!(response.text(), "# Tiny");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.response.body)
    }

    /// Returns the body.
    ///
    /// ```
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// let stub = HubStub::new();
    /// stub.on("GET", "/me/tiny/raw/main/a.bin").bytes([0, 159]);
    /// let response = stub.hub().request("GET", "/me/tiny/raw/main/a.bin").send().await?;
    /// assert_eq!(response.bytes(), [0, 159]);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.response.body
    }

    /// Returns the error of a body that this call cannot use.
    pub(super) fn invalid(&self, reason: String) -> HubError {
        HubError::InvalidResponse { call: self.call.clone(), reason }
    }
}

impl fmt::Debug for HubResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call, response } = self;
        f.debug_struct("HubResponse").field("call", call).field("status", &response.status).finish()
    }
}

//! The response to a request of a test.

use std::borrow::Cow;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::web::Bytes;
use serde::de::DeserializeOwned;

use crate::http::outcome::Reason;

/// The response to a [`TestRequest`](super::TestRequest).
///
/// `Debug` shows the status, the text and the cause.
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
    details: OutcomeDetails,
}

/// The details of an outcome that a response over the network does not reveal.
#[derive(Clone, Debug, Default)]
pub(super) struct OutcomeDetails {
    /// Why the function was not called, or why it failed.
    pub(super) reason: Option<Reason>,
    /// The note of the attempt.
    pub(super) note: Option<String>,
}

impl TestResponse {
    pub(super) fn new(
        status: StatusCode,
        headers: HeaderMap,
        body: Bytes,
        details: OutcomeDetails,
    ) -> Self {
        Self { status, headers, body, details }
    }

    /// Returns the status code, which compares with numbers: `response.status() == 200`.
    ///
    /// ```
    /// # use webhooks_runtime::WebhooksServer;
    /// # use webhooks_runtime::testing::{TestClient, dataset_commit};
    /// let server = WebhooksServer::empty().add_webhook("/hello", async || "hello");
    /// let response = TestClient::new(server)?.post("/webhooks/hello", dataset_commit()).send();
    /// assert!(response.status().is_success());
    /// assert_eq!(response.status(), 200);
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns a header's value; `None` when it is missing or is not text.
    ///
    /// ```
    /// use webhooks_runtime::testing::{TestClient, dataset_commit};
    /// use webhooks_runtime::{HttpResponse, WebhooksServer};
    ///
    /// async fn created() -> HttpResponse {
    ///     HttpResponse::Created().insert_header(("Location", "/runs/7")).finish()
    /// }
    ///
    /// let client = TestClient::new(WebhooksServer::empty().add_webhook("/runs", created))?;
    /// let response = client.post("/webhooks/runs", dataset_commit()).send();
    /// assert_eq!(response.header("location"), Some("/runs/7"));
    /// assert_eq!(response.header("Retry-After"), None);
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the body as text, with a replacement for bytes that are not UTF-8.
    ///
    /// ```
    /// use webhooks_runtime::testing::{TestClient, discussion_opened};
    /// use webhooks_runtime::{WebhookPayload, WebhooksServer};
    ///
    /// async fn title(payload: WebhookPayload) -> String {
    ///     payload.discussion.map(|discussion| discussion.title).unwrap_or_default()
    /// }
    ///
    /// let client = TestClient::new(WebhooksServer::empty().add_webhook("/title", title))?;
    /// let response = client.post("/webhooks/title", discussion_opened().title("비밀")).send();
    /// assert_eq!(response.text(), "비밀");
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// Reads the body as JSON, into [`serde_json::Value`] or your own type.
    ///
    /// ```
    /// use webhooks_runtime::serde::{Deserialize, Serialize};
    /// use webhooks_runtime::testing::{TestClient, dataset_commit};
    /// use webhooks_runtime::{WebhooksServer, web};
    ///
    /// #[derive(Debug, PartialEq, Serialize, Deserialize)]
    /// #[serde(crate = "webhooks_runtime::serde")]
    /// struct Run {
    ///     id: u64,
    /// }
    ///
    /// async fn start() -> web::Json<Run> {
    ///     web::Json(Run { id: 7 })
    /// }
    ///
    /// let client = TestClient::new(WebhooksServer::empty().add_webhook("/start", start))?;
    /// let run: Run = client.post("/webhooks/start", dataset_commit()).send().json()?;
    /// assert_eq!(run, Run { id: 7 });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the body cannot be read as `T`.
    pub fn json<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_slice(&self.body)
    }

    /// Returns why the function failed: its error with all causes, or its panic message.
    ///
    /// A response over the network does not reveal it: the cause is only in the log.
    ///
    /// ```
    /// use webhooks_runtime::testing::{TestClient, dataset_commit};
    /// use webhooks_runtime::{WebhookPayload, WebhooksServer};
    ///
    /// async fn train(_payload: WebhookPayload) {
    ///     panic!("no GPU is free")
    /// }
    ///
    /// let client = TestClient::new(WebhooksServer::empty().add_webhook("/train", train))?;
    /// let response = client.post("/webhooks/train", dataset_commit()).send();
    /// assert_eq!(response.status(), 500);
    /// assert!(!response.text().contains("GPU"));
    /// assert_eq!(response.cause(), Some("no GPU is free"));
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        match &self.details.reason {
            Some(Reason::Failed(cause)) => Some(cause),
            Some(Reason::Rejected(_) | Reason::BadArgument(_) | Reason::Skipped(_)) | None => None,
        }
    }

    /// Returns why the delivery was skipped: the key of the endpoint's filter that it does not match, and what that
    /// key expected. `None` if the function was called.
    ///
    /// ```
    /// use webhooks_runtime::testing::{TestClient, comment_created, dataset_commit};
    /// use webhooks_runtime::{Filter, WebhooksServer};
    ///
    /// let filter = Filter::new().on("repo.content");
    /// let server = WebhooksServer::empty().add_filtered_webhook("/train", filter, async || ());
    /// let client = TestClient::new(server)?;
    /// let post = |sample| client.post("/webhooks/train", sample).send();
    ///
    /// assert_eq!(post(dataset_commit()).skipped(), None);
    /// assert_eq!(post(comment_created()).skipped(), Some("on: the event is not repo.content"));
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    #[must_use]
    pub fn skipped(&self) -> Option<&str> {
        match &self.details.reason {
            Some(Reason::Skipped(reason)) => Some(reason),
            Some(Reason::Rejected(_) | Reason::BadArgument(_) | Reason::Failed(_)) | None => None,
        }
    }

    /// Returns the note of a background delivery: which files match `paths`, or why the function ran although the
    /// changed files are unknown, and what the function noted: a [`Note`](crate::Note()), and the texts of
    /// [`Delivery::note`](crate::Delivery::note). The page and the command `deliveries show` print it.
    ///
    /// ```
    /// use webhooks_runtime::testing::{HubStub, TestClient, bucket_files};
    /// use webhooks_runtime::{WebhookPayload, WebhooksServer, webhook_endpoint};
    ///
    /// #[webhook_endpoint(paths = "data/**", background)]
    /// async fn retrain(_payload: WebhookPayload) {}
    ///
    /// let server = WebhooksServer::empty().endpoint(retrain::endpoint()).hub(HubStub::new().hub());
    /// let client = TestClient::new(server)?;
    /// let response = client.post(retrain::PATH, bucket_files().added(["data/train.csv"])).send();
    /// assert_eq!(response.note(), Some("paths: data/train.csv changed"));
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.details.note.as_deref()
    }
}

impl fmt::Debug for TestResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.status, self.text())?;
        self.cause().map_or(Ok(()), |cause| write!(f, " because of {cause:?}"))
    }
}

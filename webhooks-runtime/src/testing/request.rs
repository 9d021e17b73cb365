//! A request of a test.

use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::mpsc::sync_channel;

use actix_web::http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, Uri};
use actix_web::web::Bytes;
use tokio::sync::oneshot;

use super::TestResponse;
use super::app::{AppSender, Job};
use crate::http::authorize::SECRET;

/// A request. [`send`](Self::send) sends it, or `.await` in async code.
///
/// ```
/// use webhooks_runtime::testing::{TestClient, dataset_commit};
/// use webhooks_runtime::{Delivery, WebhooksServer, webhook_endpoint};
///
/// #[webhook_endpoint]
/// async fn id(delivery: Delivery) -> String {
///     delivery.id
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), webhooks_runtime::LaunchError> {
/// let client = TestClient::new(WebhooksServer::empty().endpoint(id::endpoint()))?;
///
/// let first = client.post(id::PATH, dataset_commit()).header("Webhook-Id", "replayed").await;
/// let again = client.post(id::PATH, dataset_commit()).header("Webhook-Id", "replayed").await;
/// assert_eq!(first.text(), again.text());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a request does nothing until `.send()`, or `.await` in async code"]
pub struct TestRequest {
    app: AppSender,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl TestRequest {
    pub(super) fn new(app: AppSender, method: Method, uri: Uri, body: Bytes) -> Self {
        Self { app, method, uri, headers: HeaderMap::new(), body }
    }

    pub(super) fn path(&self) -> &str {
        self.uri.path()
    }

    /// Sets a header, for example `Webhook-Id` to send a delivery twice.
    ///
    /// ```
    /// use webhooks_runtime::testing::{TestClient, dataset_commit};
    /// use webhooks_runtime::{HttpRequest, WebhooksServer};
    ///
    /// async fn trace(request: HttpRequest) -> String {
    ///     format!("{:?}", request.headers().get("X-Trace"))
    /// }
    ///
    /// let client = TestClient::new(WebhooksServer::empty().add_webhook("/trace", trace))?;
    /// let response = client.post("/webhooks/trace", dataset_commit()).header("X-Trace", "a1b2").send();
    /// assert_eq!(response.text(), r#"Some("a1b2")"#);
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    ///
    /// # Panics
    ///
    /// When a header cannot have this name or this value.
    #[track_caller]
    pub fn header(self, name: &str, value: &str) -> Self {
        match (name.parse(), value.parse()) {
            (Ok(name), Ok(value)) => self.set(name, value),
            _ => fail(&format!("a header cannot have the name {name:?} and this value")),
        }
    }

    /// Replaces the JSON with a raw body, for example a recorded delivery or text that is not JSON.
    ///
    /// ```
    /// use webhooks_runtime::testing::TestClient;
    /// use webhooks_runtime::{WebhookPayload, WebhooksServer};
    ///
    /// async fn hello(_payload: WebhookPayload) {}
    ///
    /// let client = TestClient::new(WebhooksServer::empty().add_webhook("/hello", hello))?;
    /// let response = client.post("/webhooks/hello", ()).body("{ half a payload").send();
    /// assert_eq!(response.status(), 422);
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Bytes::from(body.into());
        let length = HeaderValue::from(self.body.len());
        self.set(CONTENT_LENGTH, length)
    }

    /// Replaces the secret.
    ///
    /// ```
    /// use webhooks_runtime::WebhooksServer;
    /// use webhooks_runtime::testing::{TestClient, dataset_commit};
    ///
    /// let server = WebhooksServer::empty().add_webhook("/hello", async || "hello");
    /// let client = TestClient::new(server.webhook_secret("hush"))?;
    /// let request = client.post("/webhooks/hello", dataset_commit());
    /// assert_eq!(request.secret("guessed").send().status(), 403);
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    ///
    /// # Panics
    ///
    /// When a header cannot have this value.
    #[track_caller]
    pub fn secret(self, secret: &str) -> Self {
        self.header(SECRET.as_str(), secret)
    }

    /// Removes the secret.
    ///
    /// ```
    /// use webhooks_runtime::WebhooksServer;
    /// use webhooks_runtime::testing::{TestClient, dataset_commit};
    ///
    /// let server = WebhooksServer::empty().add_webhook("/hello", async || "hello");
    /// let client = TestClient::new(server.webhook_secret("hush"))?;
    /// let request = client.post("/webhooks/hello", dataset_commit());
    /// assert_eq!(request.without_secret().send().status(), 401);
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    pub fn without_secret(mut self) -> Self {
        self.headers.remove(SECRET);
        self
    }

    /// Sends the request and waits for the response.
    ///
    /// It blocks the thread. In async code, `.await` the request instead.
    ///
    /// ```
    /// use webhooks_runtime::WebhooksServer;
    /// use webhooks_runtime::testing::{TestClient, dataset_commit};
    ///
    /// let server = WebhooksServer::empty().add_webhook("/hello", async || "hello");
    /// let client = TestClient::new(server)?;
    /// assert_eq!(client.post("/webhooks/hello", dataset_commit()).send().text(), "hello");
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    ///
    /// # Panics
    ///
    /// When there is no response, because your own page or route panicked. When the function of an endpoint
    /// panics, there is a response with status 500.
    #[track_caller]
    pub fn send(self) -> TestResponse {
        let (sender, response) = sync_channel(1);
        self.hand_over(move |response| {
            let _ = sender.send(response);
        });
        response.recv().unwrap_or_else(|_| no_response())
    }

    pub(super) fn set(mut self, name: HeaderName, mut value: HeaderValue) -> Self {
        // So that `Debug` hides it.
        value.set_sensitive(name == SECRET);
        self.headers.insert(name, value);
        self
    }

    fn hand_over(self, respond: impl FnOnce(TestResponse) + Send + 'static) {
        let Self { app, method, uri, headers, body } = self;
        // The app's thread ends with the last sender, so this request holds one until its response.
        let alive = app.clone();
        let respond = Box::new(move |response| {
            respond(response);
            drop(alive);
        });
        // An error means that the app's thread is gone. It drops `respond`, which ends the wait.
        let _ = app.send(Job::Request { method, uri, headers, body, respond });
    }
}

impl IntoFuture for TestRequest {
    type Output = TestResponse;
    type IntoFuture = Pin<Box<dyn Future<Output = TestResponse> + Send>>;

    /// Sends the request without blocking the thread.
    fn into_future(self) -> Self::IntoFuture {
        let (sender, response) = oneshot::channel();
        self.hand_over(move |response| {
            let _ = sender.send(response);
        });
        Box::pin(async move { response.await.unwrap_or_else(|_| no_response()) })
    }
}

impl fmt::Debug for TestRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?}", self.method, self.uri, self.headers)
    }
}

#[track_caller]
pub(super) fn no_response() -> TestResponse {
    fail("there is no response: your own page or route panicked, or its body broke off")
}

#[track_caller]
#[allow(clippy::panic, reason = "a test that cannot continue")]
pub(super) fn fail(text: &str) -> ! {
    panic!("{text}")
}

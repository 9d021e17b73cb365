//! A client that passes its requests to a server's app, without a port.

use std::fmt;
use std::sync::Arc;

use actix_web::http::Method;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use actix_web::web::Bytes;
use serde::Serialize;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::app::{self, AppSender, Job};
use super::request::{TestRequest, fail, no_response};
use super::response::TestResponse;
use crate::endpoint::call::WEBHOOK_ID;
use crate::http::authorize::SECRET;
use crate::http::dispatch::Dispatcher;
use crate::jobs::EnqueueError;
use crate::jobs::enqueue::{EnqueueFuture, EnqueueRequest, EnqueueTarget, Sealed};
use crate::server::LaunchError;
use crate::server::WebhooksServer;
use crate::server::log::{self, LogOutput};

/// A client of a server that runs inside the test: no port, no network, no waiting.
///
/// The environment is not read, so a test is the same on every machine. Where an endpoint has a secret, the client
/// sends it, as the Hub does. For `secret_env = "…"`, both get a generated secret.
///
/// A background function runs once, before the response, and the delivery is not stored. The response is 202 also
/// when the function fails, and [`response.cause()`](super::TestResponse::cause) is the cause of the failure.
///
/// Log lines, with the cause of every failed delivery, are in the output that `cargo test` shows for a failed test:
/// the test that made the client, so each test makes its own. `RUST_LOG` filters them. To use your own `tracing`
/// subscriber, set it before you make the client.
///
/// ```
/// use webhooks_runtime::testing::{TestClient, comment_created};
/// use webhooks_runtime::{WebhookPayload, WebhooksServer, webhook_endpoint};
///
/// #[webhook_endpoint]
/// async fn echo(payload: WebhookPayload) -> Result<String, std::fmt::Error> {
///     let comment = payload.comment.and_then(|comment| comment.content);
///     comment.ok_or(std::fmt::Error)
/// }
///
/// let server = WebhooksServer::empty().endpoint(echo::endpoint()).webhook_secret("hush");
/// let client = TestClient::new(server)?;
///
/// let response = client.post(echo::PATH, comment_created().text("Hello!")).send();
/// assert_eq!(response.text(), "Hello!");
///
/// let response = client.post(echo::PATH, comment_created()).secret("guessed").send();
/// assert_eq!(response.status(), 403);
/// # Ok::<(), webhooks_runtime::LaunchError>(())
/// ```
#[derive(Clone)]
pub struct TestClient {
    dispatcher: Arc<Dispatcher>,
    app: AppSender,
}

impl TestClient {
    /// Starts a server, and creates a client for it.
    ///
    /// ```
    /// use webhooks_runtime::testing::TestClient;
    /// use webhooks_runtime::{LaunchError, WebhooksServer};
    ///
    /// let error = TestClient::new(WebhooksServer::empty()).unwrap_err();
    /// assert!(matches!(error, LaunchError::NoEndpoints));
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the error when this server cannot start.
    pub fn new(server: WebhooksServer) -> Result<Self, LaunchError> {
        log::init(LogOutput::Test);
        // On its own thread, so that a test may be async or not.
        let (dispatcher, app) = app::start(server)?;
        Ok(Self { dispatcher, app })
    }

    /// Makes a delivery: a POST of `body` as JSON, with the secret and a new `Webhook-Id`.
    ///
    /// `body` is a [`Sample`](super::Sample), a [`WebhookPayload`](crate::WebhookPayload), or any other value
    /// that the endpoint reads.
    ///
    /// ```
    /// use webhooks_runtime::testing::TestClient;
    /// use webhooks_runtime::{WebhooksServer, web, webhook_endpoint};
    ///
    /// #[webhook_endpoint]
    /// async fn double(number: web::Json<u32>) -> String {
    ///     (*number * 2).to_string()
    /// }
    ///
    /// let client = TestClient::new(WebhooksServer::empty().endpoint(double::endpoint()))?;
    /// assert_eq!(client.post(double::PATH, 21).send().text(), "42");
    /// assert_eq!(client.post("/webhooks/doubel", 21).send().status(), 404);
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    ///
    /// # Panics
    ///
    /// When `path` is not a path, or `body` cannot be written as JSON.
    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "a body belongs to its request")]
    pub fn post(&self, path: &str, body: impl Serialize) -> TestRequest {
        let body = match serde_json::to_vec(&body) {
            Ok(body) => Bytes::from(body),
            Err(error) => fail(&format!("this body cannot be written as JSON: {error}")),
        };
        let length = HeaderValue::from(body.len());
        let request = self
            .request(Method::POST, path, body)
            .set(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .set(CONTENT_LENGTH, length)
            .header(WEBHOOK_ID.as_str(), &Uuid::new_v4().to_string());
        let secret = self.dispatcher.secret_of(request.path());
        match secret.map(HeaderValue::from_bytes) {
            Some(Ok(secret)) => request.set(SECRET, secret),
            // A secret that a header cannot have is an error at start-up.
            Some(Err(_)) | None => request,
        }
    }

    /// Makes a GET, for the page or your own routes.
    ///
    /// ```
    /// # use webhooks_runtime::WebhooksServer;
    /// # use webhooks_runtime::testing::TestClient;
    /// let server = WebhooksServer::empty().add_webhook("/hello", async || "hello");
    /// let client = TestClient::new(server)?;
    /// assert_eq!(client.get("/health").send().text(), r#"{"status":"ok"}"#);
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    ///
    /// # Panics
    ///
    /// When `path` is not a path.
    #[track_caller]
    pub fn get(&self, path: &str) -> TestRequest {
        self.request(Method::GET, path, Bytes::new())
    }

    #[track_caller]
    fn request(&self, method: Method, path: &str, body: Bytes) -> TestRequest {
        let uri = match path.parse() {
            Ok(uri) if path.starts_with('/') => uri,
            _ => fail(&format!(
                "{path:?} is not a path: write \"/webhooks/say_hello\", or say_hello::PATH for a function"
            )),
        };
        TestRequest::new(self.app.clone(), method, uri, body)
    }
}

impl Sealed for TestClient {}

/// Runs the function once, without the filter of its endpoint, and without what it checks on the Hub.
impl EnqueueTarget for TestClient {
    type Enqueued = TestResponse;

    fn __enqueue(&self, request: EnqueueRequest) -> EnqueueFuture<Self::Enqueued> {
        let client = self.clone();
        Box::pin(async move {
            let delivery = request.check()?;
            if client.dispatcher.background_of(delivery.path).is_none() {
                return Err(EnqueueError::UnknownEndpoint { path: delivery.path.to_owned() });
            }
            let (sender, response) = oneshot::channel();
            let respond = Box::new(move |response| drop(sender.send(response)));
            // An error means that the app's thread is gone, which ends the wait.
            let _ = client.app.send(Job::Enqueued { delivery, respond });
            Ok(response.await.unwrap_or_else(|_| no_response()))
        })
    }
}

impl fmt::Debug for TestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TestClient").field(&self.dispatcher).finish()
    }
}

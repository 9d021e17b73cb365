//! A client that hands its requests to a server's app, without a port in between.

use std::cell::RefCell;
use std::fmt;
use std::future::IntoFuture;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use actix_web::body::to_bytes;
use actix_web::dev::Service;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, Uri};
use actix_web::test::{TestRequest as ActixRequest, init_service};
use actix_web::web::Bytes;
use actix_web::{App, HttpMessage, HttpResponse, rt};
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;
use uuid::Uuid;

use super::TestResponse;
use crate::WebhooksServer;
use crate::endpoint::call::WEBHOOK_ID;
use crate::http::app::{Blueprint, track_request};
use crate::http::authorize::SECRET;
use crate::http::dispatch::Dispatcher;
use crate::http::outcome::{Observation, Observer, Reason};
use crate::server::{LaunchError, in_process, log};

/// Sends requests to a server that runs inside the test: no port, no network, no waiting.
///
/// The test is the same on every machine, since the environment isn't read. Where an endpoint has a
/// secret, the client brings the right one, as the Hub does; for `secret_env = "…"` both get one
/// made up for the test.
///
/// A function that runs in the background runs once, before its response, and nothing is kept of the
/// delivery. The response is 202 however it ends, and
/// [`response.cause()`](TestResponse::cause) says why it failed.
///
/// Log lines, with the cause of every failed delivery, go to the output that `cargo test` shows for a
/// test that fails. That is the test which made the client, so each makes its own. `RUST_LOG` filters
/// them, and a program with a `tracing` subscriber of its own sets that up before.
///
/// ```
/// use webhooks_runtime::testing::{TestClient, comment_created};
/// use webhooks_runtime::{WebhookPayload, WebhooksServer, webhook_endpoint};
///
/// #[webhook_endpoint]
/// async fn answer(payload: WebhookPayload) -> Result<String, std::fmt::Error> {
///     let comment = payload.comment.and_then(|comment| comment.content);
///     comment.ok_or(std::fmt::Error)
/// }
///
/// let server = WebhooksServer::empty().endpoint(answer::endpoint()).webhook_secret("hush");
/// let client = TestClient::new(server)?;
///
/// let response = client.post(answer::PATH, comment_created().text("Hello!")).send();
/// assert_eq!(response.text(), "Hello!");
///
/// let response = client.post(answer::PATH, comment_created()).secret("guessed").send();
/// assert_eq!(response.status(), 403);
/// # Ok::<(), webhooks_runtime::LaunchError>(())
/// ```
#[derive(Clone)]
pub struct TestClient {
    dispatcher: Arc<Dispatcher>,
    app: mpsc::UnboundedSender<Job>,
}

/// A request on its way to the app's thread, and what to do with the response.
struct Job {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
    respond: Box<dyn FnOnce(TestResponse) + Send>,
}

impl TestClient {
    /// A client of this server, which is started for it.
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
    /// When a server like this cannot start; [`LaunchError`] says why.
    pub fn new(server: WebhooksServer) -> Result<Self, LaunchError> {
        log::init_for_tests();
        let blueprint = in_process(server, Arc::new(CauseRecorder))?;
        let dispatcher = Arc::clone(&blueprint.dispatcher);
        let (app, jobs) = mpsc::unbounded_channel();
        // On a thread of its own, so that a test need not be async, and may be.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new()
            .name("webhooks-test-server".to_owned())
            .spawn(move || LocalSet::new().block_on(&runtime, serve(blueprint, jobs)))?;
        Ok(Self { dispatcher, app })
    }

    /// A delivery: a POST of `body` as JSON, with the right secret and a `Webhook-Id` of its own.
    ///
    /// `body` is a [`Sample`](super::Sample), a [`WebhookPayload`](crate::WebhookPayload), or whatever
    /// else the endpoint takes.
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
    /// When `path` is no path, or `body` cannot be written as JSON.
    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "a body is made for its request")]
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
        let secret = self.dispatcher.secret_of(request.uri.path());
        match secret.map(HeaderValue::from_bytes) {
            Some(Ok(secret)) => request.set(SECRET, secret),
            // What no header can carry was refused when the server was made.
            Some(Err(_)) | None => request,
        }
    }

    /// A GET, for a page or a route of your own.
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
    /// When `path` is no path.
    #[track_caller]
    pub fn get(&self, path: &str) -> TestRequest {
        self.request(Method::GET, path, Bytes::new())
    }

    #[track_caller]
    fn request(&self, method: Method, path: &str, body: Bytes) -> TestRequest {
        let uri = match path.parse() {
            Ok(uri) if path.starts_with('/') => uri,
            _ => fail(&format!(
                "{path:?} is no path like \"/webhooks/say_hello\"; the one of a function is say_hello::PATH"
            )),
        };
        TestRequest { app: self.app.clone(), method, uri, headers: HeaderMap::new(), body }
    }
}

/// A request that is sent by [`send`](Self::send) or, in async code, by `.await`.
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
    app: mpsc::UnboundedSender<Job>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl TestRequest {
    /// Sets a header: `Webhook-Id`, for instance, to deliver one delivery twice.
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
    /// When no header can have this name or this value.
    #[track_caller]
    pub fn header(self, name: &str, value: &str) -> Self {
        match (name.parse(), value.parse()) {
            (Ok(name), Ok(value)) => self.set(name, value),
            _ => fail(&format!("no header can be called {name:?} and have this value")),
        }
    }

    /// Brings this body, as it is, in place of the JSON: a recorded delivery, or what is no JSON.
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

    /// Brings this secret in place of the right one.
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
    /// When no header can have this value.
    #[track_caller]
    pub fn secret(self, secret: &str) -> Self {
        self.header(SECRET.as_str(), secret)
    }

    /// Brings no secret.
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
    /// It blocks the thread. In async code `.await` the request instead.
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
    /// When there is no response, since a page or a route of your own panicked. The function of an
    /// endpoint may panic: that is a response with the status 500.
    #[track_caller]
    pub fn send(self) -> TestResponse {
        let (sender, response) = sync_channel(1);
        self.hand_over(move |response| {
            let _ = sender.send(response);
        });
        response.recv().unwrap_or_else(|_| no_response())
    }

    fn set(mut self, name: HeaderName, mut value: HeaderValue) -> Self {
        // `Debug` doesn't show it.
        value.set_sensitive(name == SECRET);
        self.headers.insert(name, value);
        self
    }

    fn hand_over(self, respond: impl FnOnce(TestResponse) + Send + 'static) {
        let Self { app, method, uri, headers, body } = self;
        // The app's thread ends with the last sender, so this request keeps one until it is answered.
        let alive = app.clone();
        let respond = Box::new(move |response| {
            respond(response);
            drop(alive);
        });
        // An error says that the app's thread is gone. Then `respond` is dropped, which tells.
        let _ = app.send(Job { method, uri, headers, body, respond });
    }
}

impl IntoFuture for TestRequest {
    type Output = TestResponse;
    type IntoFuture = Pin<Box<dyn Future<Output = TestResponse> + Send>>;

    /// As [`send`](TestRequest::send), without blocking the thread.
    fn into_future(self) -> Self::IntoFuture {
        let (sender, response) = oneshot::channel();
        self.hand_over(move |response| {
            let _ = sender.send(response);
        });
        Box::pin(async move { response.await.unwrap_or_else(|_| no_response()) })
    }
}

/// Answers requests, all at the same time, until the last client is gone.
async fn serve(blueprint: Blueprint, mut jobs: mpsc::UnboundedReceiver<Job>) {
    let app = App::new().wrap_fn(track_request).configure(|app| blueprint.apply(app));
    let app = Rc::new(init_service(app).await);
    while let Some(Job { method, uri, headers, body, respond }) = jobs.recv().await {
        let app = Rc::clone(&app);
        rt::spawn(async move {
            let request = as_received(method, &uri, &headers, body).to_request();
            let cause = CauseSlot::default();
            request.extensions_mut().insert(cause.clone());
            let response = match app.call(request).await {
                Ok(response) => response.into_parts().1,
                Err(error) => error.error_response(),
            };
            // Without the whole of its body it is no response.
            if let Some(response) = read(response, cause).await {
                respond(response);
            }
        });
    }
}

/// The request as the app gets it from the network.
fn as_received(method: Method, uri: &Uri, headers: &HeaderMap, body: Bytes) -> ActixRequest {
    let peer = SocketAddr::from(([127, 0, 0, 1], 7860));
    let request = ActixRequest::with_uri(&uri.to_string()).method(method).peer_addr(peer);
    headers.iter().fold(request.set_payload(body), ActixRequest::insert_header)
}

/// Where the observer of a request puts the reason of its failure.
#[derive(Clone, Default)]
struct CauseSlot(Rc<RefCell<Option<String>>>);

/// Puts the reason of a failure into the slot of its request.
struct CauseRecorder;

impl Observer for CauseRecorder {
    fn observe(&self, observation: &Observation<'_>) {
        let extensions = observation.delivery.request.extensions();
        if let Some(Reason::Failed(cause)) = &observation.outcome.reason
            && let Some(slot) = extensions.get::<CauseSlot>()
        {
            *slot.0.borrow_mut() = Some(cause.clone());
        }
    }
}

/// Reads a response to its end, if it has one.
async fn read(response: HttpResponse, cause: CauseSlot) -> Option<TestResponse> {
    let (status, headers) = (response.status(), response.headers().clone());
    let body = to_bytes(response.into_body()).await.ok()?;
    Some(TestResponse::new(status, headers, body, cause.0.take()))
}

#[track_caller]
fn no_response() -> TestResponse {
    fail("there is no response: what should have made it panicked, or its body broke off")
}

#[track_caller]
#[allow(clippy::panic, reason = "a test that cannot go on")]
fn fail(text: &str) -> ! {
    panic!("{text}")
}

impl fmt::Debug for TestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TestClient").field(&self.dispatcher).finish()
    }
}

impl fmt::Debug for TestRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?}", self.method, self.uri, self.headers)
    }
}

//! The server: its builder, a request's way, and the life of the process.
//!
//! | module | responsibility |
//! | --- | --- |
//! | `listening`, `sharing`, `storing`, `ui` | the builder's settings beside the endpoints |
//! | `prepare`, `missing_data`, `error` | find every invalid setting before a port is opened |
//! | `parts` | composes the optional capabilities; `background` and `tunnel` are two of them |
//! | `launch`, `running`, `handle` | start the server, serve, shut down |
//! | `ports`, `accept`, `balancer`, `threads`, `worker` | listen, and distribute connections to the workers |
//! | `banner`, `signals` | the start-up message, and the signals that stop the program |
//! | `output`, `log`, `panics` | write to a person and to the log without ever blocking |
//! | `recipients`, `store_target` | what the commands `trigger` and `deliveries` know of a server in another process |

mod accept;
mod background;
mod balancer;
mod banner;
#[cfg(test)]
mod defaults;
mod error;
mod handle;
mod into_server;
mod launch;
mod listening;
pub(crate) mod log;
mod missing_data;
pub(crate) mod output;
pub(crate) mod panics;
mod parts;
mod ports;
mod prepare;
mod recipients;
mod running;
#[cfg(feature = "share")]
mod sharing;
mod signals;
mod store_target;
#[cfg(feature = "background")]
mod storing;
mod threads;
#[cfg(feature = "share")]
mod tunnel;
mod ui;
mod worker;

pub use error::{LaunchError, SetupError};
pub use handle::ServerHandle;
pub use into_server::IntoServer;
pub(crate) use prepare::{in_process, listing};
pub(crate) use recipients::Recipients;
pub(crate) use store_target::StoreTarget;
pub use ui::Ui;

use std::any::TypeId;
use std::fmt;
use std::panic::Location as CodeLocation;
use std::sync::Arc;

use actix_web::web::{self, ServiceConfig};

use crate::config::limits::Limits;
use crate::config::settings::PartialSettings;
use crate::endpoint::background::Shared;
use crate::endpoint::registry::{self, Route};
use crate::endpoint::{Endpoint, EndpointFn, Location, Work, caller, normalize};
use crate::http::app::Configure;
use parts::PartSettings;

/// A server for webhooks, put together step by step and then started.
///
/// [`webhooks_main!()`](crate::webhooks_main) starts one with every endpoint of the program. To set
/// something in code, hand it a server of your own:
///
/// ```no_run
/// # macro_rules! makes { ($($main:tt)*) => {} }
/// # makes!(fn main() {}); // so that rustdoc adds none
/// use webhooks_runtime::{WebhookPayload, WebhooksServer, webhook_endpoint, webhooks_main};
///
/// #[webhook_endpoint]
/// async fn trigger_training(payload: WebhookPayload) {}
///
/// webhooks_main!(WebhooksServer::new().webhook_secret("my_secret").port(8000));
/// ```
///
/// A setting that can be given in several places is taken from the first of: a flag on the command
/// line, the code, the environment, the default.
///
/// In a `main` of your own, [`launch`](Self::launch) starts it and blocks, and in async code it is
/// [`run`](Self::run) that serves until a signal comes and [`start`](Self::start) that returns at once.
/// A test hands it to a [`TestClient`](crate::testing::TestClient).
#[must_use = "a server does nothing until it is started"]
pub struct WebhooksServer {
    endpoints: Vec<Route>,
    bad_paths: Vec<SetupError>,
    secrets: Option<Vec<String>>,
    secret_in_query: bool,
    given: PartialSettings,
    limits: Limits,
    configure: Vec<Configure>,
    shared: Shared,
    /// Whether a function whose `web::Data<T>` is missing is an error.
    checks_data: bool,
    /// What `.data(…)` was given: the type of each `web::Data<T>`.
    data: Vec<TypeId>,
    parts: PartSettings,
}

/// What it is made of.
impl WebhooksServer {
    /// A server with every endpoint of the program: each function with `#[webhook_endpoint]` in this
    /// crate and in the crates that it names.
    ///
    /// ```standalone_crate
    /// use webhooks_runtime::testing::{TestClient, dataset_commit};
    /// use webhooks_runtime::{WebhookPayload, WebhooksServer, webhook_endpoint};
    ///
    /// #[webhook_endpoint]
    /// async fn hello(payload: WebhookPayload) {}
    ///
    /// let client = TestClient::new(WebhooksServer::new())?;
    /// assert_eq!(client.post(hello::PATH, dataset_commit()).send().status(), 200);
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    pub fn new() -> Self {
        Self { endpoints: registry::linked().collect(), ..Self::empty() }
    }

    /// A server without endpoints, for choosing them one by one.
    ///
    /// ```
    /// use webhooks_runtime::{WebhookPayload, WebhooksServer, webhook_endpoint};
    ///
    /// #[webhook_endpoint]
    /// async fn hello(payload: WebhookPayload) {}
    ///
    /// let server = WebhooksServer::empty().endpoint(hello::endpoint());
    /// ```
    pub fn empty() -> Self {
        Self {
            endpoints: Vec::new(),
            bad_paths: Vec::new(),
            secrets: None,
            secret_in_query: false,
            given: PartialSettings::default(),
            limits: Limits::default(),
            configure: Vec::new(),
            shared: Shared::default(),
            checks_data: true,
            data: Vec::new(),
            parts: PartSettings::default(),
        }
    }

    /// Adds a function that has no attribute, at a path below `/webhooks`: `/say_hello`, `say_hello`
    /// and `/webhooks/say_hello` mean the same. A path that cannot be served is an error at launch.
    ///
    /// ```
    /// use webhooks_runtime::{WebhookPayload, WebhooksServer, serde_json};
    ///
    /// async fn hello(payload: WebhookPayload) -> serde_json::Value {
    ///     serde_json::json!({ "message": format!("hello {}", payload.repo.name) })
    /// }
    ///
    /// let server = WebhooksServer::empty().add_webhook("/say_hello", hello);
    /// ```
    #[track_caller]
    pub fn add_webhook<Args, Kind>(
        mut self,
        path: &str,
        function: impl EndpointFn<Args, Kind>,
    ) -> Self {
        let place = CodeLocation::caller();
        let location = Location::__new("", place.file(), place.line());
        match normalize(path) {
            Ok(path) => self.endpoints.push(Route {
                name: path.rsplit('/').next().unwrap_or_default().to_owned(),
                path,
                description: "",
                secret_env: None,
                location,
                annotated: false,
                takes: function.takes(),
                needs: Vec::new(),
                work: Work::Inline(caller(function)),
            }),
            Err(reason) => {
                self.bad_paths.push(SetupError::Path { path: path.to_owned(), location, reason });
            }
        }
        self
    }

    /// Adds an annotated function, from this crate or another: `.endpoint(bots::hello::endpoint())`.
    ///
    /// ```
    /// # use webhooks_runtime::testing::{TestClient, dataset_commit};
    /// # use webhooks_runtime::WebhooksServer;
    /// mod bots {
    ///     use webhooks_runtime::{WebhookPayload, webhook_endpoint};
    ///
    ///     #[webhook_endpoint]
    ///     pub async fn hello(payload: WebhookPayload) {}
    ///
    ///     #[webhook_endpoint]
    ///     pub async fn good_bye(payload: WebhookPayload) {}
    /// }
    ///
    /// let client = TestClient::new(WebhooksServer::empty().endpoint(bots::hello::endpoint()))?;
    /// assert_eq!(client.post(bots::hello::PATH, dataset_commit()).send().status(), 200);
    /// assert_eq!(client.post(bots::good_bye::PATH, dataset_commit()).send().status(), 404);
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    #[allow(clippy::needless_pass_by_value, reason = "an endpoint is a small constant")]
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.endpoints.push(Route::from(&endpoint));
        self
    }

    /// Sets the secret that requests must bring in `X-Webhook-Secret`, in place of the variable
    /// `WEBHOOK_SECRET`. Visible ASCII; anything else is an error at launch.
    ///
    /// ```
    /// use webhooks_runtime::WebhooksServer;
    /// use webhooks_runtime::testing::{TestClient, dataset_commit};
    ///
    /// let server = WebhooksServer::empty().add_webhook("/hello", async || "hello");
    /// let client = TestClient::new(server.webhook_secret("my_secret"))?;
    ///
    /// // As the Hub sends it, with the secret that the webhook was given in its settings.
    /// let delivery = client.post("/webhooks/hello", dataset_commit());
    /// assert_eq!(delivery.clone().send().status(), 200);
    /// assert_eq!(delivery.without_secret().send().status(), 401);
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    pub fn webhook_secret(self, secret: impl Into<String>) -> Self {
        self.webhook_secrets([secret])
    }

    /// The same with several secrets, each of which is accepted: while you change it, the new one
    /// and the old one.
    ///
    /// From the environment this is `WEBHOOK_SECRET` and `WEBHOOK_SECRET_PREVIOUS`.
    ///
    /// ```
    /// use webhooks_runtime::WebhooksServer;
    /// use webhooks_runtime::testing::{TestClient, dataset_commit};
    ///
    /// let server = WebhooksServer::empty().add_webhook("/hello", async || "hello");
    /// let client = TestClient::new(server.webhook_secrets(["new", "old"]))?;
    ///
    /// for (secret, status) in [("new", 200), ("old", 200), ("older", 403)] {
    ///     let response = client.post("/webhooks/hello", dataset_commit()).secret(secret).send();
    ///     assert_eq!(response.status(), status);
    /// }
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    pub fn webhook_secrets<S: Into<String>>(
        mut self,
        secrets: impl IntoIterator<Item = S>,
    ) -> Self {
        self.secrets = Some(secrets.into_iter().map(Into::into).collect());
        self
    }

    /// Also takes the secret from the URL, `?secret=…`, when the header isn't there. Off by default:
    /// addresses end up in the logs of proxies.
    ///
    /// ```
    /// use webhooks_runtime::WebhooksServer;
    /// use webhooks_runtime::testing::{TestClient, dataset_commit};
    ///
    /// let server = WebhooksServer::empty().add_webhook("/hello", async || "hello");
    /// let client = TestClient::new(server.webhook_secret("my_secret").secret_in_query(true))?;
    ///
    /// let request = client.post("/webhooks/hello?secret=my_secret", dataset_commit()).without_secret();
    /// assert_eq!(request.send().status(), 200);
    /// # Ok::<(), webhooks_runtime::LaunchError>(())
    /// ```
    pub fn secret_in_query(mut self, accept: bool) -> Self {
        self.secret_in_query = accept;
        self
    }

    /// Shares a value with all endpoints, which take it as [`web::Data<T>`](web::Data). The server does not start
    /// when an annotated function takes a `web::Data<T>` that neither this nor [`configure`](Self::configure) adds.
    /// A background endpoint gets its `web::Data<T>` from here only.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use webhooks_runtime::{WebhooksServer, web, webhook_endpoint};
    ///
    /// #[webhook_endpoint]
    /// async fn count(counter: web::Data<AtomicU64>) -> String {
    ///     counter.fetch_add(1, Ordering::Relaxed).to_string()
    /// }
    ///
    /// let server = WebhooksServer::new().data(AtomicU64::new(1));
    /// ```
    pub fn data<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        let data = web::Data::new(value);
        self.data.push(TypeId::of::<web::Data<T>>());
        self.shared.insert(data.clone());
        self.configure(move |app| {
            app.app_data(data.clone());
        })
    }

    /// Adds anything to the actix app, by its [`ServiceConfig`]: routes, data, services. Called once for each worker, and
    /// once before, to find out whether it adds the `web::Data<T>` that functions take.
    ///
    /// ```
    /// use webhooks_runtime::{HttpResponse, WebhooksServer, web};
    ///
    /// let server = WebhooksServer::new().configure(|app| {
    ///     app.route("/ping", web::get().to(async || "pong"));
    /// });
    /// ```
    pub fn configure(
        mut self,
        configure: impl Fn(&mut ServiceConfig) + Send + Sync + 'static,
    ) -> Self {
        self.configure.push(Arc::new(configure));
        self
    }

    /// Replaces the page at `/` by one of your own: [`Blocks`](crate::Blocks), of which the default page is
    /// made as well, or any handler of actix-web.
    ///
    /// ```
    /// # #[cfg(feature = "page")]
    /// # {
    /// use webhooks_runtime::{Blocks, WebhooksServer};
    ///
    /// let ui = Blocks::new().markdown("# Retraining bot").endpoints().trigger_form().activity();
    /// let server = WebhooksServer::new().ui(ui);
    /// # }
    /// ```
    ///
    /// ```
    /// use webhooks_runtime::{WebhooksServer, web};
    ///
    /// let server = WebhooksServer::new().ui(async || web::Html::new("<h1>Retraining bot</h1>"));
    /// ```
    pub fn ui<Kind>(mut self, ui: impl Ui<Kind>) -> Self {
        self.parts.page = Some(ui.into_page());
        self
    }
}

impl WebhooksServer {
    /// Sets the version of the program.
    pub(crate) fn of_version(mut self, version: &'static str) -> Self {
        self.parts.version = Some(version);
        self
    }
}

/// The public link, with the Cargo feature `share`.
#[cfg(feature = "share")]
impl WebhooksServer {
    /// Marks the server as that of `webhooks_main!()`, and sets what the URL of the share link belongs to.
    pub(crate) fn of_project(mut self, project: String) -> Self {
        self.parts.link.project = Some(project);
        self.parts.link.own_process = true;
        self
    }
}

impl Default for WebhooksServer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for WebhooksServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhooksServer")
            .field("endpoints", &self.endpoints)
            .field("given", &self.given)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

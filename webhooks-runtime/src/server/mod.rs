//! The server: a builder, and what it builds.
//!
//! `error` says why it doesn't start. `dispatch` brings a request to its function, `answer` makes its
//! answer, `body` reads what it brings, `record` notes what became of it, `connection` cuts off who sends none, `app` puts the
//! actix app together, and `launch` serves at its `ports` until `signals` stop it, with the words of
//! `banner`. `link` makes the tunnel and tells what becomes of it. `prepare` finds all that is wrong
//! before. `background` has the deliveries that are run later, of which `keep` takes one in and `kept` are
//! those that are there; `inline` runs one inside its request. `recipients` are the endpoints as one sees
//! them who sends them a delivery. `ui` is what may be the page: `page` has the routes of one made of blocks, and `visitors` are those who look
//! at it. `describe` serves the
//! OpenAPI document, `viewer` what shows it, and `health` says that the server is there.

mod answer;
mod app;
mod background;
mod banner;
mod body;
mod connection;
#[cfg(feature = "openapi")]
mod describe;
mod dispatch;
mod error;
mod health;
#[cfg(feature = "background")]
mod inline;
#[cfg(feature = "background")]
mod keep;
#[cfg(all(feature = "background", feature = "cli"))]
mod kept;
mod launch;
#[cfg(feature = "share")]
mod link;
pub(crate) mod logs;
#[cfg(feature = "page")]
mod page;
mod ports;
mod prepare;
#[cfg(feature = "trigger")]
mod recipients;
mod record;
mod signals;
mod ui;
#[cfg(feature = "docs")]
mod viewer;
mod visitors;

pub(crate) use answer::Cause;
pub(crate) use app::{Blueprint, guard};
pub(crate) use dispatch::{Dispatcher, SECRET};
pub use error::{LaunchError, SetupError};
#[cfg(all(feature = "background", feature = "cli"))]
pub(crate) use kept::Kept;
pub use launch::ServerHandle;
pub(crate) use prepare::in_process;
#[cfg(feature = "cli")]
pub(crate) use prepare::listing;
#[cfg(feature = "trigger")]
pub(crate) use recipients::Recipients;
pub use ui::Ui;

use std::fmt;
use std::panic::Location as CodeLocation;
#[cfg(feature = "share")]
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{self, ServiceConfig};

use crate::config::{Given, Limits};
#[cfg(feature = "background")]
use crate::endpoint::background::Shared;
use crate::endpoint::registry::{self, Registered};
use crate::endpoint::{Endpoint, EndpointFn, Location, Work, caller, normalize};
#[cfg(feature = "background")]
use crate::jobs::Options;
use crate::reach::Way;
#[cfg(feature = "share")]
use crate::share::Tunnel;
use app::Configure;

/// A server for webhooks, put together step by step and then started.
///
/// `webhooks_main!()` starts one with every endpoint of the program. To set something in code, hand
/// it a server of your own:
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
#[must_use = "a server does nothing until it is started"]
pub struct WebhooksServer {
    endpoints: Vec<Registered>,
    bad_paths: Vec<SetupError>,
    secrets: Option<Vec<String>>,
    secret_in_query: bool,
    given: Given,
    limits: Limits,
    configure: Vec<Configure>,
    #[cfg(feature = "background")]
    shared: Shared,
    #[cfg(feature = "background")]
    background: Options,
    ui: Option<ui::Page>,
    /// The version of the program, if it is known.
    #[cfg(feature = "openapi")]
    version: Option<&'static str>,
    #[cfg(feature = "share")]
    link: link::Link,
}

impl WebhooksServer {
    /// A server with every endpoint of the program: each function with `#[webhook_endpoint]` in this
    /// crate and in the crates that it names.
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
            given: Given::default(),
            limits: Limits::default(),
            configure: Vec::new(),
            #[cfg(feature = "background")]
            shared: Shared::default(),
            #[cfg(feature = "background")]
            background: Options::default(),
            ui: None,
            #[cfg(feature = "openapi")]
            version: None,
            #[cfg(feature = "share")]
            link: link::Link::default(),
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
            Ok(path) => self.endpoints.push(Registered {
                name: path.rsplit('/').next().unwrap_or_default().to_owned(),
                path,
                description: "",
                secret_env: None,
                location,
                annotated: false,
                takes: function.takes(),
                work: Work::Answer(caller(function)),
            }),
            Err(reason) => {
                self.bad_paths.push(SetupError::Path { path: path.to_owned(), location, reason });
            }
        }
        self
    }

    /// Adds an annotated function, from this crate or another: `.endpoint(bots::hello::endpoint())`.
    #[allow(clippy::needless_pass_by_value, reason = "an endpoint is a small constant")]
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.endpoints.push(Registered::from(&endpoint));
        self
    }

    /// Sets the secret that requests must bring in `X-Webhook-Secret`, in place of the variable
    /// `WEBHOOK_SECRET`. Visible ASCII; anything else is an error at launch.
    pub fn webhook_secret(self, secret: impl Into<String>) -> Self {
        self.webhook_secrets([secret])
    }

    /// The same with several secrets, each of which is accepted: while you change it, the new one
    /// and the old one.
    ///
    /// From the environment this is `WEBHOOK_SECRET` and `WEBHOOK_SECRET_PREVIOUS`.
    pub fn webhook_secrets<S: Into<String>>(
        mut self,
        secrets: impl IntoIterator<Item = S>,
    ) -> Self {
        self.secrets = Some(secrets.into_iter().map(Into::into).collect());
        self
    }

    /// Also takes the secret from the URL, `?secret=…`, when the header isn't there. Off by default:
    /// addresses end up in the logs of proxies.
    pub fn secret_in_query(mut self, accept: bool) -> Self {
        self.secret_in_query = accept;
        self
    }

    /// Sets the host name or address to listen on. Default: `127.0.0.1`, on a Space `0.0.0.0`.
    ///
    /// Before it goes the flag `--host`, after it the variable `GRADIO_SERVER_NAME`.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.given.host = Some(host.into());
        self
    }

    /// Sets the port to listen on; 0 lets the system choose one. Default: the first free one of
    /// 7860–7959, on a Space 7860.
    ///
    /// Before it goes the flag `--port`, after it the variable `GRADIO_SERVER_PORT`.
    pub fn port(mut self, port: u16) -> Self {
        self.given.port = Some(port);
        self
    }

    /// Sets the number of threads that serve requests, 1 to 512. Default: one for each core.
    ///
    /// Before it goes the flag `--workers`.
    pub fn workers(mut self, count: usize) -> Self {
        self.given.workers = Some(count);
        self
    }

    /// Sets the address that others reach the server by, where a proxy or a tunnel of your own leads
    /// to it: `https://hooks.example.com`. It is printed, and no tunnel is opened.
    ///
    /// Before it goes the flag `--public-url`.
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.given.reach.way = Some(Way::Url(url.into()));
        self
    }

    /// Sets the largest body that is read, in bytes. Default: 2 MiB.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.limits.body = bytes;
        self
    }

    /// Sets how long a client may take to send the head of a request, and then its body: more than
    /// nothing and a day at most. Default: 10 s.
    pub fn request_timeout(mut self, limit: Duration) -> Self {
        self.limits.request_timeout = limit;
        self
    }

    /// Sets how long running deliveries may go on when the server is told to stop. Default: 30 s.
    pub fn shutdown_timeout(mut self, limit: Duration) -> Self {
        self.limits.shutdown_timeout = limit;
        self
    }

    /// Shares a value with all endpoints, which take it as `web::Data<T>`. A background endpoint has its
    /// `web::Data<T>` from here only, and without it the server doesn't start.
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
    #[cfg_attr(not(feature = "background"), allow(unused_mut, reason = "kept for the background"))]
    pub fn data<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        let data = web::Data::new(value);
        #[cfg(feature = "background")]
        self.shared.insert(data.clone());
        self.configure(move |app| {
            app.app_data(data.clone());
        })
    }

    /// Adds anything to the actix app: routes, data, services. Called once for each worker.
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

    /// Replaces the page at `/` by one of your own: `Blocks`, of which the default page is made as well,
    /// or any handler of actix-web.
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
        self.ui = Some(ui.into_page());
        self
    }
}

/// Background deliveries, with the Cargo feature `background`.
#[cfg(feature = "background")]
impl WebhooksServer {
    /// Sets where background deliveries are kept: a file, or `postgres://user:password@host/database` for
    /// several replicas. Default: `webhooks.db` in the working directory, on a Space in `/data` when that
    /// is there.
    ///
    /// Before it goes the flag `--store`, after it the variable `WEBHOOKS_STORE`.
    ///
    /// ```
    /// use webhooks_runtime::WebhooksServer;
    ///
    /// let server = WebhooksServer::new().store("/var/lib/my-bot/webhooks.db");
    /// ```
    pub fn store(mut self, store: impl Into<String>) -> Self {
        self.given.store = Some(store.into());
        self
    }

    /// Sets how long background deliveries are kept that are done, at least for the longest `dedup_window`
    /// of their endpoints. Default: 7 days.
    pub fn keep_done(mut self, time: Duration) -> Self {
        self.background.keep_done = time;
        self
    }

    /// Sets how long background deliveries are kept that are dead. Default: until somebody deletes them,
    /// with the command `deliveries purge`.
    pub fn keep_dead(mut self, time: Duration) -> Self {
        self.background.keep_dead = Some(time);
        self
    }

    /// Sets how many background deliveries may wait or run; further ones are answered with 503, and the
    /// Hub sends them again. Default: 10 million.
    pub fn backlog_limit(mut self, deliveries: u64) -> Self {
        self.background.backlog_limit = deliveries;
        self
    }

    /// Sets how long a replica may be silent before what it was running is given to others: 1 s at least.
    /// Default: 30 s.
    pub fn lease(mut self, time: Duration) -> Self {
        self.background.lease = time.max(Duration::from_secs(1));
        self
    }
}

/// The OpenAPI document, with the Cargo feature `openapi`.
#[cfg(feature = "openapi")]
impl WebhooksServer {
    /// Sets the version of the program.
    pub(crate) fn of_version(mut self, version: &'static str) -> Self {
        self.version = Some(version);
        self
    }
}

/// The public link, with the Cargo feature `share`.
#[cfg(feature = "share")]
impl WebhooksServer {
    /// Sets whether a public URL is made for the server, through the share server of gradio.live.
    /// Default: yes for [`launch`](Self::launch), [`run`](Self::run) and `webhooks_main!()` on a
    /// machine of one's own; no on a Space, which has a URL, and for [`start`](Self::start).
    ///
    /// Who knows the URL can call your functions, so define a secret. The URL stays the same at every
    /// start: it is made of a secret name that is kept in `$XDG_STATE_HOME/webhooks-runtime/share` (by
    /// default in `~/.local/state`, on Windows in `%LOCALAPPDATA%`), one for each program of
    /// `webhooks_main!()`, known by the folder of its `Cargo.toml` at build time, or else for each
    /// working directory. `--new-share-url` makes a new one.
    ///
    /// Before it go the flags `--share` and `--no-share`, after it the variable `GRADIO_SHARE`.
    pub fn share(mut self, share: bool) -> Self {
        self.given.reach.way = Some(Way::Share(share));
        self
    }

    /// Makes the public URL with a tunnel of your own in place of the share link; see [`Tunnel`].
    ///
    /// Whether one is made at all is decided as with the share link.
    pub fn share_with(mut self, tunnel: impl Tunnel) -> Self {
        self.link.tunnel = Some(Box::new(tunnel));
        self.given.reach.tunnel = true;
        self
    }

    /// Makes the public URL through a share server of your own, `host:port`, in place of that of
    /// gradio.live.
    ///
    /// Without [`share_server_certificate`](Self::share_server_certificate) the way to it isn't
    /// encrypted. Before it goes the flag `--share-server`, after it the variable
    /// `GRADIO_SHARE_SERVER_ADDRESS`.
    pub fn share_server(mut self, address: impl Into<String>) -> Self {
        self.given.reach.server = Some(address.into());
        self
    }

    /// Speaks TLS with a share server of your own and trusts the certificates in this PEM file, and no
    /// others.
    ///
    /// Before it goes the flag `--share-server-certificate`.
    pub fn share_server_certificate(mut self, file: impl Into<PathBuf>) -> Self {
        self.given.reach.certificate = Some(file.into());
        self
    }

    /// Sets whether the public URLs of a share server of your own begin with `https`. Default: yes with
    /// a certificate, and no without.
    ///
    /// Before it goes the flag `--share-server-protocol`.
    pub fn share_server_https(mut self, https: bool) -> Self {
        self.given.reach.https = Some(https);
        self
    }

    /// Sets whether the bytes between this program and the share server are encrypted once more, below
    /// HTTP. Default: no. With TLS they are encrypted already, and the key of this is no secret: on
    /// public share servers it is made of an empty token.
    pub fn share_encryption(mut self, encrypted: bool) -> Self {
        self.link.form.encrypted = encrypted;
        self
    }

    /// Sets whether the bytes between this program and the share server are compressed. Default: no.
    /// A delivery is some kilobytes, for which it costs more time than it saves.
    pub fn share_compression(mut self, compressed: bool) -> Self {
        self.link.form.compressed = compressed;
        self
    }

    /// Sets what the URL of the share link belongs to.
    pub(crate) fn of_project(mut self, project: &'static str) -> Self {
        self.link.project = Some(project);
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

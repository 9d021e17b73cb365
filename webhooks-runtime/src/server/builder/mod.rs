//! `WebhooksServer`: the builder of a server. Its methods are grouped by what they set; those for the Hub and the tunnel
//! are in `server/hub/` and `server/tunnel/`.

mod app;
#[cfg(test)]
mod defaults;
mod listening;
mod secrets;
#[cfg(feature = "background")]
mod storing;

use std::any::TypeId;
use std::fmt;
use std::panic::Location as CodeLocation;

use crate::config::limits::Limits;
use crate::config::settings::PartialSettings;
use crate::config::table::setting_docs;
use crate::endpoint::background::SharedData;
use crate::endpoint::registry::{self, HubUse, Route};
use crate::endpoint::{Endpoint, EndpointFn, Filter, Location, Work, caller, normalize};
use crate::http::app::Configure;
use crate::server::SetupError;
use crate::server::parts::PartSettings;
use crate::state::unnamed_project;

/// A server for webhooks: built step by step, then started.
///
/// [`webhooks_main!()`](crate::webhooks_main) starts one with every endpoint of the program. To change a
/// setting in code, pass your own server to it:
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
/// Flags override code, code overrides environment variables, and those override defaults.
///
/// In your own `main`, [`launch`](Self::launch) starts the server and blocks. In async code,
/// [`run`](Self::run) serves until a signal arrives, and [`start`](Self::start) returns at once. In a test, pass the
/// server to a [`TestClient`](crate::testing::TestClient).
#[must_use = "a server does nothing until it is started"]
pub struct WebhooksServer {
    pub(super) endpoints: Vec<Route>,
    pub(super) bad_paths: Vec<SetupError>,
    pub(super) secrets: Option<Vec<String>>,
    pub(super) secret_in_query: bool,
    pub(super) settings: PartialSettings,
    pub(super) limits: Limits,
    pub(super) configure: Vec<Configure>,
    pub(super) shared: SharedData,
    /// Whether a function whose `web::Data<T>` is missing is an error.
    pub(super) checks_data: bool,
    /// The type of each `web::Data<T>` that `.data(…)` added.
    pub(super) data: Vec<TypeId>,
    pub(super) parts: PartSettings,
}

/// Endpoints.
impl WebhooksServer {
    /// Returns a server with every endpoint of the program: each function with `#[webhook_endpoint]` in this crate and
    /// in the crates that it names.
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

    /// Returns a server without endpoints, to add them one by one.
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
            settings: PartialSettings::default(),
            limits: Limits::default(),
            configure: Vec::new(),
            shared: SharedData::default(),
            checks_data: true,
            data: Vec::new(),
            parts: PartSettings::default(),
        }
    }

    #[doc = setting_docs!(add_webhook)]
    /// `/say_hello`, `say_hello` and `/webhooks/say_hello` mean the same path. An invalid path is an error at launch.
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
        self,
        path: &str,
        function: impl EndpointFn<Args, Kind>,
    ) -> Self {
        self.add_route(path, None, function)
    }

    #[doc = setting_docs!(add_filtered_webhook)]
    /// Any other delivery gets a 200 response with the reason, and the function is not called. An invalid filter is an
    /// error at launch.
    ///
    /// ```
    /// use webhooks_runtime::{Filter, WebhookPayload, WebhooksServer};
    ///
    /// async fn retrain(payload: WebhookPayload) {
    ///     // train
    /// }
    ///
    /// let server = WebhooksServer::empty().add_filtered_webhook(
    ///     "/retrain",
    ///     Filter::new().watch("dataset:me/data").branch("main"),
    ///     retrain,
    /// );
    /// ```
    #[track_caller]
    pub fn add_filtered_webhook<Args, Kind>(
        self,
        path: &str,
        filter: Filter,
        function: impl EndpointFn<Args, Kind>,
    ) -> Self {
        self.add_route(path, Some(filter), function)
    }

    #[track_caller]
    fn add_route<Args, Kind>(
        mut self,
        path: &str,
        filter: Option<Filter>,
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
                filter,
                body: function.body_kind(),
                required_data: Vec::new(),
                hub: HubUse { takes_hub: function.takes_hub(), own: None },
                work: Work::Inline(caller(function)),
            }),
            Err(reason) => {
                self.bad_paths.push(SetupError::Path { path: path.to_owned(), location, reason });
            }
        }
        self
    }

    #[doc = setting_docs!(endpoint)]
    /// For example: `.endpoint(bots::hello::endpoint())`.
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
}

impl WebhooksServer {
    /// Sets the version of the program.
    pub(crate) fn of_version(mut self, version: &'static str) -> Self {
        self.parts.version = Some(version);
        self
    }

    /// Marks the server as that of `webhooks_main!()`, and sets what its files and the URL of the share link belong
    /// to.
    pub(crate) fn of_project(mut self, project: String) -> Self {
        self.parts.project = Some(project);
        self
    }

    /// Returns what the files of the program are named after.
    pub(crate) fn project(&self) -> String {
        self.parts.project.clone().unwrap_or_else(unnamed_project)
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
            .field("settings", &self.settings)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

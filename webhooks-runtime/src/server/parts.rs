//! Composes the optional capabilities of a server.
//!
//! To add a capability, implement [`Part`] in its own folder, add its settings to [`PartSettings`], and add a step to
//! [`compose`].

use std::sync::Arc;

use actix_web::web::ServiceConfig;

use super::background::BackgroundPart;
use super::composition::Composition;
use super::error::SetupError;
use super::on_dead::{DeadFunction, OnDeadPart};
use super::start::{StartFunction, StartPart};
use super::ui::{CustomPage, RootPage};
use crate::config::environment::Environment;
use crate::config::error::SettingError;
use crate::endpoint::background::SharedData;
use crate::endpoint::checks::HubChecks;
use crate::endpoint::registry::Route;
use crate::http::part::{Part, Parts};
use crate::http::probe::ProbePart;
use crate::http::webhook_status::WebhookStatus;
use crate::jobs::{BackgroundHandler, DeliveryStore, JobsObservers, Options};

/// The settings of the parts that the builder's methods set.
#[derive(Default)]
pub(super) struct PartSettings {
    pub(super) background: Options,
    /// What is called at the start.
    pub(super) on_start: Vec<StartFunction>,
    /// What is called for each dead delivery.
    pub(super) on_dead: Vec<DeadFunction>,
    /// The page at `/`; `None` means the default page.
    pub(super) page: Option<RootPage>,
    /// The program's version, if known.
    pub(super) version: Option<&'static str>,
    /// The project that the program's files belong to. `None` means the working directory. Known if the program is
    /// only the server.
    pub(super) project: Option<String>,
    #[cfg(feature = "share")]
    pub(super) link: super::tunnel::TunnelOptions,
    #[cfg(feature = "hub")]
    pub(super) hub: super::hub::HubOptions,
}

/// Finds the client of the Hub for a server that registers its webhooks or reconciles, and for the endpoints that need it, to whose
/// functions it is provided. Returns what their deliveries are checked with. `environment` is `None` if it must not be
/// used. A missing client is added to `errors`.
pub(super) fn provide_hub(
    settings: &mut PartSettings,
    (registers, reconciles): (bool, bool),
    endpoints: &[Route],
    environment: Option<&Environment>,
    shared: &mut SharedData,
    errors: &mut Vec<SetupError>,
) -> Option<HubChecks> {
    let takes_hub = endpoints.iter().filter(|endpoint| endpoint.hub.takes_hub);
    let takes_hub = takes_hub.map(|endpoint| (endpoint, "its function takes a `Hub`"));
    let has_paths = |endpoint: &&Route| !endpoint.hub.takes_hub && endpoint.has_paths();
    let has_paths = endpoints.iter().filter(has_paths).map(|endpoint| (endpoint, "it has `paths`"));
    let described = takes_hub.chain(has_paths).map(|(endpoint, reason)| {
        format!("{} ({}), because {reason}", endpoint.path, endpoint.location)
    });
    let endpoints: Vec<_> = described.collect();
    let for_endpoints = !endpoints.is_empty();
    if !registers && !reconciles && !for_endpoints {
        return None;
    }
    let hub = hub_client(settings, for_endpoints, (registers, reconciles), environment, shared);
    hub.unwrap_or_else(|reason| {
        if registers {
            errors.push(SetupError::Registration { reason: reason.clone() });
        }
        if reconciles {
            errors.push(SetupError::Reconcile { reason: reason.clone() });
        }
        if for_endpoints {
            errors.push(SetupError::Hub { endpoints, reason });
        }
        None
    })
}

fn hub_client(
    settings: &mut PartSettings,
    for_endpoints: bool,
    for_server: (bool, bool),
    environment: Option<&Environment>,
    shared: &mut SharedData,
) -> Result<Option<HubChecks>, String> {
    #[cfg(feature = "hub")]
    return settings.hub.provide(for_endpoints, for_server, environment, shared);
    #[allow(unreachable_code, reason = "with the feature, the statement above returns")]
    Err(WITHOUT_HUB.to_owned())
}

/// Returns the name of the account that the program acts with on the Hub, or why it is unknown.
pub(super) fn account(
    settings: &PartSettings,
    environment: &Environment,
) -> Result<String, String> {
    #[cfg(feature = "hub")]
    return settings.hub.account_name(environment);
    #[allow(unreachable_code, reason = "with the feature, the statement above returns")]
    Err(WITHOUT_HUB.to_owned())
}

const WITHOUT_HUB: &str = "the program is built without the Cargo feature `hub`";

/// Composes the parts of a server. Invalid settings are added to `errors`.
pub(super) fn compose(
    settings: PartSettings,
    functions: Vec<BackgroundHandler>,
    server: &Composition<'_>,
    errors: &mut Vec<SettingError>,
) -> (Arc<BackgroundPart>, Parts) {
    let mut options = settings.background;
    options.check(errors);
    options.limits.body = server.dispatcher.limits().body as u64;
    let jobs = Arc::clone(server.jobs);
    let background = BackgroundPart::new(functions, options, server.settings, jobs);
    let background = Arc::new(background);
    let webhooks = server.settings.register.then(WebhookStatus::new);
    let mut parts: Vec<Arc<dyn Part>> = vec![Arc::new(ProbePart::new(settings.version))];
    // Among the first, because parts are closed in reverse order: the last spans end while the others are closed.
    #[cfg(feature = "otel")]
    parts.extend(crate::otel::compose(server.environment, errors));
    if let Some(RootPage::Handler(page)) = &settings.page {
        parts.push(Arc::new(page.clone()));
    }
    #[cfg(feature = "page")]
    parts.extend(super::page::compose(
        settings.page,
        settings.version,
        webhooks.clone(),
        &background,
        server,
        errors,
    ));
    #[cfg(feature = "metrics")]
    parts.extend(super::metrics::compose(webhooks.clone(), &background, server, errors));
    parts.push(Arc::clone(&background) as Arc<dyn Part>);
    let store = DeliveryStore::of_server(server.jobs);
    parts.push(Arc::new(StartPart::new(settings.on_start, store)));
    // After the store, because parts are closed in reverse order: both read dead deliveries to the end.
    parts.extend(OnDeadPart::compose(settings.on_dead, &background.jobs));
    #[cfg(any(feature = "cli", feature = "hub"))]
    parts.extend(super::alerts::compose(webhooks.as_ref(), &background, server));
    #[cfg(feature = "hub")]
    parts.extend(super::hub::compose(
        settings.hub,
        webhooks,
        settings.project.as_deref(),
        &background.jobs,
        server,
    ));
    #[cfg(feature = "share")]
    parts.extend(super::tunnel::compose(
        settings.link,
        settings.project,
        server.settings,
        server.endpoints,
        server.addresses,
        errors,
    ));
    if let Some(known) = parts.iter().find_map(|part| part.known_deliveries()) {
        // A server is composed once.
        let _ = background.known.set(known);
    }
    let observers = parts.iter().filter_map(|part| part.jobs_observer());
    let tracer = parts.iter().find_map(|part| part.tracer());
    let _ = background.observers.set(JobsObservers::new(observers, tracer));
    (background, parts.into())
}

impl Part for CustomPage {
    fn routes(&self, app: &mut ServiceConfig) {
        (self.0)(app);
    }
}

//! Composes the optional capabilities of a server.
//!
//! To add a capability, implement [`Part`] in its own folder, add its settings to [`PartSettings`], and add a step to
//! [`compose`].

use std::sync::Arc;

use actix_web::web::ServiceConfig;

use super::background::BackgroundPart;
use super::composition::Composition;
use super::error::SetupError;
use super::ui::RootPage;
use crate::config::addresses::Addresses;
use crate::config::environment::Environment;
use crate::config::error::SettingError;
use crate::config::secret::Secrets;
use crate::config::settings::Settings;
use crate::endpoint::background::SharedData;
use crate::endpoint::checks::HubChecks;
use crate::endpoint::registry::{EndpointInfo, Route};
use crate::http::app::Configure;
use crate::http::dispatch::Dispatcher;
use crate::http::part::{Part, Parts};
use crate::http::webhook_status::WebhookStatus;
use crate::jobs::{BackgroundHandler, Options};

/// The settings of the parts that the builder's methods set.
#[derive(Default)]
pub(super) struct PartSettings {
    pub(super) background: Options,
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
    /// The client of the Hub of a server that registers its webhooks.
    #[cfg(feature = "hub")]
    registrar: Option<crate::hub::Hub>,
}

/// Finds the client of the Hub for a server that registers its webhooks.
pub(super) fn provide_registrar(
    settings: &mut PartSettings,
    register: bool,
    environment: &Environment,
    errors: &mut Vec<SetupError>,
) {
    if !register {
        return;
    }
    #[cfg(feature = "hub")]
    match settings.hub.find(Some(environment)) {
        Ok(hub) => settings.registrar = Some(hub),
        Err(reason) => errors.push(SetupError::Registration { reason }),
    }
    #[cfg(not(feature = "hub"))]
    errors.push(SetupError::Registration {
        reason: "the program is built without the Cargo feature `hub`".to_owned(),
    });
}

/// Finds the client of the Hub for the endpoints that need one, and provides it to their functions. Returns what their
/// deliveries are checked with. `environment` is `None` if it must not be used. A missing client is added to `errors`.
pub(super) fn provide_hub(
    settings: &mut PartSettings,
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
    #[cfg(feature = "hub")]
    let hub = settings.hub.provide(!endpoints.is_empty(), environment, shared);
    #[cfg(not(feature = "hub"))]
    let hub = match &endpoints[..] {
        [] => Ok(None),
        _ => Err("the program is built without the Cargo feature `hub`".to_owned()),
    };
    hub.unwrap_or_else(|reason| {
        errors.push(SetupError::Hub { endpoints, reason });
        None
    })
}

/// Returns the name of the account that the program acts with on the Hub, or why it is unknown.
pub(super) fn account(
    settings: &PartSettings,
    environment: &Environment,
) -> Result<String, String> {
    #[cfg(feature = "hub")]
    return settings.hub.account_name(environment);
    #[cfg(not(feature = "hub"))]
    Err("the program is built without the Cargo feature `hub`".to_owned())
}

/// Composes the parts of a server. Invalid settings are added to `errors`.
pub(super) fn compose(
    settings: PartSettings,
    functions: Vec<BackgroundHandler>,
    server: &Composition<'_>,
    errors: &mut Vec<SettingError>,
) -> (Arc<BackgroundPart>, Parts) {
    settings.background.check(errors);
    let background = Arc::new(BackgroundPart::new(functions, settings.background, server.settings));
    let mut parts: Vec<Arc<dyn Part>> = Vec::new();
    let webhooks = server.settings.register.then(WebhookStatus::new);

    let blocks = match settings.page {
        Some(RootPage::Handler(configure)) => {
            parts.push(Arc::new(CustomPage(configure)));
            None
        }
        #[cfg(feature = "page")]
        Some(RootPage::Blocks(blocks)) => Some(blocks),
        None => Some(Default::default()),
    };
    #[cfg(feature = "page")]
    parts.extend(crate::dashboard::compose(
        crate::dashboard::DashboardSettings {
            blocks,
            version: settings.version.unwrap_or(env!("CARGO_PKG_VERSION")),
            on_space: server.settings.on_space,
            endpoints: server.endpoints,
            addresses: server.addresses.clone(),
            dispatcher: Arc::clone(server.dispatcher),
            jobs: Arc::clone(&background.jobs),
            webhooks: webhooks.clone(),
        },
        server.environment,
        errors,
    ));
    #[cfg(not(feature = "page"))]
    let _: Option<()> = blocks;

    parts.push(Arc::clone(&background) as Arc<dyn Part>);
    #[cfg(feature = "hub")]
    parts.extend(super::url_memory::compose(settings.project.as_deref(), &background.jobs, server));
    #[cfg(feature = "hub")]
    parts.extend(webhooks.zip(settings.registrar).map(|(status, hub)| {
        super::registering::compose(
            status,
            hub,
            settings.project.as_deref(),
            &background.jobs,
            server,
        )
    }));
    #[cfg(feature = "hub")]
    parts.extend(super::hub::compose(settings.hub, server.endpoints, &background.jobs));
    #[cfg(feature = "share")]
    parts.extend(super::tunnel::compose(
        settings.link,
        settings.project,
        server.settings,
        server.endpoints,
        server.addresses,
        errors,
    ));
    (background, parts.into())
}

/// A custom handler at `/`, which replaces the dashboard.
struct CustomPage(Configure);

impl Part for CustomPage {
    fn routes(&self, app: &mut ServiceConfig) {
        (self.0)(app);
    }
}

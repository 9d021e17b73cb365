//! Resolves every setting of a server and reports all errors before it opens a port.

use std::sync::{Arc, OnceLock};

use super::WebhooksServer;
use super::background::BackgroundPart;
use super::composition::Composition;
use super::error::{LaunchError, SetupError};
use super::guard::{guard, secret_file, unguarded};
use super::missing_data::missing_data;
use super::parts::{compose, provide_hub};
use crate::config::addresses::Addresses;
use crate::config::environment::Environment;
use crate::config::exposure::{Exposure, PartialExposure};
use crate::config::host::Host;
use crate::config::limits::Limits;
use crate::config::settings::{PartialSettings, Settings};
use crate::endpoint::Work;
use crate::endpoint::background::{AttemptCheck, SharedData};
use crate::endpoint::checks::Checks;
use crate::endpoint::filter::Filter;
use crate::endpoint::registry::{self, EndpointInfo, Route};
use crate::http::app::{Blueprint, Configure};
use crate::http::dispatch::Dispatcher;
use crate::http::guarded::GuardedRoute;
use crate::http::hooks::RequestHooks;
use crate::http::inline::EnqueueInline;
use crate::http::outcome::Observer;
use crate::http::part::Parts;
use crate::jobs::{BackgroundHandler, DeliveryStore, Jobs};

/// A server whose settings are valid.
pub(super) struct PreparedServer {
    pub(super) settings: Settings,
    pub(super) limits: Limits,
    /// Sorted by path.
    pub(super) endpoints: Vec<EndpointInfo>,
    /// Probable mistakes that do not prevent the start.
    pub(super) warnings: Vec<String>,
    pub(super) addresses: Addresses,
    pub(super) dispatcher: Arc<Dispatcher>,
    pub(super) configure: Vec<Configure>,
    pub(super) background: Arc<BackgroundPart>,
    pub(super) parts: Parts,
}

impl PreparedServer {
    /// Returns the blueprint of each worker's app. Its deliveries are observed by the parts' observers and by
    /// `observer`.
    pub(super) fn blueprint(&self, observer: Option<Arc<dyn Observer>>) -> Blueprint {
        self.dispatcher.set_hooks(RequestHooks::of(&self.parts, observer));
        Blueprint {
            dispatcher: Arc::clone(&self.dispatcher),
            configure: self.configure.clone(),
            parts: Arc::clone(&self.parts),
        }
    }
}

/// The way in which a server is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// As a program. A tunnel is opened by default if a person may be reading the output.
    Launched,
    /// Inside a program. No tunnel is opened by default.
    Embedded,
    /// Inside a test, which the environment must not change.
    Test,
    /// For one delivery that the program has already. Nobody sends it a request, so no endpoint has a secret.
    OneDelivery,
}

/// Prepares a server for a test in this process. It has no ports and no tunnel. Instead of the environment, it uses a
/// generated secret for each endpoint with `secret_env`, and no repos of `watch_env`. It registers no webhook, and asks the Hub
/// for nothing.
pub(crate) fn in_process(
    mut server: WebhooksServer,
    observer: Arc<dyn Observer>,
) -> Result<Blueprint, LaunchError> {
    let variables = server.endpoints.iter().filter_map(|endpoint| endpoint.secret_env);
    let environment = variables.map(|variable| (variable, "the secret of a test")).collect();
    for endpoint in &mut server.endpoints {
        endpoint.filter = endpoint.filter.take().map(Filter::without_environment);
    }
    server.settings.exposure = PartialExposure::default();
    let flags = PartialSettings::default().without_the_hub();
    let prepared = prepare(server, flags, Mode::Test, &environment)?;
    prepared.addresses.set_local("http://127.0.0.1:7860");
    Ok(prepared.blueprint(Some(observer)))
}

/// Returns the server's endpoints, sorted by path, or an error if their paths are invalid or not unique.
pub(super) fn sorted(
    endpoints: Vec<Route>,
    bad_paths: Vec<SetupError>,
) -> Result<Vec<Route>, LaunchError> {
    let (endpoints, errors) = sort(endpoints, bad_paths);
    check(&endpoints, errors)?;
    Ok(endpoints)
}

/// Resolves every setting, or reports all errors at once.
pub(super) fn prepare(
    mut server: WebhooksServer,
    flags: PartialSettings,
    mode: Mode,
    environment: &Environment,
) -> Result<PreparedServer, LaunchError> {
    let (endpoints, mut errors) = sort(server.endpoints, server.bad_paths);
    errors.extend(endpoints.iter().filter_map(unused_own));

    let mut warnings = Vec::new();
    let mut guarded = match mode {
        Mode::Launched | Mode::Embedded | Mode::Test => {
            let file = secret_file(server.parts.project.as_deref(), environment);
            let in_code = server.secrets;
            guard(&endpoints, in_code, file.as_ref(), environment, &mut warnings, &mut errors)
        }
        Mode::OneDelivery => unguarded(&endpoints, environment, &mut errors),
    };
    let mut invalid = Vec::new();
    let settings = Settings::resolve(
        flags,
        server.settings,
        mode == Mode::Launched,
        &Host::detect(environment),
        &server.limits,
        environment,
        &mut invalid,
    );
    let addresses = Addresses::before_listening(match &settings.exposure {
        Exposure::At(url) => Some(url.clone()),
        Exposure::Local | Exposure::Link { .. } | Exposure::Tunnel => None,
    });
    let secrets: Vec<_> = guarded.iter().map(|guarded| guarded.secrets.clone()).collect();
    let infos: Vec<_> = guarded
        .iter()
        .map(|guarded| {
            let filter = guarded.filter.clone();
            EndpointInfo::new(&guarded.route, guarded.secrets.is_some(), filter)
        })
        .collect();
    let mut shared = server.shared;
    let environment_of_hub = (mode != Mode::Test).then_some(environment);
    let hub = provide_hub(
        &mut server.parts,
        (settings.register, settings.reconcile.is_some()),
        &endpoints,
        environment_of_hub,
        &mut shared,
        &mut errors,
    );
    if let Some(hub) = hub {
        for guarded in &mut guarded {
            guarded.checks = Checks::of(&guarded.route, guarded.filter.as_ref(), &hub);
        }
    }
    let jobs = Arc::default();
    let shared = with_store(shared, mode, &guarded, &jobs);
    let functions = functions(&guarded, &shared);
    let dispatcher = Arc::new(Dispatcher::new(
        guarded,
        server.limits.clone(),
        server.secret_in_query,
        addresses.clone(),
        Arc::clone(&shared),
    ));
    let composition = Composition {
        settings: &settings,
        environment,
        endpoints: &infos,
        secrets: &secrets,
        addresses: &addresses,
        dispatcher: &dispatcher,
        jobs: &jobs,
    };
    let (background, parts) = compose(server.parts, functions, &composition, &mut invalid);
    errors.extend(invalid.into_iter().map(SetupError::from));
    if server.checks_data {
        errors.extend(missing_data(&endpoints, &server.data, &server.configure));
        errors.extend(
            endpoints.iter().filter_map(|endpoint| missing_in_background(endpoint, &shared)),
        );
    }
    check(&endpoints, errors)?;

    Ok(PreparedServer {
        settings,
        limits: server.limits,
        endpoints: infos,
        warnings,
        addresses,
        dispatcher,
        configure: server.configure,
        background,
        parts,
    })
}

/// Sorts the endpoints by path. Two on one path are an error.
pub(super) fn sort(
    endpoints: Vec<Route>,
    mut errors: Vec<SetupError>,
) -> (Vec<Route>, Vec<SetupError>) {
    let (endpoints, duplicates) = registry::sort(endpoints);
    errors.extend(duplicates.into_iter().map(|duplicate| SetupError::DuplicatePath {
        path: duplicate.path,
        first: duplicate.first,
        second: duplicate.second,
    }));
    (endpoints, errors)
}

fn check(endpoints: &[Route], errors: Vec<SetupError>) -> Result<(), LaunchError> {
    if !errors.is_empty() {
        return Err(LaunchError::Setup(errors));
    }
    if endpoints.is_empty() {
        return Err(LaunchError::NoEndpoints);
    }
    Ok(())
}

/// Adds the store that functions take as an argument. A test has none: there, functions run at once.
fn with_store(
    mut shared: SharedData,
    mode: Mode,
    endpoints: &[GuardedRoute],
    jobs: &Arc<OnceLock<Jobs>>,
) -> Arc<SharedData> {
    if mode != Mode::Test {
        shared.provide(DeliveryStore::of_server(jobs));
        return Arc::new(shared);
    }
    let background = endpoints.iter().filter(|guarded| guarded.route.work.is_background());
    let paths = background.map(|guarded| guarded.route.path.clone()).collect();
    Arc::new_cyclic(|this| {
        shared.provide(DeliveryStore::new(EnqueueInline { shared: this.clone(), paths }));
        shared
    })
}

/// Returns the background functions, in the order of their endpoints.
fn functions(endpoints: &[GuardedRoute], shared: &Arc<SharedData>) -> Vec<BackgroundHandler> {
    let background = |guarded: &GuardedRoute| match guarded.route.work {
        Work::Background(background) => Some(BackgroundHandler {
            path: guarded.route.path.clone(),
            background,
            shared: Arc::clone(shared),
            check: guarded.checks.clone().map(|checks| Arc::new(checks) as Arc<dyn AttemptCheck>),
        }),
        Work::Inline(_) => None,
    };
    endpoints.iter().filter_map(background).collect()
}

/// Returns an error if the attribute decides about the program's own events, which only a function with a `Hub` causes.
fn unused_own(endpoint: &Route) -> Option<SetupError> {
    (endpoint.hub.own.is_some() && !endpoint.hub.takes_hub)
        .then(|| SetupError::Own { path: endpoint.path.clone(), location: endpoint.location })
}

/// Returns an error if a background function takes values that the server does not have. At run time, there would be no
/// request to report it to.
fn missing_in_background(endpoint: &Route, shared: &SharedData) -> Option<SetupError> {
    let Work::Background(background) = &endpoint.work else {
        return None;
    };
    let types = (background.missing)(shared);
    (!types.is_empty()).then(|| SetupError::MissingData {
        path: endpoint.path.clone(),
        location: endpoint.location,
        types,
    })
}

//! Everything that can be wrong with a server is found here, before its port is open.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::WebhooksServer;
use super::app::{Blueprint, Configure};
use super::background::Background;
#[cfg(feature = "openapi")]
use super::describe::Description;
use super::dispatch::{Dispatcher, Guarded};
use super::error::{LaunchError, SetupError};
#[cfg(feature = "share")]
use super::link::tunnel;
use super::missing_data::missing_data;
#[cfg(feature = "page")]
use super::page::{Desk, Token, ViewerAuth};
use super::ui::Page;
use super::visitors::Visitors;
#[cfg(feature = "page")]
use crate::activity::Activity;
use crate::addresses::Addresses;
use crate::config::{Given, Limits, Settings};
#[cfg(feature = "background")]
use crate::endpoint::Work;
#[cfg(feature = "background")]
use crate::endpoint::background::Shared;
use crate::endpoint::registry::{self, Registered, Shown};
use crate::environment::Environment;
use crate::host::Host;
#[cfg(feature = "background")]
use crate::jobs::{Function, Options};
#[cfg(feature = "page")]
use crate::page::Blocks;
use crate::reach::GivenReach;
use crate::secret::{self, SecretError, Secrets};
#[cfg(feature = "share")]
use crate::share::AnyTunnel;

/// The variable with the secret of all endpoints that have none of their own.
const WEBHOOK_SECRET: &str = "WEBHOOK_SECRET";

/// A server that can be started.
pub(super) struct Prepared {
    pub(super) settings: Settings,
    pub(super) limits: Limits,
    /// What there is to show: sorted by path.
    pub(super) shown: Vec<Shown>,
    /// What is probably a mistake, though the server can start.
    pub(super) warnings: Vec<String>,
    pub(super) dispatcher: Arc<Dispatcher>,
    /// Those that run in the background.
    #[cfg(feature = "background")]
    pub(super) functions: Vec<Function>,
    /// How their deliveries are kept.
    #[cfg(feature = "background")]
    pub(super) background: Options,
    configure: Vec<Configure>,
    ui: Option<Page>,
    /// What is kept for people to look at.
    #[cfg(feature = "page")]
    activity: Option<Activity>,
    pub(super) visitors: Visitors,
    #[cfg(feature = "openapi")]
    description: Description,
    /// What is to be kept open.
    #[cfg(feature = "share")]
    pub(super) tunnel: Option<Box<dyn AnyTunnel>>,
}

impl Prepared {
    /// What each worker's app is made of.
    pub(super) fn blueprint(&self, addresses: &Addresses, background: &Background) -> Blueprint {
        let ui = self.ui.as_ref().map(|page| match page {
            Page::Handler(configure) => Arc::clone(configure),
            #[cfg(feature = "page")]
            Page::Blocks(blocks) => self.desk(blocks, addresses, background),
        });
        let (dispatcher, configure) = (Arc::clone(&self.dispatcher), self.configure.clone());
        dispatcher.listens_at(addresses.clone());
        #[cfg(feature = "openapi")]
        let description: Option<Configure> = {
            let description = self.description.clone();
            Some(Arc::new(move |app| description.apply(app)))
        };
        #[cfg(not(feature = "openapi"))]
        let description = None;
        Blueprint { dispatcher, configure, ui, description, background: background.clone() }
    }

    /// The routes of a page made of blocks.
    #[cfg(feature = "page")]
    fn desk(&self, blocks: &Blocks, addresses: &Addresses, background: &Background) -> Configure {
        let on_space = self.settings.on_space;
        let viewers = ViewerAuth::new(self.visitors.token.clone(), addresses.clone());
        let page = crate::page::Page::new(blocks.clone(), addresses.clone(), on_space, &self.shown);
        let desk = Desk {
            page: Arc::new(page),
            dispatcher: Arc::clone(&self.dispatcher),
            activity: self.activity.clone(),
            background: background.clone(),
            viewers,
            stopping: self.visitors.stopping(),
            addresses: addresses.clone(),
        };
        Arc::new(move |app| desk.apply(app))
    }
}

/// The app of a server that no machine's settings reach and nobody from outside: the environment isn't
/// read, and each variable that an endpoint takes its secret from has one made up for a test.
pub(crate) fn in_process(mut server: WebhooksServer) -> Result<Blueprint, LaunchError> {
    let variables = server.endpoints.iter().filter_map(|endpoint| endpoint.secret_env);
    let environment = variables.map(|variable| (variable, "the secret of a test")).collect();
    server.given.reach = GivenReach::default();
    let prepared = prepare(server, Given::default(), Unasked::Local, &environment)?;
    let addresses = Addresses::new("http://127.0.0.1:7860", None);
    Ok(prepared.blueprint(&addresses, &Background::default()))
}

/// The server's endpoints, sorted by path, if they can be served side by side.
#[cfg(feature = "cli")]
pub(crate) fn listing(server: WebhooksServer) -> Result<Vec<Registered>, LaunchError> {
    let (endpoints, errors) = sort(server.endpoints, server.bad_paths);
    check(&endpoints, errors)?;
    Ok(endpoints)
}

/// What is done where nobody says whether the server is to be reached from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unasked {
    /// A tunnel is opened if a person follows the output.
    Shared,
    /// It isn't: a program started it, perhaps a test.
    Local,
}

/// Decides every setting, or says all that is wrong with them at once.
pub(super) fn prepare(
    server: WebhooksServer,
    flags: Given,
    unasked: Unasked,
    environment: &Environment,
) -> Result<Prepared, LaunchError> {
    let (endpoints, mut errors) = sort(server.endpoints, server.bad_paths);

    let mut variables: Vec<_> = endpoints.iter().filter_map(|it| it.secret_env).collect();
    let mut warnings = Vec::new();
    let common = match server.secrets {
        Some(secrets) => {
            warnings.extend(secret::ignored(environment, WEBHOOK_SECRET, &secrets));
            Secrets::new(secrets, "The webhook secret given in code").map(Some)
        }
        None => {
            variables.push(WEBHOOK_SECRET);
            Secrets::from_environment(environment, WEBHOOK_SECRET)
        }
    };
    variables.sort_unstable();
    variables.dedup();
    warnings.extend(variables.iter().flat_map(|variable| secret::quoted(environment, variable)));
    let common = common.unwrap_or_else(|error| {
        errors.push(error.into());
        None
    });
    let mut guarded = Vec::with_capacity(endpoints.len());
    for endpoint in &endpoints {
        match own_secrets(endpoint, environment) {
            Ok(own) => guarded.push(Guarded {
                endpoint: endpoint.clone(),
                secrets: own.or_else(|| common.clone()),
                running: AtomicUsize::new(0),
            }),
            Err(error) => errors.push(error.into()),
        }
    }
    let mut wrong = Vec::new();
    let settings = Settings::resolve(
        flags,
        server.given,
        unasked == Unasked::Shared,
        &Host::detect(environment),
        &server.limits,
        environment,
        &mut wrong,
    );
    #[cfg(feature = "background")]
    server.background.check(&mut wrong);
    #[cfg(feature = "share")]
    let tunnel = tunnel(&settings, server.link, &mut wrong);
    #[cfg(feature = "page")]
    let token = Token::from_environment(environment).map_err(|error| wrong.push(error)).ok();
    errors.extend(wrong.into_iter().map(SetupError::from));

    if server.checks_data {
        errors.extend(missing_data(&endpoints, &server.data, &server.configure));
        #[cfg(feature = "background")]
        errors.extend(
            endpoints.iter().filter_map(|endpoint| missing_in_background(endpoint, &server.shared)),
        );
    }

    check(&endpoints, errors)?;
    let shown: Vec<_> = guarded
        .iter()
        .map(|guarded| Shown::new(&guarded.endpoint, guarded.secrets.is_some()))
        .collect();
    let dispatcher = Dispatcher::new(guarded, server.limits.clone(), server.secret_in_query);
    #[cfg(feature = "background")]
    let (functions, dispatcher) = {
        let shared = Arc::new(server.shared);
        (functions(&endpoints, &shared), dispatcher.sharing(shared))
    };
    #[cfg(feature = "page")]
    let (ui, activity, visitors, dispatcher) = {
        let ui = server.ui.unwrap_or_else(|| Page::Blocks(Blocks::default()));
        let kept = matches!(&ui, Page::Blocks(blocks) if blocks.has_activity());
        let activity = kept.then(Activity::new);
        let token = token.filter(|_| matches!(&ui, Page::Blocks(blocks) if blocks.has_private()));
        let dispatcher = dispatcher.recording(activity.clone());
        (Some(ui), activity, Visitors::new(token, kept), dispatcher)
    };
    #[cfg(not(feature = "page"))]
    let (ui, visitors) = (server.ui, Visitors::new());
    #[cfg(feature = "openapi")]
    let description = {
        let version = server.version.unwrap_or(env!("CARGO_PKG_VERSION"));
        Description::new(&shown, version, settings.on_space)
    };
    Ok(Prepared {
        settings,
        shown,
        warnings,
        dispatcher: Arc::new(dispatcher),
        #[cfg(feature = "background")]
        functions,
        #[cfg(feature = "background")]
        background: server.background,
        limits: server.limits,
        configure: server.configure,
        ui,
        #[cfg(feature = "page")]
        activity,
        visitors,
        #[cfg(feature = "openapi")]
        description,
        #[cfg(feature = "share")]
        tunnel,
    })
}

fn sort(
    endpoints: Vec<Registered>,
    mut errors: Vec<SetupError>,
) -> (Vec<Registered>, Vec<SetupError>) {
    let (endpoints, duplicates) = registry::sort(endpoints);
    errors.extend(duplicates.into_iter().map(|duplicate| SetupError::DuplicatePath {
        path: duplicate.path,
        first: duplicate.first,
        second: duplicate.second,
    }));
    (endpoints, errors)
}

fn check(endpoints: &[Registered], errors: Vec<SetupError>) -> Result<(), LaunchError> {
    if !errors.is_empty() {
        return Err(LaunchError::Setup(errors));
    }
    if endpoints.is_empty() {
        return Err(LaunchError::NoEndpoints);
    }
    Ok(())
}

/// The functions that run in the background, in the order of their endpoints.
#[cfg(feature = "background")]
fn functions(endpoints: &[Registered], shared: &Arc<Shared>) -> Vec<Function> {
    let background = |endpoint: &Registered| match endpoint.work {
        Work::Background(background) => {
            Some(Function { path: endpoint.path.clone(), background, shared: Arc::clone(shared) })
        }
        Work::Answer(_) => None,
    };
    endpoints.iter().filter_map(background).collect()
}

/// What a background function takes and won't find, which no request would be there to hear of.
#[cfg(feature = "background")]
fn missing_in_background(endpoint: &Registered, shared: &Shared) -> Option<SetupError> {
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

/// The secrets of `#[webhook_endpoint(secret_env = "…")]`. It must be there: an endpoint that was
/// meant to be protected is never open because a variable was forgotten.
fn own_secrets(
    endpoint: &Registered,
    environment: &Environment,
) -> Result<Option<Secrets>, SecretError> {
    let Some(variable) = endpoint.secret_env else {
        return Ok(None);
    };
    match Secrets::from_environment(environment, variable)? {
        Some(secrets) => Ok(Some(secrets)),
        None => Err(SecretError::Missing {
            variable: variable.to_owned(),
            reason: format!(
                "The endpoint {} takes its secret from it ({}).",
                endpoint.path, endpoint.location
            ),
        }),
    }
}

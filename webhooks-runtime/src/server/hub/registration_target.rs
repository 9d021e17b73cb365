//! Resolves what the commands `webhooks`, `deploy` and `doctor` need of a server that may run in another process: the
//! endpoints with their secrets, the public URL, and where the server keeps its values.

use crate::config::addresses::PublicUrl;
use crate::config::environment::Environment;
use crate::config::exposure::Exposure;
use crate::config::host::Host;
use crate::config::settings::{PartialSettings, Settings};
use crate::endpoint::Work;
use crate::http::guarded::GuardedRoute;
use crate::hub::Hub;
use crate::jobs::StoreUrl;
use crate::registration::endpoint::WebhookEndpoint;
use crate::server::background::store_url;
use crate::server::error::SetupError;
use crate::server::guard::{guard, secret_file};
use crate::server::prepare::sort;
use crate::server::{LaunchError, WebhooksServer};
use crate::state::{FileState, SecretFile, unnamed_project};

/// What a server registers on the Hub, and where it remembers that.
pub(crate) struct RegistrationTarget {
    /// Sorted by path.
    pub(crate) endpoints: Vec<WebhookEndpoint>,
    /// The name of each function, and its endpoint's path.
    pub(crate) names: Vec<(String, String)>,
    /// The public URL, if a setting or the Space provides one.
    pub(crate) public_url: Option<PublicUrl>,
    pub(crate) on_space: bool,
    /// The store of a server with background endpoints.
    pub(crate) store: Option<StoreUrl>,
    /// The values of a server without a store; `None` if the user has no folder for files.
    pub(crate) file: Option<FileState>,
    /// The file for a secret that neither the code nor a variable sets.
    pub(crate) secret_file: Option<SecretFile>,
    /// The client of the Hub that the server uses, or the reason why there is none.
    pub(crate) hub: Result<Hub, String>,
    /// The paths of the endpoints whose functions take a `Hub`, if the server needs a token for it.
    pub(crate) need_token: Vec<String>,
    /// The program's version, if known.
    pub(crate) version: Option<&'static str>,
    errors: Vec<SetupError>,
}

impl RegistrationTarget {
    /// Resolves the settings like a server that starts with the same flags and variables. Invalid ones are found by
    /// [`check`](Self::check).
    ///
    /// # Errors
    ///
    /// When the store's name is invalid.
    pub(crate) fn of(server: WebhooksServer, flags: PartialSettings) -> Result<Self, LaunchError> {
        Self::in_environment(server, flags, &Environment::default())
    }

    /// Resolves the settings like a server on another machine, which has these variables. The client of the Hub is that
    /// of this process.
    ///
    /// # Errors
    ///
    /// When the store's name is invalid.
    pub(crate) fn in_environment(
        server: WebhooksServer,
        flags: PartialSettings,
        environment: &Environment,
    ) -> Result<Self, LaunchError> {
        let hub = hub_of(&server);
        let host = Host::detect(environment);
        let (routes, mut errors) = sort(server.endpoints, server.bad_paths);
        let mut invalid = Vec::new();
        let (given, limits) = (server.settings, &server.limits);
        let settings =
            Settings::resolve(flags, given, false, &host, limits, environment, &mut invalid);
        errors.extend(invalid.into_iter().map(SetupError::from));
        let is_background = routes.iter().any(|it| matches!(it.work, Work::Background(_)));
        let store = is_background.then(|| store_url(settings.store.as_deref(), settings.on_space));
        let store = store.transpose()?;
        let has_client = server.parts.hub.is_given();
        let takes_hub = routes.iter().filter(|route| route.hub.takes_hub && !has_client);
        let need_token = takes_hub.map(|route| route.path.clone()).collect();
        let secret_file = secret_file(server.parts.project.as_deref(), environment);
        let version = server.parts.version;
        let project = server.parts.project.unwrap_or_else(unnamed_project);
        let mut warnings = Vec::new();
        let guarded = guard(
            &routes,
            server.secrets,
            secret_file.as_ref(),
            environment,
            &mut warnings,
            &mut errors,
        );
        let endpoint = |guarded: &GuardedRoute| {
            let secret = guarded.secrets.as_ref().and_then(|secrets| secrets.first());
            WebhookEndpoint::new(&guarded.route.path, guarded.filter.as_ref(), secret)
        };
        Ok(Self {
            endpoints: guarded.iter().map(endpoint).collect(),
            names: routes.into_iter().map(|route| (route.name, route.path)).collect(),
            public_url: match settings.exposure {
                Exposure::At(url) => Some(url),
                Exposure::Local | Exposure::Link { .. } | Exposure::Tunnel => None,
            },
            on_space: settings.on_space,
            store,
            file: FileState::of_project(&project),
            secret_file,
            hub,
            need_token,
            version,
            errors,
        })
    }

    /// Checks that all settings are valid.
    ///
    /// # Errors
    ///
    /// The same errors as when the server starts.
    pub(crate) fn check(&mut self) -> Result<(), LaunchError> {
        if self.endpoints.is_empty() && self.errors.is_empty() {
            return Err(LaunchError::NoEndpoints);
        }
        let errors = std::mem::take(&mut self.errors);
        if errors.is_empty() { Ok(()) } else { Err(LaunchError::Setup(errors)) }
    }
}

/// Returns the client of the Hub that a server in this process uses, or the reason why there is none.
pub(crate) fn hub_of(server: &WebhooksServer) -> Result<Hub, String> {
    server.parts.hub.find(Some(&Environment::default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::HubStub;

    #[test]
    fn the_client_of_the_code_overrides_that_of_the_environment() {
        let server = WebhooksServer::empty().hub(HubStub::new().hub());
        let target = RegistrationTarget::of(server, PartialSettings::default()).unwrap();
        assert_eq!(target.hub.unwrap().address(), "https://hub.test");
    }
}

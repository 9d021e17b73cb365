//! Resolves the store of a server that may run in another process, for the command `deliveries`.

use std::collections::HashMap;
use std::time::Duration;

use super::background::store_url;
use super::error::SetupError;
use super::{LaunchError, WebhooksServer};
use crate::config::environment::Environment;
use crate::config::host::Host;
use crate::config::settings::{PartialSettings, Settings};
use crate::endpoint::Work;
use crate::endpoint::background::Policy;
use crate::jobs::StoreUrl;

/// A server's store, and the policies of its background endpoints.
pub(crate) struct StoreTarget {
    pub(crate) url: StoreUrl,
    policies: HashMap<String, Policy>,
}

impl StoreTarget {
    /// Resolves the store like a server that starts with the same flags and variables. Unlike there, other settings
    /// such as secrets may be invalid.
    pub(crate) fn of(server: WebhooksServer, flags: PartialSettings) -> Result<Self, LaunchError> {
        let mut errors = Vec::new();
        let environment = Environment::default();
        let host = Host::detect(&environment);
        let (given, limits) = (server.settings, &server.limits);
        let settings =
            Settings::resolve(flags, given, false, &host, limits, &environment, &mut errors);
        if !errors.is_empty() {
            return Err(LaunchError::Setup(errors.into_iter().map(SetupError::from).collect()));
        }
        let policies = server.endpoints.into_iter().filter_map(|endpoint| match endpoint.work {
            Work::Background(background) => Some((endpoint.path, background.policy)),
            Work::Inline(_) => None,
        });
        Ok(Self {
            url: store_url(settings.store.as_deref(), settings.on_space)?,
            policies: policies.collect(),
        })
    }

    /// Returns whether the program has background endpoints.
    pub(crate) fn has_functions(&self) -> bool {
        !self.policies.is_empty()
    }

    /// Returns the paths of the background endpoints, in order.
    pub(crate) fn paths(&self) -> Vec<&str> {
        let mut paths: Vec<_> = self.policies.keys().map(String::as_str).collect();
        paths.sort_unstable();
        paths
    }

    /// Returns the number of attempts of the endpoint at this path; `None` if the program no longer has it.
    pub(crate) fn attempts(&self, path: &str) -> Option<u32> {
        self.policies.get(path).map(|policy| policy.attempts)
    }

    /// Returns the timeout of the endpoint at this path; `None` if the program no longer has it.
    pub(crate) fn timeout(&self, path: &str) -> Option<Duration> {
        self.policies.get(path).map(|policy| policy.timeout)
    }
}

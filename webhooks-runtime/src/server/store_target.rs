//! The store of a server that runs in another process, or ran, for the command `deliveries`.

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

/// The store of a server, and the attempts of its endpoints.
pub(crate) struct StoreTarget {
    pub(crate) place: StoreUrl,
    policies: HashMap<String, Policy>,
}

impl StoreTarget {
    /// Resolves the store as a server with the same flags and variables does. Its other settings, for example its
    /// secrets, may be invalid.
    pub(crate) fn of(server: WebhooksServer, flags: PartialSettings) -> Result<Self, LaunchError> {
        let mut wrong = Vec::new();
        let environment = Environment::default();
        let host = Host::detect(&environment);
        let (given, limits) = (server.given, &server.limits);
        let settings =
            Settings::resolve(flags, given, false, &host, limits, &environment, &mut wrong);
        if !wrong.is_empty() {
            return Err(LaunchError::Setup(wrong.into_iter().map(SetupError::from).collect()));
        }
        let policies = server.endpoints.into_iter().filter_map(|endpoint| match endpoint.work {
            Work::Background(background) => Some((endpoint.path, background.policy)),
            Work::Inline(_) => None,
        });
        Ok(Self {
            place: store_url(settings.store.as_deref(), settings.on_space)?,
            policies: policies.collect(),
        })
    }

    /// Whether any function of the program runs in the background.
    pub(crate) fn has_functions(&self) -> bool {
        !self.policies.is_empty()
    }

    /// How many attempts a delivery of the endpoint at this path has; `None` where the program doesn't
    /// have it any more.
    pub(crate) fn attempts(&self, path: &str) -> Option<u32> {
        self.policies.get(path).map(|policy| policy.attempts)
    }

    /// How long an attempt at a delivery of the endpoint may take.
    pub(crate) fn timeout(&self, path: &str) -> Option<Duration> {
        self.policies.get(path).map(|policy| policy.timeout)
    }
}

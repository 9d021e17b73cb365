//! Defines what the parts of a server are composed from.

use std::sync::{Arc, OnceLock};

use crate::config::addresses::Addresses;
use crate::config::environment::Environment;
use crate::config::secret::Secrets;
use crate::config::settings::Settings;
use crate::endpoint::registry::EndpointInfo;
use crate::http::dispatch::Dispatcher;
use crate::jobs::Jobs;

/// The server that the parts are composed for.
pub(super) struct Composition<'a> {
    pub(super) settings: &'a Settings,
    pub(super) environment: &'a Environment,
    pub(super) endpoints: &'a [EndpointInfo],
    /// The secrets of each endpoint.
    pub(super) secrets: &'a [Option<Secrets>],
    pub(super) addresses: &'a Addresses,
    pub(super) dispatcher: &'a Arc<Dispatcher>,
    /// The background deliveries, once their store is open.
    pub(super) jobs: &'a Arc<OnceLock<Jobs>>,
}

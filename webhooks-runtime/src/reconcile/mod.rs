//! Finds commits whose deliveries the Hub did not send: a server compares the refs of the watched repos with those that
//! it has seen, and makes a delivery for each difference. Servers that are down and suspended webhooks miss deliveries.
//!
//! - `decide` decides about one ref. `ref_log` records how deliveries have moved refs, `seen` defines the commits
//!   that a poll has seen, and `memory` keeps both in the store.
//! - `repos` asks the Hub for repos and refs, `payload` writes the payload of a delivery, `make` makes the delivery, and
//!   `poll` does it for all endpoints.
//! - `observe` notes what arrives, and `duplicates` finds a delivery of the Hub that arrives after it was made here.
//! - `part` is the part of the server, `timing` defines how often it asks, and `lease` elects the replica that asks.
//!
//! Nothing of it exists in a server that does not reconcile.

mod decide;
mod duplicates;
mod lease;
mod make;
mod memory;
mod observe;
mod part;
mod payload;
mod poll;
mod ref_log;
mod repos;
mod seen;
#[cfg(test)]
mod tests;
mod timing;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub(crate) use memory::STORED;
pub(crate) use part::ReconcilePart;

use crate::config::environment::Environment;
use crate::endpoint::background::BackgroundWork;
use crate::endpoint::checks::OwnEvents;
use crate::endpoint::filter::Conditions;
use crate::hub::Hub;
use crate::jobs::Jobs;

/// The settings of the part of a server.
pub(crate) struct ReconcileSettings<'a> {
    pub(crate) hub: Hub,
    /// The background deliveries, once their store is open.
    pub(crate) jobs: Arc<OnceLock<Jobs>>,
    /// The endpoints that it makes deliveries for.
    pub(crate) endpoints: Vec<ReconciledEndpoint>,
    /// How often the Hub is asked.
    pub(crate) interval: Duration,
    pub(crate) environment: &'a Environment,
}

/// A background endpoint that watches repos for commits.
#[derive(Clone)]
pub(crate) struct ReconciledEndpoint {
    pub(crate) path: String,
    pub(crate) conditions: Conditions,
    pub(crate) background: BackgroundWork,
    /// Knows the program's own commits, if the endpoint skips them.
    pub(crate) own: Option<Arc<dyn OwnEvents>>,
}

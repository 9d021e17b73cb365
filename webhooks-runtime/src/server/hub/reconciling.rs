//! Composes the part that looks for missed deliveries.

use std::sync::{Arc, OnceLock};

use crate::http::part::Part;
use crate::hub::Hub;
use crate::jobs::Jobs;
use crate::reconcile::{ReconcilePart, ReconcileSettings, ReconciledEndpoint};
use crate::server::composition::Composition;

/// Composes the part of a server that reconciles, for its background endpoints that watch repos for commits.
pub(super) fn compose(
    hub: Hub,
    jobs: &Arc<OnceLock<Jobs>>,
    server: &Composition<'_>,
) -> Option<Arc<dyn Part>> {
    let interval = server.settings.reconcile?;
    let endpoints = server.endpoints.iter().filter_map(|endpoint| {
        let conditions = endpoint.filter.clone()?;
        let background = *server.dispatcher.background_of(&endpoint.path)?;
        let watches = !conditions.watched_repos().is_empty() && conditions.covers_commits();
        let path = endpoint.path.clone();
        watches.then_some(ReconciledEndpoint { path, conditions, background })
    });
    Some(Arc::new(ReconcilePart::new(ReconcileSettings {
        hub,
        jobs: Arc::clone(jobs),
        endpoints: endpoints.collect(),
        interval,
        environment: server.environment,
    })))
}

//! Composes the part that looks for missed deliveries.

use std::sync::{Arc, OnceLock};

use crate::endpoint::checks::OwnEvents;
use crate::http::part::Part;
use crate::hub::{Hub, OwnActivity};
use crate::jobs::Jobs;
use crate::reconcile::{ReconcilePart, ReconcileSettings, ReconciledEndpoint};
use crate::server::composition::Composition;

/// Composes the part of a server that reconciles, for its background endpoints that watch repos for commits. `activity`
/// knows the commits of the program, if endpoints need the Hub.
pub(super) fn compose(
    hub: Hub,
    activity: Option<&Arc<OwnActivity>>,
    jobs: &Arc<OnceLock<Jobs>>,
    server: &Composition<'_>,
) -> Option<Arc<dyn Part>> {
    let interval = server.settings.reconcile?;
    let endpoints = server.endpoints.iter().filter_map(|endpoint| {
        let conditions = endpoint.filter.clone()?;
        let background = *server.dispatcher.background_of(&endpoint.path)?;
        let watches = !conditions.watched_repos().is_empty() && conditions.covers_commits();
        let path = endpoint.path.clone();
        let own = activity.filter(|_| endpoint.skips_own);
        let own = own.map(|activity| Arc::clone(activity) as Arc<dyn OwnEvents>);
        watches.then_some(ReconciledEndpoint { path, conditions, background, own })
    });
    Some(Arc::new(ReconcilePart::new(ReconcileSettings {
        hub,
        jobs: Arc::clone(jobs),
        endpoints: endpoints.collect(),
        interval,
        environment: server.environment,
    })))
}

//! Finds other webhooks that call the same function for the same repo.

use super::{PlanInput, PlanWarning, StepAction};
use crate::hub::{WatchedItem, Webhook, WebhookState};
use crate::registration::endpoint::WebhookEndpoint;
use crate::registration::ours::{has_path, shown_url};

/// Returns a warning for each other enabled webhook that calls an endpoint at the same path, here or elsewhere, for a
/// repo that this endpoint watches. Otherwise a laptop and a Space would both act on each event.
pub(super) fn also_watched(
    endpoint: &WebhookEndpoint,
    webhook: Option<&Webhook>,
    action: &StepAction,
    input: &PlanInput,
) -> Vec<PlanWarning> {
    if matches!(action, StepAction::LeaveAlone(_) | StepAction::Unchanged { paused: true }) {
        return Vec::new();
    }
    let is_other = |other: &&Webhook| {
        webhook.is_none_or(|webhook| webhook.id != other.id)
            && other.state == WebhookState::Enabled
            && (has_path(other, &endpoint.path)
                || input.remembered.get(&other.id).is_some_and(|it| it.path == endpoint.path))
            && endpoint.domains.iter().any(|domain| other.domains.contains(domain))
    };
    let warning = |other: &Webhook| {
        let watched_by_other = |item: &&WatchedItem| {
            other.watched.iter().any(|of_other| covers(of_other, item) || covers(item, of_other))
        };
        let repos: Vec<_> = endpoint.watched.iter().filter(watched_by_other).cloned().collect();
        (!repos.is_empty()).then(|| PlanWarning::AlsoWatched {
            path: endpoint.path.clone(),
            id: other.id.clone(),
            url: other.url.as_deref().map(shown_url).unwrap_or_default(),
            repos,
        })
    };
    input.account.iter().filter(is_other).filter_map(warning).collect()
}

/// Returns whether all repos of `inner` are among those of `outer`.
fn covers(outer: &WatchedItem, inner: &WatchedItem) -> bool {
    let is_owner = |item: &WatchedItem| ["org", "user"].contains(&item.item_type.as_str());
    if is_owner(outer) {
        // An owner's name has no slash. Whether it is an organization or a user makes no difference.
        return inner.name.split('/').next() == Some(outer.name.as_str());
    }
    outer == inner
}

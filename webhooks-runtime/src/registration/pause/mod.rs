//! Disables the webhooks of a share link while the server is stopped: their deliveries would fail until the Hub
//! suspends them.

#[cfg(test)]
mod tests;

use super::remembered::{RememberedWebhooks, UrlKind};
use crate::hub::{Hub, HubError, WebhookState};
use crate::state::{SharedState, StateError};

/// Why webhooks could not be disabled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PauseError {
    #[error(transparent)]
    Hub(#[from] HubError),
    #[error(transparent)]
    State(#[from] StateError),
}

/// What became of the webhooks of a tunnel.
#[derive(Debug, Default)]
pub(crate) struct Paused {
    /// The ids of those that are disabled now.
    pub(crate) ids: Vec<String>,
    /// One for each that could not be disabled.
    pub(crate) errors: Vec<PauseError>,
}

/// Disables the webhooks of the program's tunnel. The plan of the next start enables them.
///
/// One that is disabled already, which a person may have done, stays so at the next start. One that cannot be disabled
/// does not prevent the others.
///
/// # Errors
///
/// When the webhooks are not known, so that none is disabled.
pub(crate) async fn pause(hub: &Hub, state: &dyn SharedState) -> Result<Paused, PauseError> {
    let remembered = RememberedWebhooks::load(state).await?;
    let is_of_tunnel =
        |id: &str| remembered.get(id).is_some_and(|it| it.url_kind == UrlKind::Tunnel);
    let mut paused = Paused::default();
    if !remembered.iter().any(|(id, _)| is_of_tunnel(id)) {
        return Ok(paused);
    }
    for webhook in hub.webhooks().await? {
        if !is_of_tunnel(&webhook.id) || webhook.state != WebhookState::Enabled {
            continue;
        }
        match pause_one(hub, state, &webhook.id).await {
            Ok(()) => paused.ids.push(webhook.id),
            Err(error) => paused.errors.push(error),
        }
    }
    Ok(paused)
}

async fn pause_one(hub: &Hub, state: &dyn SharedState, id: &str) -> Result<(), PauseError> {
    // First: a webhook that is disabled and not known as ours would never be enabled again.
    RememberedWebhooks::change(state, |all| all.set_paused(id, true)).await?;
    let Err(error) = hub.disable_webhook(id).await else {
        return Ok(());
    };
    if may_be_done(&error) && is_disabled(hub, id).await {
        return Ok(());
    }
    // Otherwise the next start would enable it after a person has disabled it.
    RememberedWebhooks::change(state, |all| all.set_paused(id, false)).await?;
    Err(error.into())
}

/// Returns whether the Hub may have done what was asked, although the call failed.
fn may_be_done(error: &HubError) -> bool {
    matches!(error, HubError::NoResponse { .. } | HubError::InvalidResponse { .. })
}

async fn is_disabled(hub: &Hub, id: &str) -> bool {
    hub.webhook(id).await.is_ok_and(|webhook| webhook.state == WebhookState::Disabled)
}

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

/// Disables the webhooks of the program's tunnel, and returns their ids. The plan of the next start enables them.
///
/// One that is disabled already, which a person may have done, stays so at the next start.
///
/// # Errors
///
/// The first error. Webhooks before it are disabled.
pub(crate) async fn pause(hub: &Hub, state: &dyn SharedState) -> Result<Vec<String>, PauseError> {
    let remembered = RememberedWebhooks::load(state).await?;
    let is_of_tunnel =
        |id: &str| remembered.get(id).is_some_and(|it| it.url_kind == UrlKind::Tunnel);
    if !remembered.iter().any(|(id, _)| is_of_tunnel(id)) {
        return Ok(Vec::new());
    }
    let mut paused = Vec::new();
    for webhook in hub.webhooks().await? {
        if !is_of_tunnel(&webhook.id) || webhook.state != WebhookState::Enabled {
            continue;
        }
        // First: a webhook that is disabled and not known as ours would never be enabled again.
        RememberedWebhooks::change(state, |all| all.set_paused(&webhook.id, true)).await?;
        hub.disable_webhook(&webhook.id).await?;
        paused.push(webhook.id);
    }
    Ok(paused)
}

//! Disables the webhooks of a share link while the server is stopped: their deliveries would fail until the Hub
//! suspends them.
//!
//! The next start enables only a webhook of which it is certain that this program has disabled it, and not a person. A
//! shutdown can end at any moment, so each webhook is marked twice:
//!
//! 1. [`PauseMark::Asked`], before the Hub is asked to disable it
//! 2. [`PauseMark::Confirmed`], after the Hub has confirmed that
//!
//! If the next start finds a webhook disabled by `true`, it enables it only with the second mark. With the first one, a
//! person may have disabled it: the start reports it and leaves it to a person. A webhook that is not disabled loses
//! both marks.

#[cfg(test)]
mod tests;

use std::time::SystemTime;

use super::lease::RegistrationLease;
use super::remembered::{PauseMark, RememberedWebhooks, UrlKind};
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

/// Disables the webhooks of the program's tunnel, as long as this replica has the lease. The plan of the next start
/// enables them.
///
/// One that is disabled already, which a person may have done, stays so at the next start. One that cannot be disabled
/// does not prevent the others.
///
/// # Errors
///
/// When the webhooks are not known, so that none is disabled.
pub(crate) async fn pause(
    hub: &Hub,
    state: &dyn SharedState,
    lease: &RegistrationLease,
) -> Result<Paused, PauseError> {
    let mut paused = Paused::default();
    if !RememberedWebhooks::load(state).await?.may_have(UrlKind::Tunnel) {
        return Ok(paused);
    }
    let account = hub.webhooks().await?;
    let now = SystemTime::now();
    let remembered = RememberedWebhooks::load_with_created(state, &account, now).await?;
    let is_of_tunnel =
        |id: &str| remembered.get(id).is_some_and(|it| it.url_kind == UrlKind::Tunnel);
    for webhook in account {
        if !is_of_tunnel(&webhook.id) || webhook.state != WebhookState::Enabled {
            continue;
        }
        // Another replica may have taken over, whose tunnel works.
        if !lease.renew().await? {
            break;
        }
        match pause_one(hub, state, &webhook.id).await {
            Ok(()) => paused.ids.push(webhook.id),
            Err(error) => paused.errors.push(error),
        }
    }
    Ok(paused)
}

async fn pause_one(hub: &Hub, state: &dyn SharedState, id: &str) -> Result<(), PauseError> {
    mark(state, id, PauseMark::Asked).await?;
    let result = hub.disable_webhook(id).await;
    match result {
        Ok(_) => mark(state, id, PauseMark::Confirmed).await?,
        Err(error) if !error.may_be_done() => {
            mark(state, id, PauseMark::None).await?;
            return Err(error.into());
        }
        // It was enabled a moment ago.
        Err(_) if is_disabled(hub, id).await => mark(state, id, PauseMark::Confirmed).await?,
        // The Hub may still do it.
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

async fn mark(state: &dyn SharedState, id: &str, mark: PauseMark) -> Result<(), StateError> {
    RememberedWebhooks::change(state, |all| all.set_pause(id, mark)).await
}

async fn is_disabled(hub: &Hub, id: &str) -> bool {
    hub.webhook(id).await.is_ok_and(|webhook| webhook.state == WebhookState::Disabled)
}

//! Remembers the public URL of a running server's tunnel, so that the command `webhooks sync` finds it.

use std::sync::{Arc, OnceLock};

use crate::config::addresses::Addresses;
use crate::config::environment::Environment;
use crate::config::exposure::Exposure;
use crate::endpoint::filter::Conditions;
use crate::http::part::{Console, Part};
use crate::jobs::Jobs;
use crate::registration::remembered::{ServerUrl, UrlKind};
use crate::server::composition::Composition;
use crate::server::state::ServerState;
use crate::state::{FileState, SharedState};
use crate::task;

/// Composes the part, if the server opens a tunnel and has an endpoint with `watch`. Any other URL is a setting, which the
/// command has as well. Only a program of `webhooks_main!()` has the command.
pub(super) fn compose(
    project: Option<&str>,
    jobs: &Arc<OnceLock<Jobs>>,
    server: &Composition<'_>,
) -> Option<Arc<dyn Part>> {
    let is_tunnel = matches!(server.settings.exposure, Exposure::Link { .. } | Exposure::Tunnel);
    let is_watching = server.endpoints.iter().any(|endpoint| {
        let watched = endpoint.filter.as_ref().map(Conditions::watched_repos);
        watched.is_some_and(|watched| !watched.is_empty())
    });
    let is_test = !matches!(server.environment, Environment::Process);
    if !is_tunnel || !is_watching || is_test {
        return None;
    }
    let state = Arc::new(ServerState::new(jobs, FileState::of_project(project?)?));
    Some(Arc::new(UrlMemory { state, addresses: server.addresses.clone() }))
}

struct UrlMemory {
    state: Arc<dyn SharedState>,
    addresses: Addresses,
}

impl Part for UrlMemory {
    fn started(&self, _console: Console) {
        let (state, mut public) = (Arc::clone(&self.state), self.addresses.watch());
        task::spawn(async move {
            loop {
                let url = public.borrow_and_update().clone();
                if let Some(url) = url
                    && let Err(error) =
                        (ServerUrl { url, kind: UrlKind::Tunnel }).save(&*state).await
                {
                    tracing::debug!(%error, "the public URL could not be remembered for `webhooks sync`");
                }
                if public.changed().await.is_err() {
                    return;
                }
            }
        });
    }
}

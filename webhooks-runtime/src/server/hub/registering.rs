//! Composes the part that registers the server's webhooks on the Hub, or that says what is left without it.

use std::sync::{Arc, OnceLock};

use crate::config::environment::Environment;
use crate::config::exposure::Exposure;
use crate::http::part::Part;
use crate::http::webhook_status::WebhookStatus;
use crate::hub::Hub;
use crate::jobs::Jobs;
use crate::registration::endpoint::WebhookEndpoint;
use crate::registration::{self, PausedNotice, Printer, RegistrationSettings};
use crate::server::composition::Composition;
use crate::server::output::{Stream, print_message};
use crate::server::state::ServerState;
use crate::state::{FileState, MemoryState, SharedState, unnamed_project};

/// The streams of the process.
const PRINTER: Printer = Printer {
    out: |text| print_message(Stream::Out, text),
    err: |text| print_message(Stream::Err, text),
};

/// Composes the part. What it has registered is remembered in the store of background deliveries, or in a file of the
/// project. A store that is new takes over what is in the file.
pub(super) fn compose(
    status: WebhookStatus,
    hub: Hub,
    project: Option<&str>,
    jobs: &Arc<OnceLock<Jobs>>,
    server: &Composition<'_>,
) -> Arc<dyn Part> {
    let file = FileState::of_project(&project.map_or_else(unnamed_project, str::to_owned));
    let has_store = server.endpoints.iter().any(|endpoint| endpoint.background);
    let remembers = has_store || file.is_some();
    let before_store = file.clone().filter(|_| has_store);
    let state = match file {
        Some(file) => ServerState::new(jobs, file),
        // Without a folder, webhooks are found by their URLs only.
        None => ServerState::new(jobs, MemoryState::default()),
    };
    let endpoints = server.endpoints.iter().zip(server.secrets).map(|(endpoint, secrets)| {
        let secret = secrets.as_ref().and_then(|secrets| secrets.first());
        WebhookEndpoint::new(&endpoint.path, endpoint.filter.as_ref(), secret)
    });
    registration::compose(RegistrationSettings {
        hub,
        state: Arc::new(state),
        before_store: before_store.map(|file| Arc::new(file) as Arc<dyn SharedState>),
        remembers,
        endpoints: endpoints.collect(),
        exposure: &server.settings.exposure,
        on_space: server.settings.on_space,
        addresses: server.addresses.clone(),
        status,
        environment: server.environment,
        printer: PRINTER,
    })
}

/// Composes the part of a server with a tunnel that registers nothing. `None` for a test, which must not read the
/// user's files.
pub(super) fn compose_notice(
    project: Option<&str>,
    jobs: &Arc<OnceLock<Jobs>>,
    server: &Composition<'_>,
) -> Option<Arc<dyn Part>> {
    let is_tunnel = matches!(server.settings.exposure, Exposure::Link { .. } | Exposure::Tunnel);
    let is_test = !matches!(server.environment, Environment::Process);
    if server.settings.register || !is_tunnel || is_test {
        return None;
    }
    let file = FileState::of_project(&project.map_or_else(unnamed_project, str::to_owned))?;
    let state = Arc::new(ServerState::new(jobs, file));
    Some(Arc::new(PausedNotice { state, printer: PRINTER }))
}

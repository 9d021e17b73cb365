//! Registers the webhooks of a server while it runs, as one of its parts.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::console::{Messages, Printer};
use super::context::Context;
use super::endpoint::{WebhookEndpoint, check_secrets};
use super::monitor::Monitor;
use super::remembered::UrlKind;
use super::report::unknown;
use super::timing::Timing;
use crate::config::addresses::Addresses;
use crate::config::environment::Environment;
use crate::config::exposure::Exposure;
use crate::http::part::{Console, Part};
use crate::http::webhook_status::{RegistrationPhase, WebhookStatus, WebhooksHealth};
use crate::hub::Hub;
use crate::state::SharedState;

/// How long a shutdown waits for the Hub.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(10);

/// What the part of a server works with.
pub(crate) struct RegistrationSettings<'a> {
    pub(crate) hub: Hub,
    pub(crate) state: Arc<dyn SharedState>,
    /// Where the program remembered its webhooks before it had a store; `None` if it still does.
    pub(crate) before_store: Option<Arc<dyn SharedState>>,
    /// Whether the state outlives the process.
    pub(crate) remembers: bool,
    /// All endpoints of the program.
    pub(crate) endpoints: Vec<WebhookEndpoint>,
    pub(crate) exposure: &'a Exposure,
    pub(crate) on_space: bool,
    pub(crate) addresses: Addresses,
    pub(crate) status: WebhookStatus,
    pub(crate) environment: &'a Environment,
    pub(crate) printer: Printer,
}

/// Creates the part of a server that registers its webhooks.
pub(crate) fn compose(settings: RegistrationSettings<'_>) -> Arc<dyn Part> {
    let obstacle = obstacle(&settings);
    let RegistrationSettings { hub, state, before_store, endpoints, exposure, .. } = settings;
    let phase = match obstacle {
        Some(_) => RegistrationPhase::Stopped,
        None => RegistrationPhase::Pending,
    };
    settings.status.set(unknown(&endpoints, phase));
    let url_kind = match exposure {
        Exposure::At(_) | Exposure::Local => UrlKind::Fixed,
        Exposure::Link { .. } | Exposure::Tunnel => UrlKind::Tunnel,
    };
    let (endpoints, timing) = (endpoints.into(), Timing::of(settings.environment));
    let (status, printer) = (settings.status, settings.printer);
    // The console is known when the server starts.
    let messages = Messages { console: Console::Log, printer };
    Arc::new(RegistrationPart {
        context: Context {
            hub,
            state,
            before_store,
            endpoints,
            url_kind,
            status,
            timing,
            messages,
        },
        addresses: settings.addresses,
        obstacle,
        stop: watch::Sender::new(false),
        task: Mutex::default(),
    })
}

/// Returns why no webhook can be registered, in a sentence without its full stop.
fn obstacle(settings: &RegistrationSettings<'_>) -> Option<String> {
    let RegistrationSettings { endpoints, exposure, on_space, remembers, .. } = settings;
    if !endpoints.iter().any(WebhookEndpoint::is_watching) {
        let text = "no webhook is registered on the Hub, because no endpoint has `watch`";
        return Some(text.to_owned());
    }
    if matches!(exposure, Exposure::Local) {
        let text = "no webhook is registered on the Hub, because the server has no public URL: start it with \
                    --share, or pass its URL with --public-url";
        return Some(text.to_owned());
    }
    // Each start would leave its webhooks behind: another one could not know which are disabled by the program.
    if matches!(exposure, Exposure::Link { .. } | Exposure::Tunnel) && !remembers {
        let text = "no webhook is registered on the Hub, because it could not be remembered: this user has no home \
                    folder. Set XDG_STATE_HOME to a folder";
        return Some(text.to_owned());
    }
    check_secrets(endpoints, *on_space).err().map(|error| error.to_string())
}

struct RegistrationPart {
    context: Context,
    addresses: Addresses,
    /// Why no webhook can be registered.
    obstacle: Option<String>,
    /// Becomes `true` when the server shuts down.
    stop: watch::Sender<bool>,
    task: Mutex<JoinSet<()>>,
}

impl Part for RegistrationPart {
    fn started(&self, console: Console) {
        let messages = Messages { console, ..self.context.messages };
        if let Some(obstacle) = &self.obstacle {
            messages.warn(obstacle);
            return;
        }
        let monitor = Monitor::new(Context { messages, ..self.context.clone() });
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        task.spawn(monitor.run(self.addresses.clone(), self.stop.subscribe()));
    }

    fn webhooks(&self) -> Option<WebhooksHealth> {
        Some(self.context.status.health())
    }

    /// Ends the registration, and disables the webhooks of a tunnel, while the tunnel is still open.
    fn drain(&self, deadline: Instant) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.stop.send_replace(true);
            let mut task =
                std::mem::take(&mut *self.task.lock().unwrap_or_else(PoisonError::into_inner));
            let limit = deadline.min(Instant::now() + SHUTDOWN_LIMIT);
            let _ = timeout_at(limit, task.join_next()).await;
        })
    }
}

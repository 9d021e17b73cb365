//! Registers the webhooks of a server while it runs, as one of its parts.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{Mutex as AsyncMutex, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::console::{Messages, Printer};
use super::context::{Context, scope};
use super::endpoint::{WebhookEndpoint, check_secrets};
use super::monitor::Monitor;
use super::remembered::UrlKind;
use super::report::unknown;
use super::timing::Timing;
use crate::config::addresses::Addresses;
use crate::config::environment::Environment;
use crate::config::exposure::Exposure;
use crate::endpoint::panic::restart_on_panic;
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
    let (url_kind, fixed_url) = match exposure {
        Exposure::At(url) => (UrlKind::Fixed, Some(url)),
        Exposure::Local => (UrlKind::Fixed, None),
        Exposure::Link { .. } | Exposure::Tunnel => (UrlKind::Tunnel, None),
    };
    let scope = scope(url_kind, fixed_url);
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
            scope,
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
        let (addresses, stop) = (self.addresses.clone(), self.stop.subscribe());
        let monitor = Arc::new(AsyncMutex::new(monitor));
        let run = move || {
            let (monitor, addresses, stop) =
                (Arc::clone(&monitor), addresses.clone(), stop.clone());
            // Boxed, because the compiler does not see that the future of an async closure is `Send`.
            async move { monitor.lock().await.run(&addresses, stop).await }.boxed()
        };
        task.spawn(restart_on_panic("registration on the Hub", run).boxed());
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::sync::atomic::Ordering::SeqCst;

    use futures_util::future::ready;
    use serde_json::json;

    use super::*;
    use crate::config::addresses::PublicUrl;
    use crate::hub::{WatchedItem, WebhookDomain};
    use crate::registration::test_server::serve;
    use crate::registration::test_state::HookedState;
    use crate::state::MemoryState;
    use crate::testing::HubStub;

    #[tokio::test]
    async fn a_registration_that_panics_is_restarted() {
        let (stub, status) = (HubStub::new(), WebhookStatus::new());
        stub.on("GET", "/api/settings/webhooks").respond([(); 0]);
        stub.on("POST", "/api/settings/webhooks").respond(json!({ "webhook": { "id": "w1" } }));
        let has_panicked = AtomicBool::new(false);
        let before = move |method| {
            assert!(method != "lease" || has_panicked.swap(true, SeqCst), "the disk is full");
            ready(()).boxed()
        };
        let health = json!({ "status": "ok", "webhooks": { "instance": status.instance } });
        let url = PublicUrl::parse(&serve(200, health.to_string())).unwrap();
        let endpoint = WebhookEndpoint {
            path: "/webhooks/a".to_owned(),
            watched: vec![WatchedItem::from("dataset:me/data")],
            domains: vec![WebhookDomain::Repo],
            secret: None,
            secret_is_new: false,
        };
        let part = compose(RegistrationSettings {
            hub: stub.hub(),
            state: Arc::new(HookedState { state: MemoryState::default(), before }),
            before_store: None,
            remembers: true,
            endpoints: vec![endpoint],
            exposure: &Exposure::At(url.clone()),
            on_space: false,
            addresses: Addresses::before_listening(Some(url)),
            status: status.clone(),
            environment: &Environment::from_iter([]),
            printer: Printer { out: |_| {}, err: |_| {} },
        });
        part.started(Console::Log);
        let registered = async {
            while status.report().phase != RegistrationPhase::Registered {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let limit = Duration::from_secs(20);
        tokio::time::timeout(limit, registered).await.unwrap();
        part.drain(Instant::now() + limit).await;
        assert_eq!(stub.calls().iter().filter(|call| call.method == "POST").count(), 1);
    }
}

//! Runs the server's tunnel, the share link or a custom one, and announces its URL.
//!
//! - `builder` defines the builder's methods for it, and `settings` builds it from the server's settings.
//! - `announcer` reports the tunnel's state.

mod announcer;
mod builder;
mod settings;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::open_files;
use super::output::print_message;
use super::ports::listen_for_tunnel;
use crate::config::addresses::Addresses;
use crate::config::error::SettingError;
use crate::config::settings::Settings;
use crate::endpoint::registry::EndpointInfo;
use crate::http::part::{Console, Part};
use crate::share::{DynTunnel, TunnelEvent, keep_open};
use announcer::Announcer;
pub(super) use settings::TunnelOptions;
use settings::build;

/// Creates the tunnel's part, if the settings ask for a tunnel. Invalid settings are added to `errors`.
pub(super) fn compose(
    options: TunnelOptions,
    project: Option<String>,
    settings: &Settings,
    endpoints: &[EndpointInfo],
    addresses: &Addresses,
    errors: &mut Vec<SettingError>,
) -> Option<Arc<dyn Part>> {
    let own_process = project.is_some();
    let tunnel = build(settings, options, project, errors)?;
    let (addresses, endpoints) = (addresses.clone(), endpoints.to_vec());
    let announcer = Announcer { addresses, endpoints, registers: settings.register };
    Some(Arc::new(TunnelPart {
        tunnel: Mutex::new(Some(tunnel)),
        entrance: OnceLock::new(),
        announcer: Mutex::new(Some(announcer)),
        task: Mutex::new(None),
        own_process,
    }))
}

struct TunnelPart {
    /// The tunnel, until it is started.
    tunnel: Mutex<Option<Box<dyn DynTunnel>>>,
    /// The address that the tunnel forwards connections to, once it is known.
    entrance: OnceLock<SocketAddr>,
    /// The announcer, until the tunnel is started.
    announcer: Mutex<Option<Announcer>>,
    task: Mutex<Option<TunnelTask>>,
    /// Whether the program is only the server, so that its limits may be changed.
    own_process: bool,
}

impl Part for TunnelPart {
    fn listen(&self) -> io::Result<Option<TcpListener>> {
        if self.own_process {
            open_files::raise();
        }
        let (listener, address) = listen_for_tunnel()?;
        // A server listens once.
        let _ = self.entrance.set(address);
        Ok(Some(listener))
    }

    fn started(&self, console: Console) {
        let (tunnel, announcer) = (take(&self.tunnel), take(&self.announcer));
        let Some(((tunnel, announcer), entrance)) = tunnel.zip(announcer).zip(self.entrance.get())
        else {
            return;
        };
        let report = move |event: TunnelEvent| {
            announcer.addresses.set_tunnel_is_open(matches!(event, TunnelEvent::Open { .. }));
            match console {
                Console::Log => announcer.log(event),
                Console::Terminal => {
                    for (stream, text) in announcer.texts(event) {
                        print_message(stream, &text);
                    }
                }
            }
        };
        let task = TunnelTask::spawn(tunnel, *entrance, report);
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }

    fn announces_url(&self) -> bool {
        true
    }

    /// Closes the tunnel after it has sent all responses.
    fn close(&self, deadline: Instant) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Some(task) = take(&self.task) {
                task.shut_down(deadline).await;
            }
        })
    }
}

/// The task that keeps a tunnel open. Dropping it closes the tunnel.
struct TunnelTask {
    task: JoinSet<()>,
    stop: CancellationToken,
}

impl TunnelTask {
    /// Opens a tunnel to `entrance` and reports its state.
    fn spawn(
        tunnel: Box<dyn DynTunnel>,
        entrance: SocketAddr,
        report: impl Fn(TunnelEvent) + Send + Sync + 'static,
    ) -> Self {
        let (mut task, stop) = (JoinSet::new(), CancellationToken::new());
        task.spawn(keep_open(tunnel, entrance, stop.clone(), report).boxed());
        Self { task, stop }
    }

    /// Closes the tunnel after it has sent all responses, or at `deadline`.
    async fn shut_down(mut self, deadline: Instant) {
        self.stop.cancel();
        let _ = timeout_at(deadline, self.task.join_next()).await;
    }
}

fn take<T>(option: &Mutex<Option<T>>) -> Option<T> {
    option.lock().unwrap_or_else(PoisonError::into_inner).take()
}

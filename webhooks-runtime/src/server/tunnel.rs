//! The tunnel of a server: opens it beside the server, and reports what happens to it.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::link::{Announcer, TunnelOptions, TunnelTask, build};
use super::output::say;
use super::ports::{allow_files, entrance};
use crate::config::addresses::Addresses;
use crate::config::error::SettingError;
use crate::config::settings::Settings;
use crate::endpoint::registry::EndpointInfo;
use crate::http::part::{Console, Part};
use crate::share::{DynTunnel, TunnelEvent};

/// Returns the tunnel that the settings ask for. An invalid setting goes to `errors`.
pub(super) fn compose(
    options: TunnelOptions,
    settings: &Settings,
    endpoints: &[EndpointInfo],
    addresses: &Addresses,
    errors: &mut Vec<SettingError>,
) -> Option<Arc<dyn Part>> {
    let own_process = options.own_process;
    let tunnel = build(settings, options, errors)?;
    let (addresses, shown) = (addresses.clone(), endpoints.to_vec());
    Some(Arc::new(TunnelPart {
        tunnel: Mutex::new(Some(tunnel)),
        entrance: OnceLock::new(),
        announcer: Mutex::new(Some(Announcer { addresses, shown })),
        task: Mutex::new(None),
        own_process,
    }))
}

struct TunnelPart {
    /// The tunnel, until it is opened.
    tunnel: Mutex<Option<Box<dyn DynTunnel>>>,
    /// Where its connections go, once that is known.
    entrance: OnceLock<SocketAddr>,
    announcer: Mutex<Option<Announcer>>,
    task: Mutex<Option<TunnelTask>>,
    /// Whether the process is the server's own, so that its limits may be changed.
    own_process: bool,
}

impl Part for TunnelPart {
    fn listen(&self) -> io::Result<Option<TcpListener>> {
        if self.own_process {
            allow_files();
        }
        let (listener, address) = entrance()?;
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
        let report = move |event: TunnelEvent| match console {
            Console::Log => announcer.log(event),
            Console::Terminal => {
                for (stream, text) in announcer.texts(event) {
                    say(stream, &text);
                }
            }
        };
        let task = TunnelTask::open(tunnel, *entrance, report);
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }

    fn announces_url(&self) -> bool {
        true
    }

    /// Closes the tunnel when the responses that were given to it have gone out.
    fn close(&self, deadline: Instant) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Some(task) = take(&self.task) {
                task.shut_down(deadline).await;
            }
        })
    }
}

fn take<T>(slot: &Mutex<Option<T>>) -> Option<T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

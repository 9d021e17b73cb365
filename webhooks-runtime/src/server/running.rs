//! Runs a prepared server: opens its ports, starts its threads and parts, and shuts them down.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::accept::connection_limits;
use super::ports::bind;
use super::prepare::PreparedServer;
use super::threads::Threads;
use super::worker::WorkerSetup;
use super::{LaunchError, banner};
use crate::config::addresses::Addresses;
use crate::endpoint::registry::EndpointInfo;
use crate::http::connection::Origin;
use crate::http::dispatch::Dispatcher;
use crate::http::part::{Console, Parts};
use crate::http::watchdog;

/// A server with open ports.
pub(super) struct RunningServer {
    threads: Threads,
    dispatcher: Arc<Dispatcher>,
    pub(super) endpoints: Vec<EndpointInfo>,
    /// Probable mistakes in the settings, one line each.
    warnings: Vec<String>,
    pub(super) addresses: Addresses,
    for_platform: bool,
    /// Whether it registers its webhooks on the Hub.
    pub(super) registers: bool,
    pub(super) shutdown_timeout: Duration,
    pub(super) parts: Parts,
}

impl RunningServer {
    /// Opens the port and starts the threads.
    pub(super) fn start(prepared: PreparedServer) -> Result<Self, LaunchError> {
        let (listener, local_url) = bind(&prepared.settings)?;
        prepared.addresses.set_local(&local_url);
        let mut listeners = vec![(listener, Origin::Direct)];
        for part in prepared.parts.iter() {
            listeners.extend(part.listen()?.map(|listener| (listener, Origin::Tunnel)));
        }
        // A connection through the tunnel takes two more file descriptors, in the tunnel.
        let limits = connection_limits(if listeners.len() > 1 { 3 } else { 1 });
        watchdog::start();
        let blueprint = prepared.blueprint(None);
        let setup = WorkerSetup {
            app: Arc::new(move |app| blueprint.apply(app)),
            request_timeout: prepared.limits.request_timeout,
        };
        let threads = Threads::start(listeners, limits, &setup, prepared.settings.workers)?;
        Ok(Self {
            threads,
            dispatcher: prepared.dispatcher,
            endpoints: prepared.endpoints,
            warnings: prepared.warnings,
            addresses: prepared.addresses,
            for_platform: prepared.settings.for_platform,
            registers: prepared.settings.register,
            shutdown_timeout: prepared.limits.shutdown_timeout,
            parts: prepared.parts,
        })
    }

    /// Returns the warnings to show at start-up, one line each.
    pub(super) fn warnings(&self) -> impl Iterator<Item = String> {
        let platform = self
            .for_platform
            .then(|| banner::open_to_platform(self.addresses.local(), &self.endpoints));
        let warnings = self.warnings.iter().cloned();
        warnings
            .chain(banner::abort().map(str::to_owned))
            .chain(self.parts.iter().filter_map(|part| part.warning()))
            .chain(platform.flatten())
    }

    /// Serves until `stop` receives a deadline for the shutdown, or until a thread stops unexpectedly. Returns
    /// when every part is closed.
    pub(super) async fn serve(
        self,
        console: Console,
        stop: oneshot::Receiver<Instant>,
    ) -> io::Result<()> {
        let Self { mut threads, dispatcher, parts, shutdown_timeout, .. } = self;
        for part in parts.iter() {
            part.started(console);
        }
        let stopped = async {
            match stop.await {
                Ok(deadline) => deadline,
                // The handle was dropped, so the server runs until the program exits.
                Err(_) => std::future::pending().await,
            }
        };
        let (deadline, result) = tokio::select! {
            error = threads.failed() => (Instant::now() + shutdown_timeout, Err(error)),
            deadline = stopped => (deadline, Ok(())),
        };
        let requests = async {
            if !threads.drain(deadline).await {
                dispatcher.report_running();
                threads.abort().await;
            }
        };
        let drained = join_all(parts.iter().map(|part| part.drain(deadline)));
        tokio::join!(drained, requests);
        dispatcher.finish_log();
        for part in parts.iter().rev() {
            part.close(deadline).await;
        }
        result
    }
}

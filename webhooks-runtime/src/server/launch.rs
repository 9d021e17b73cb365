//! Starts a server: prepares it, prints the start-up messages, and serves until it is stopped.

use std::io::{self, IsTerminal};
use std::sync::Arc;

use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::handle::ServerHandle;
use super::log::{self, LogOutput};
use super::output::{FlushOnDrop, Stream, print_message};
use super::prepare::{Mode, prepare};
use super::running::RunningServer;
use super::signals::Signals;
use super::{LaunchError, WebhooksServer, banner, output, panics};
use crate::config::environment::Environment;
use crate::config::log_format::LogFormat;
use crate::config::settings::PartialSettings;
use crate::http::part::Console;
use crate::jobs::DeliveryStore;

/// Starting the server.
impl WebhooksServer {
    /// Starts the server and blocks until SIGINT (Ctrl+C) or SIGTERM stops it.
    ///
    /// Prints the URLs to standard output and log lines to standard error. In a terminal, it opens a share link by
    /// default; see [`share`](Self::share). It does not read the command line, unlike
    /// [`webhooks_main!()`](crate::webhooks_main).
    ///
    /// Panics are logged, too, unless the program has already set a panic hook.
    ///
    /// ```no_run
    /// use webhooks_runtime::{LaunchError, WebhookPayload, WebhooksServer, webhook_endpoint};
    ///
    /// #[webhook_endpoint]
    /// async fn trigger_training(payload: WebhookPayload) {}
    ///
    /// fn main() -> Result<(), LaunchError> {
    ///     WebhooksServer::new().port(8000).launch()
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns a [`LaunchError`] if the server cannot start, or if this is called in async code: use
    /// [`run`](Self::run) there.
    pub fn launch(self) -> Result<(), LaunchError> {
        self.launch_with(PartialSettings::default())
    }

    /// Launches with the settings from the command line.
    pub(crate) fn launch_with(self, flags: PartialSettings) -> Result<(), LaunchError> {
        if tokio::runtime::Handle::try_current().is_ok() {
            return Err(LaunchError::InAsyncCode);
        }
        let _flush = FlushOnDrop::new();
        // An invalid one is an error of the settings, which are checked later.
        let variable = || LogFormat::environment(&Environment::default(), &mut Vec::new());
        let format = flags.log_format.or_else(variable);
        log::init(LogOutput::StandardError(format.unwrap_or_default()));
        panics::install();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let result = runtime.block_on(self.run_with(flags));
        // Does not wait for a DNS lookup, which may block its thread for long.
        runtime.shutdown_background();
        result
    }

    /// Starts the server in the program's own runtime, and serves until SIGINT (Ctrl+C) or SIGTERM stops it.
    ///
    /// Like [`launch`](Self::launch), but it does not set up a log.
    ///
    /// ```no_run
    /// use webhooks_runtime::{LaunchError, WebhookPayload, WebhooksServer, webhook_endpoint};
    ///
    /// #[webhook_endpoint]
    /// async fn trigger_training(payload: WebhookPayload) {}
    ///
    /// #[tokio::main]
    /// async fn main() -> Result<(), LaunchError> {
    ///     WebhooksServer::new().run().await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns a [`LaunchError`] if the server cannot start.
    pub async fn run(self) -> Result<(), LaunchError> {
        let result = self.run_with(PartialSettings::default()).await;
        output::flush_messages().await;
        result
    }

    async fn run_with(self, flags: PartialSettings) -> Result<(), LaunchError> {
        let environment = Environment::default();
        let prepared = prepare(self, flags, Mode::Launched, &environment)?;
        let secret = banner::secret(&prepared.endpoints);
        let unshared = prepared.settings.unshared;
        // Before the store is opened, so that a signal stops the program while it waits for the store: the
        // first process of a container ignores signals that it does not handle.
        let mut signals = Signals::new()?;
        let opening = prepared.background.open(&prepared.dispatcher, |waiting| {
            print_message(Stream::Err, waiting);
        });
        tokio::select! {
            opened = opening => opened?,
            _ = signals.next() => return Ok(()),
        }
        let running = RunningServer::start(prepared)?;

        let terminal = io::stdout().is_terminal();
        if let Some(warning) = banner::experimental(&environment) {
            print_message(Stream::Err, warning);
        }
        for warning in running.warnings() {
            print_message(Stream::Err, &warning);
        }
        let local_url = banner::local_url(running.addresses.local());
        let parts: String = running.parts.iter().filter_map(|part| part.banner(terminal)).collect();
        print_message(Stream::Out, &format!("{secret}{local_url}{parts}"));
        if !running.parts.iter().any(|part| part.announces_url()) {
            let text = match running.addresses.public() {
                Some(url) => banner::ready(url.as_str(), &running.endpoints, running.registers),
                None => {
                    let (local, registers) = (running.addresses.local(), running.registers);
                    banner::unreachable(local, &running.endpoints, unshared, registers)
                }
            };
            print_message(Stream::Out, &text);
        }

        let limit = running.shutdown_timeout;
        let (stop, stop_receiver) = oneshot::channel();
        let signaled = async {
            signals.next().await;
            let text = format!(
                "Shutting down after the running deliveries have finished, at the latest in {limit:?}. Press Ctrl+C \
                 again to stop immediately.\n"
            );
            print_message(Stream::Err, &text);
            let _ = stop.send(Instant::now() + limit);
            signals.next().await;
        };
        tokio::select! {
            result = running.serve(Console::Terminal, stop_receiver) => Ok(result?),
            () = signaled => Ok(()),
        }
    }

    /// Starts the server inside a program or a test, and immediately returns a handle to it.
    ///
    /// It prints nothing, does not handle signals, and creates no public URL unless the settings ask for one. Several
    /// servers can run in one process.
    ///
    /// ```
    /// use webhooks_runtime::{WebhookPayload, WebhooksServer, webhook_endpoint};
    ///
    /// #[webhook_endpoint]
    /// async fn trigger_training(payload: WebhookPayload) {}
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::LaunchError> {
    /// let server = WebhooksServer::empty().endpoint(trigger_training::endpoint());
    /// let server = server.port(0).start().await?;
    /// assert!(server.local_url().starts_with("http://127.0.0.1:"));
    /// server.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns a [`LaunchError`] if the server cannot start.
    pub async fn start(self) -> Result<ServerHandle, LaunchError> {
        let environment = Environment::default();
        let prepared = prepare(self, PartialSettings::default(), Mode::Embedded, &environment)?;
        let opening = prepared.background.open(&prepared.dispatcher, |waiting| {
            tracing::warn!("{}", waiting.trim_end());
        });
        opening.await?;
        let jobs = Arc::clone(&prepared.background.jobs);
        let running = RunningServer::start(prepared)?;
        for warning in running.warnings() {
            tracing::warn!("{}", warning.trim_start_matches("Warning: ").trim_end());
        }
        let (addresses, parts) = (running.addresses.clone(), running.parts.clone());
        let store = DeliveryStore::of_server(&jobs);
        let shutdown_timeout = running.shutdown_timeout;
        let (stop, stop_receiver) = oneshot::channel();
        let (running_sender, stopped) = watch::channel(());
        // On a separate thread, so that the caller's runtime cannot block the server.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("webhooks-server".to_owned()).spawn(move || {
            // Dropped when the thread stops, even if it panics.
            let _running = running_sender;
            if let Err(error) = runtime.block_on(running.serve(Console::Log, stop_receiver)) {
                tracing::error!(%error, "the server stopped unexpectedly");
            }
            runtime.shutdown_background();
        })?;
        Ok(ServerHandle { stop, stopped, addresses, parts, store, shutdown_timeout })
    }
}

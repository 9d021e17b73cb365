//! Starts a server: prepares it, prints what a person needs, and serves until it is stopped.

use std::io::{self, IsTerminal};

use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::handle::ServerHandle;
use super::output::{Stream, WriteToEnd, say};
use super::prepare::{Mode, prepare};
use super::running::Running;
use super::signals::Signals;
use super::{LaunchError, WebhooksServer, banner, log, output, panics};
use crate::config::environment::Environment;
use crate::config::settings::PartialSettings;
use crate::http::part::Console;

/// How it is started.
impl WebhooksServer {
    /// Starts the server and blocks until SIGINT (Ctrl+C) or SIGTERM stops it.
    ///
    /// Writes the addresses to standard output and log lines to standard error, and opens a share link
    /// by default when a person looks on; see [`share`](Self::share). The command line is not read;
    /// that is for [`webhooks_main!()`](crate::webhooks_main) alone.
    ///
    /// Panics are log lines, too, unless the program has set a panic hook before.
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
    /// When the server cannot start ([`LaunchError`] says why), and when it is called in async code,
    /// where [`run`](Self::run) belongs.
    pub fn launch(self) -> Result<(), LaunchError> {
        self.launch_with(PartialSettings::default())
    }

    /// `launch` with what the command line said.
    pub(crate) fn launch_with(self, flags: PartialSettings) -> Result<(), LaunchError> {
        if tokio::runtime::Handle::try_current().is_ok() {
            return Err(LaunchError::InAsyncCode);
        }
        let _written = WriteToEnd::new();
        log::init();
        panics::install();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let ended = runtime.block_on(self.run_with(flags));
        // Without waiting for a name server that may never answer.
        runtime.shutdown_background();
        ended
    }

    /// Starts the server and serves until SIGINT or SIGTERM, for a program with a runtime of its own.
    ///
    /// Like [`launch`](Self::launch), but it leaves setting up the log to the program.
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
    /// When the server cannot start; [`LaunchError`] says why.
    pub async fn run(self) -> Result<(), LaunchError> {
        let ended = self.run_with(PartialSettings::default()).await;
        output::written().await;
        ended
    }

    async fn run_with(self, flags: PartialSettings) -> Result<(), LaunchError> {
        let environment = Environment::default();
        let prepared = prepare(self, flags, Mode::Launched, &environment)?;
        let secret = banner::secret(&prepared.endpoints);
        let unshared = prepared.settings.unshared;
        // Before the store is opened, so that a signal ends the program while it waits, even as the first
        // process of a container, which the system would not end.
        let mut signals = Signals::new()?;
        let opening = prepared.background.open(&prepared.dispatcher, |waiting| {
            say(Stream::Err, waiting);
        });
        tokio::select! {
            opened = opening => opened?,
            () = signals.next() => return Ok(()),
        }
        let running = Running::start(prepared)?;

        let terminal = io::stdout().is_terminal();
        if let Some(warning) = banner::experimental(&environment) {
            say(Stream::Err, warning);
        }
        for warning in running.warnings() {
            say(Stream::Err, &warning);
        }
        let local_url = banner::local_url(running.addresses.local());
        let parts: String = running.parts.iter().filter_map(|part| part.banner(terminal)).collect();
        say(Stream::Out, &format!("{secret}{local_url}{parts}"));
        if !running.parts.iter().any(|part| part.announces_url()) {
            let text = match running.addresses.public() {
                Some(url) => banner::ready(url.as_str(), &running.endpoints),
                None => {
                    banner::unreachable(running.addresses.local(), &running.endpoints, unshared)
                }
            };
            say(Stream::Out, &text);
        }

        let limit = running.shutdown_timeout;
        let (stop, asked) = oneshot::channel();
        let signaled = async {
            signals.next().await;
            let text = "Stopping when the running deliveries have ended. Press Ctrl+C again to stop at once.\n";
            say(Stream::Err, text);
            let _ = stop.send(Instant::now() + limit);
            signals.next().await;
        };
        tokio::select! {
            ended = running.serve(Console::Terminal, asked) => Ok(ended?),
            () = signaled => Ok(()),
        }
    }

    /// Starts the server inside a program or a test and returns at once with a handle to it.
    ///
    /// Prints nothing, leaves signals alone, and makes no public URL unless told to. Several servers can
    /// run in one process.
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
    /// When the server cannot start; [`LaunchError`] says why.
    pub async fn start(self) -> Result<ServerHandle, LaunchError> {
        let environment = Environment::default();
        let prepared = prepare(self, PartialSettings::default(), Mode::Embedded, &environment)?;
        let opening = prepared.background.open(&prepared.dispatcher, |waiting| {
            tracing::warn!("{}", waiting.trim_end());
        });
        opening.await?;
        let running = Running::start(prepared)?;
        for warning in running.warnings() {
            tracing::warn!("{}", warning.trim_start_matches("Warning: ").trim_end());
        }
        let (addresses, parts) = (running.addresses.clone(), running.parts.clone());
        let shutdown_timeout = running.shutdown_timeout;
        let (stop, asked) = oneshot::channel();
        let (end, ended) = watch::channel(());
        // On a thread of its own: the server serves whatever the caller's runtime is busy with.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("webhooks-server".to_owned()).spawn(move || {
            // Dropped when the thread ends, however it ends.
            let _end = end;
            if let Err(error) = runtime.block_on(running.serve(Console::Log, asked)) {
                tracing::error!(%error, "the server ended");
            }
            runtime.shutdown_background();
        })?;
        Ok(ServerHandle { stop, ended, addresses, parts, shutdown_timeout })
    }
}

//! Binds the port, says so, serves, and stops without losing what is running.

use std::io::{self, Write};
use std::net::{TcpListener, ToSocketAddrs};
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle as ActixHandle};
use actix_web::{App, HttpServer};
use tokio::sync::oneshot;

use super::app::guard;
use super::connection::watch;
use super::prepare::{Prepared, prepare};
use super::{LaunchError, WebhooksServer, banner, logs};
use crate::config::{Given, Ports, Settings};
use crate::endpoint::registry::Shown;
use crate::environment::Environment;

/// How long a connection may pause between two requests.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

impl WebhooksServer {
    /// Starts the server and blocks until SIGINT (Ctrl+C) or SIGTERM stops it.
    ///
    /// Writes the addresses to standard output and log lines to standard error. The command line is
    /// not read; that is for `webhooks_main!()` alone.
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
        self.launch_with(Given::default())
    }

    /// `launch` with what the command line said.
    pub(crate) fn launch_with(self, flags: Given) -> Result<(), LaunchError> {
        if tokio::runtime::Handle::try_current().is_ok() {
            return Err(LaunchError::InAsyncCode);
        }
        logs::init();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.run_with(flags))
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
        self.run_with(Given::default()).await
    }

    async fn run_with(self, flags: Given) -> Result<(), LaunchError> {
        let environment = Environment::default();
        let prepared = prepare(self, flags, &environment)?;
        // Listened for from here on, so that no signal after the first line is lost.
        let mut signals = Signals::new()?;
        let secret = banner::secret(&prepared.shown);
        let running = serve(prepared)?;

        let local_url = banner::local_url(&running.local_url);
        let ready = banner::ready(running.base(), &running.shown);
        if let Some(warning) = banner::experimental(&environment) {
            say(&mut io::stderr(), warning);
        }
        say(&mut io::stdout(), &format!("{secret}{local_url}{ready}"));

        let handle = running.server.handle();
        let mut server = std::pin::pin!(running.server);
        tokio::select! {
            ended = &mut server => return Ok(ended?),
            () = signals.next() => {}
        }
        say(
            &mut io::stderr(),
            "Stopping when the running deliveries have ended. Press Ctrl+C again to stop at once.\n",
        );
        let stopped = async { tokio::join!(handle.stop(true), &mut server).1 };
        tokio::select! {
            ended = stopped => Ok(ended?),
            () = signals.next() => Ok(()),
        }
    }

    /// Starts the server inside a program or a test and returns at once with a handle to it.
    ///
    /// Prints nothing and leaves signals alone. Several servers can run in one process.
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
        let running = serve(prepare(self, Given::default(), &Environment::default())?)?;
        let handle = running.server.handle();
        let (end, ended) = oneshot::channel();
        // On a thread of its own: the server serves whatever the caller's runtime is busy with.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("webhooks-server".to_owned()).spawn(move || {
            if let Err(error) = runtime.block_on(running.server) {
                tracing::error!(%error, "the server ended");
            }
            let _ = end.send(());
        })?;
        let (local_url, public_url) = (running.local_url, running.public_url);
        Ok(ServerHandle { handle, ended, local_url, public_url })
    }
}

/// A server that runs in the background; see [`WebhooksServer::start`].
///
/// Dropping the handle leaves the server running for as long as the program does.
#[derive(Debug)]
pub struct ServerHandle {
    handle: ActixHandle,
    ended: oneshot::Receiver<()>,
    local_url: String,
    public_url: Option<String>,
}

impl ServerHandle {
    /// The address on this machine, without a slash at its end: `http://127.0.0.1:7860`.
    #[must_use]
    pub fn local_url(&self) -> &str {
        &self.local_url
    }

    /// The address from outside, `https://user-name.hf.space` on a Space; `None` where there is none.
    #[must_use]
    pub fn public_url(&self) -> Option<String> {
        self.public_url.clone()
    }

    /// Stops the server: takes no more requests, lets the running ones end within the limit of
    /// [`shutdown_timeout`](WebhooksServer::shutdown_timeout), and closes the port.
    pub async fn stop(self) {
        self.handle.stop(true).await;
        // An error says that the thread is gone, which is just as well.
        let _ = self.ended.await;
    }
}

/// A server with its port open.
struct Running {
    server: Server,
    shown: Vec<Shown>,
    local_url: String,
    public_url: Option<String>,
}

impl Running {
    /// The address that people should use.
    fn base(&self) -> &str {
        self.public_url.as_deref().unwrap_or(&self.local_url)
    }
}

fn serve(prepared: Prepared) -> Result<Running, LaunchError> {
    let (listener, local_url) = bind(&prepared.settings)?;
    let public_url = prepared.settings.space.as_ref().and_then(crate::space::Space::url);
    let blueprint = prepared.blueprint(public_url.as_deref().unwrap_or(&local_url));
    let Prepared { settings, limits, shown, .. } = prepared;
    let app = move || App::new().wrap_fn(guard).configure(|app| blueprint.apply(app));
    let idle_limit = KEEP_ALIVE + limits.request_timeout;
    let server = HttpServer::new(app)
        .on_connect(move |connection, data| watch(connection, data, idle_limit))
        .workers(settings.workers)
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(limits.request_timeout)
        .shutdown_timeout(limits.shutdown_timeout.as_secs_f64().ceil() as u64)
        .disable_signals()
        .listen(listener)?
        .run();
    Ok(Running { server, shown, local_url, public_url })
}

/// Opens the port: the one that was asked for, or the first free one of a range.
fn bind(settings: &Settings) -> Result<(TcpListener, String), LaunchError> {
    let host = settings.host.as_str();
    let listen = |port| {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        TcpListener::bind(&*(bare, port).to_socket_addrs()?.collect::<Vec<_>>())
    };
    let (listener, ports) = match &settings.ports {
        Ports::One(port) => (listen(*port), port.to_string()),
        Ports::FirstFreeOf(range) => {
            let mut tried = listen(*range.start());
            for port in range.clone().skip(1) {
                match tried {
                    Err(error) if error.kind() == io::ErrorKind::AddrInUse => tried = listen(port),
                    _ => break,
                }
            }
            (tried, format!("{}-{}", range.start(), range.end()))
        }
    };
    let listened = listener.and_then(|listener| Ok((listener.local_addr()?.port(), listener)));
    match listened {
        Ok((port, listener)) => Ok((listener, format!("http://{}:{port}", in_url(host)))),
        Err(source) => Err(LaunchError::Bind { host: host.to_owned(), ports, source }),
    }
}

/// The host as it stands in a URL, where an IPv6 address has brackets.
fn in_url(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() }
}

/// Writes for people. When nobody reads any more, the server goes on.
fn say(stream: &mut impl Write, text: &str) {
    let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
}

/// SIGINT and, on Unix, SIGTERM.
struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    #[cfg(not(unix))]
    fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

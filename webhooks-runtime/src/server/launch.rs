//! Binds the port, says so, serves, and stops without losing what is running.

use std::io::{self, IsTerminal};
use std::iter;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::accept::slots;
use super::background::Background;
use super::connection::Origin;
use super::dispatch::Dispatcher;
#[cfg(feature = "share")]
use super::link::{Announcer, Kept};
use super::output::{Stream, WriteToEnd, say};
use super::ports::bind;
#[cfg(feature = "share")]
use super::ports::{allow_files, entrance};
use super::prepare::{Prepared, Unasked, prepare};
use super::signals::Signals;
use super::threads::Threads;
use super::visitors::Visitors;
use super::worker::Workshop;
use super::{LaunchError, WebhooksServer, banner, logs, output, panics, watchdog};
use crate::addresses::Addresses;
use crate::config::Given;
use crate::endpoint::registry::Shown;
use crate::environment::Environment;
use crate::reach::Reach;
#[cfg(feature = "share")]
use crate::share::{AnyTunnel, Event};

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
        self.launch_with(Given::default())
    }

    /// `launch` with what the command line said.
    pub(crate) fn launch_with(self, flags: Given) -> Result<(), LaunchError> {
        if tokio::runtime::Handle::try_current().is_ok() {
            return Err(LaunchError::InAsyncCode);
        }
        let _written = WriteToEnd::new();
        logs::init();
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
        let ended = self.run_with(Given::default()).await;
        output::written().await;
        ended
    }

    async fn run_with(self, flags: Given) -> Result<(), LaunchError> {
        let environment = Environment::default();
        #[cfg(feature = "share")]
        let own_process = self.link.own_process;
        let mut prepared = prepare(self, flags, Unasked::Shared, &environment)?;
        #[cfg(feature = "share")]
        if own_process && prepared.tunnel.is_some() {
            allow_files();
        }
        let secret = banner::secret(&prepared.shown);
        let unshared = prepared.settings.unshared;
        // Before the store is opened, so that a signal ends the program while it waits, even as the first
        // process of a container, which the system would not end.
        let mut signals = Signals::new()?;
        let opening = Background::open(&mut prepared, |waiting| say(Stream::Err, waiting));
        let background = tokio::select! {
            opened = opening => opened?,
            () = signals.next() => return Ok(()),
        };
        #[cfg_attr(not(feature = "share"), expect(unused_mut, reason = "the tunnel is taken out"))]
        let mut running = serve(prepared, background)?;

        let local_url = banner::local_url(running.addresses.local());
        let terminal = io::stdout().is_terminal();
        let activity = running.visitors.banner(&running.addresses, terminal).unwrap_or_default();
        if let Some(warning) = banner::experimental(&environment) {
            say(Stream::Err, warning);
        }
        let warnings = running.warnings.iter().map(String::as_str);
        for warning in warnings.chain(banner::abort()).chain(running.background.warning()) {
            say(Stream::Err, warning);
        }
        if let Some(warning) = running.open_to_platform() {
            say(Stream::Err, &warning);
        }
        let kept = running.background.place().map(banner::background);
        let kept = kept.unwrap_or_default();
        say(Stream::Out, &format!("{secret}{local_url}{activity}{kept}"));
        #[cfg(feature = "share")]
        let shared = running.open_tunnel(|announcer, event| {
            for (stream, text) in announcer.tell(event) {
                say(stream, &text);
            }
        });
        #[cfg(not(feature = "share"))]
        let shared: Option<Kept> = None;
        if shared.is_none() {
            let text = match running.addresses.public() {
                Some(url) => banner::ready(url.as_str(), &running.shown),
                None => banner::unreachable(running.addresses.local(), &running.shown, unshared),
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
            ended = running.serve(shared, asked) => Ok(ended?),
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
        let mut prepared = prepare(self, Given::default(), Unasked::Local, &environment)?;
        let opening = Background::open(&mut prepared, |waiting| {
            tracing::warn!("{}", waiting.trim_end());
        });
        let background = opening.await?;
        #[cfg_attr(not(feature = "share"), expect(unused_mut, reason = "the tunnel is taken out"))]
        let mut running = serve(prepared, background)?;
        let (addresses, visitors) = (running.addresses.clone(), running.visitors.clone());
        let warnings = running.warnings.iter().map(String::as_str);
        for warning in warnings.chain(banner::abort()).chain(running.background.warning()) {
            tracing::warn!("{}", warning.trim_start_matches("Warning: ").trim_end());
        }
        if let Some(warning) = running.open_to_platform() {
            tracing::warn!("{}", warning.trim_end());
        }
        let shutdown_timeout = running.shutdown_timeout;
        let (stop, asked) = oneshot::channel();
        let (end, ended) = watch::channel(());
        // On a thread of its own: the server serves whatever the caller's runtime is busy with.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("webhooks-server".to_owned()).spawn(move || {
            // Dropped when the thread ends, however it ends.
            let _end = end;
            #[cfg(feature = "share")]
            let shared = {
                let _inside = runtime.enter();
                running.open_tunnel(Announcer::log)
            };
            #[cfg(not(feature = "share"))]
            let shared: Option<Kept> = None;
            if let Err(error) = runtime.block_on(running.serve(shared, asked)) {
                tracing::error!(%error, "the server ended");
            }
            runtime.shutdown_background();
        })?;
        Ok(ServerHandle { stop, ended, addresses, visitors, shutdown_timeout })
    }
}

/// A server that runs in the background; see [`WebhooksServer::start`].
///
/// Dropping the handle leaves the server running for as long as the program does.
///
/// ```
/// use webhooks_runtime::WebhooksServer;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), webhooks_runtime::LaunchError> {
/// let one = WebhooksServer::empty().add_webhook("/hello", async || "hello").port(0).start().await?;
/// let two = WebhooksServer::empty().add_webhook("/hello", async || "hello").port(0).start().await?;
/// assert_ne!(one.local_url(), two.local_url());
///
/// one.stop().await;
/// two.stop().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ServerHandle {
    /// Takes the time at which the server is to have stopped.
    stop: oneshot::Sender<Instant>,
    /// Is closed when the server has ended.
    ended: watch::Receiver<()>,
    addresses: Addresses,
    #[cfg_attr(not(feature = "page"), expect(dead_code, reason = "there is no page"))]
    visitors: Visitors,
    shutdown_timeout: Duration,
}

impl ServerHandle {
    /// The address on this machine, without a slash at its end: `http://127.0.0.1:7860`.
    ///
    /// ```
    /// # use webhooks_runtime::WebhooksServer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::LaunchError> {
    /// # let server = WebhooksServer::empty().add_webhook("/hello", async || "hello").port(0);
    /// let server = server.start().await?;
    /// println!("POST {}/webhooks/hello", server.local_url());
    /// # assert!(server.local_url().starts_with("http://127.0.0.1:"));
    /// # server.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn local_url(&self) -> &str {
        self.addresses.local()
    }

    /// The address from outside, `https://user-name.hf.space` on a Space; `None` where there is none.
    ///
    /// That of a share link or a tunnel is there as soon as it stands, and stays when it is lost for a
    /// while.
    ///
    /// ```
    /// # use webhooks_runtime::WebhooksServer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::LaunchError> {
    /// # let server = WebhooksServer::empty().add_webhook("/hello", async || "hello").port(0);
    /// let server = server.public_url("https://hooks.example.com").start().await?;
    /// assert_eq!(server.public_url().as_deref(), Some("https://hooks.example.com"));
    /// # server.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn public_url(&self) -> Option<String> {
        self.addresses.public().map(|url| url.to_string())
    }

    /// The URL that opens the page with its deliveries: the public URL, if it is known by now, or else the
    /// local one, and the token, which `WEBHOOKS_PAGE_TOKEN` sets or which is made for this start. `None`
    /// when the page has nothing that needs it.
    ///
    /// Payloads can be private: give it to nobody who may not see them.
    ///
    /// ```
    /// # use webhooks_runtime::WebhooksServer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::LaunchError> {
    /// # let server = WebhooksServer::empty().add_webhook("/hello", async || "hello").port(0);
    /// let server = server.start().await?;
    /// if let Some(url) = server.activity_url() {
    ///     println!("See what arrives: {url}");
    /// }
    /// # assert!(server.activity_url().unwrap().contains("/?token="));
    /// # server.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "page")]
    #[must_use]
    pub fn activity_url(&self) -> Option<String> {
        self.visitors.activity_url(&self.addresses)
    }

    /// Waits until the server has ended: by [`stop`](Self::stop), or by itself when it cannot go on, which
    /// an ERROR line in the log explains.
    ///
    /// The future is independent of the handle, so that a task of its own can wait.
    ///
    /// ```
    /// # use webhooks_runtime::WebhooksServer;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::LaunchError> {
    /// # let server = WebhooksServer::empty().add_webhook("/hello", async || "hello").port(0);
    /// let server = server.start().await?;
    /// // The work of this program, for as long as the server serves.
    /// let work = tokio::time::sleep(Duration::from_millis(10));
    /// tokio::select! {
    ///     () = work => server.stop().await,
    ///     () = server.wait() => eprintln!("The server has ended."),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let mut ended = self.ended.clone();
        // An error says that the server's thread has ended.
        async move { while ended.changed().await.is_ok() {} }
    }

    /// Stops the server: takes no more requests, lets the running ones and the background deliveries end
    /// within the limit of [`shutdown_timeout`](WebhooksServer::shutdown_timeout), and closes the port.
    ///
    /// ```
    /// # use webhooks_runtime::WebhooksServer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::LaunchError> {
    /// # let server = WebhooksServer::empty().add_webhook("/hello", async || "hello").port(0);
    /// let server = server.start().await?;
    /// let address = server.local_url().trim_start_matches("http://").to_owned();
    /// server.stop().await;
    /// assert!(std::net::TcpStream::connect(address).is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn stop(self) {
        let Self { stop, mut ended, shutdown_timeout, .. } = self;
        // An error says that the server has ended already.
        let _ = stop.send(Instant::now() + shutdown_timeout);
        while ended.changed().await.is_ok() {}
    }
}

/// A server with its port open.
struct Running {
    threads: Threads,
    dispatcher: Arc<Dispatcher>,
    shown: Vec<Shown>,
    /// What is probably a mistake in the settings, a line each.
    warnings: Vec<String>,
    addresses: Addresses,
    for_platform: bool,
    shutdown_timeout: Duration,
    visitors: Visitors,
    background: Background,
    /// What is to be kept open, and where its connections go.
    #[cfg(feature = "share")]
    tunnel: Option<(Box<dyn AnyTunnel>, SocketAddr)>,
}

impl Running {
    /// What to say of a server that listens for a platform without a secret.
    fn open_to_platform(&self) -> Option<String> {
        let local = self.for_platform.then(|| self.addresses.local())?;
        banner::open_to_platform(local, &self.shown)
    }
}

#[cfg(feature = "share")]
impl Running {
    /// Opens the tunnel, if there is to be one, beside the server. It is open until what is returned
    /// is dropped.
    fn open_tunnel(&mut self, told: fn(&Announcer, Event)) -> Option<Kept> {
        let (tunnel, entrance) = self.tunnel.take()?;
        let (addresses, shown) = (self.addresses.clone(), self.shown.clone());
        let announcer = Announcer { addresses, shown };
        Some(Kept::open(tunnel, entrance, move |event| told(&announcer, event)))
    }
}

impl Running {
    /// Serves until the server ends by itself or `asked` says by when it is to have stopped. Returns when
    /// the background deliveries and the tunnel have ended, too.
    async fn serve(
        self,
        shared: Option<Kept>,
        asked: oneshot::Receiver<Instant>,
    ) -> io::Result<()> {
        let Self { mut threads, dispatcher, visitors, background, shutdown_timeout, .. } = self;
        let asked = async {
            match asked.await {
                Ok(deadline) => deadline,
                // Nobody is left who could ask.
                Err(_) => std::future::pending().await,
            }
        };
        let (deadline, ended) = tokio::select! {
            error = threads.failed() => (Instant::now() + shutdown_timeout, Err(error)),
            deadline = asked => (deadline, Ok(())),
        };
        visitors.dismiss();
        let stopping = async {
            if !threads.drain(deadline).await {
                dispatcher.report_running();
                threads.end().await;
            }
        };
        tokio::join!(stopping, background.stop(deadline));
        dispatcher.report_rejections();
        finish(shared, deadline).await;
        background.close().await;
        ended
    }
}

/// What there is of a tunnel without the feature: none.
#[cfg(not(feature = "share"))]
enum Kept {}

/// Closes the tunnel, if there is one.
async fn finish(shared: Option<Kept>, deadline: Instant) {
    match shared {
        None => {}
        #[cfg(feature = "share")]
        Some(kept) => kept.finish(deadline).await,
        #[cfg(not(feature = "share"))]
        Some(kept) => match (kept, deadline) {},
    }
}

fn serve(prepared: Prepared, background: Background) -> Result<Running, LaunchError> {
    let (listener, local_url) = bind(&prepared.settings)?;
    let public_url = match &prepared.settings.reach {
        Reach::At(url) => Some(url.clone()),
        _ => None,
    };
    let addresses = Addresses::new(&local_url, public_url);
    let blueprint = prepared.blueprint(&addresses, &background);
    let entrance: Option<(TcpListener, SocketAddr)> = match &prepared.settings.reach {
        Reach::Local | Reach::At(_) => None,
        #[cfg(feature = "share")]
        Reach::Link { .. } | Reach::Tunnel => Some(entrance()?),
    };
    #[cfg(feature = "share")]
    let tunnel = prepared.tunnel.zip(entrance.as_ref().map(|(_, address)| *address));
    let Prepared { settings, limits, shown, warnings, dispatcher, visitors, .. } = prepared;
    // A connection through the tunnel takes two more descriptors, at the tunnel's side.
    let slots = slots(if entrance.is_some() { 3 } else { 1 });
    watchdog::start();
    let listeners = iter::once((listener, Origin::Direct))
        .chain(entrance.map(|(listener, _)| (listener, Origin::Tunnel)));
    let workshop = Workshop { blueprint, request_timeout: limits.request_timeout };
    let threads = Threads::start(listeners.collect(), slots, &workshop, settings.workers)?;
    background.begin();
    Ok(Running {
        threads,
        dispatcher,
        shown,
        warnings,
        addresses,
        for_platform: settings.for_platform,
        shutdown_timeout: limits.shutdown_timeout,
        visitors,
        background,
        #[cfg(feature = "share")]
        tunnel,
    })
}

//! Defines the handle of a server that runs inside another program.

use std::fmt;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use crate::config::addresses::Addresses;
use crate::http::part::Parts;
use crate::jobs::enqueue::{EnqueueFuture, EnqueueRequest, EnqueueTarget, Sealed};
use crate::jobs::{DeliveryStore, EnqueueError};

/// The handle of a server that was started with [`WebhooksServer::start`](crate::WebhooksServer::start).
///
/// Dropping the handle does not stop the server: it runs until the program exits.
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
pub struct ServerHandle {
    /// Sends the deadline for the shutdown.
    pub(super) stop: oneshot::Sender<Instant>,
    /// Closed when the server has stopped.
    pub(super) stopped: watch::Receiver<()>,
    pub(super) addresses: Addresses,
    pub(super) parts: Parts,
    pub(super) store: DeliveryStore,
    pub(super) shutdown_timeout: Duration,
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

    /// Returns the public URL, on a Space `https://user-name.hf.space`; `None` if there is none.
    ///
    /// The URL of a share link or a tunnel is known once the tunnel is open. It remains known while the tunnel
    /// reconnects.
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

    /// Waits until the server has stopped: after [`stop`](Self::stop), or because of an error, which the log
    /// contains.
    ///
    /// The future does not borrow the handle, so that another task can wait.
    ///
    /// ```
    /// # use webhooks_runtime::WebhooksServer;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::LaunchError> {
    /// # let server = WebhooksServer::empty().add_webhook("/hello", async || "hello").port(0);
    /// let server = server.start().await?;
    /// // The program's other work, while the server is running.
    /// let work = tokio::time::sleep(Duration::from_millis(10));
    /// tokio::select! {
    ///     () = work => server.stop().await,
    ///     () = server.wait() => eprintln!("The server has stopped."),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let mut stopped = self.stopped.clone();
        // An error means that the server's thread has stopped.
        async move { while stopped.changed().await.is_ok() {} }
    }

    /// Stops the server: closes the port and accepts no more requests, and waits for the running requests and
    /// background deliveries for at most [`shutdown_timeout`](crate::WebhooksServer::shutdown_timeout).
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
        let Self { stop, mut stopped, shutdown_timeout, .. } = self;
        // An error means that the server has already stopped.
        let _ = stop.send(Instant::now() + shutdown_timeout);
        while stopped.changed().await.is_ok() {}
    }
}

impl Sealed for ServerHandle {}

impl EnqueueTarget for ServerHandle {
    type Enqueued = String;

    fn __enqueue(&self, request: EnqueueRequest) -> EnqueueFuture<Self::Enqueued> {
        let path = request.path();
        let enqueued = self.store.__enqueue(request);
        // The server has opened its store, unless it has no background endpoint.
        let unknown = |error| match error {
            EnqueueError::NoStore => EnqueueError::UnknownEndpoint { path: path.to_owned() },
            other => other,
        };
        enqueued.map(move |enqueued| enqueued.map_err(unknown)).boxed()
    }
}

impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandle").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

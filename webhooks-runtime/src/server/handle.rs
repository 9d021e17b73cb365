//! The handle to a server that runs inside another program.

use std::fmt;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use crate::config::addresses::Addresses;
use crate::http::part::Parts;

/// A server that runs in the background; see [`WebhooksServer::start`](crate::WebhooksServer::start).
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
pub struct ServerHandle {
    /// Takes the time at which the server is to have stopped.
    pub(super) stop: oneshot::Sender<Instant>,
    /// Is closed when the server has ended.
    pub(super) ended: watch::Receiver<()>,
    pub(super) addresses: Addresses,
    pub(super) parts: Parts,
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
        self.parts.iter().find_map(|part| part.viewer_url())
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
    /// within the limit of [`shutdown_timeout`](crate::WebhooksServer::shutdown_timeout), and closes the port.
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

impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandle").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

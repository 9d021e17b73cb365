//! Defines the builder's methods for the share link and other tunnels.

use std::path::PathBuf;

use crate::config::exposure::ExposureChoice;
use crate::config::table::setting_docs;
use crate::server::WebhooksServer;
use crate::share::Tunnel;

/// The share link and other tunnels, with the Cargo feature `share`.
impl WebhooksServer {
    #[doc = setting_docs!(share)]
    /// [`launch`](Self::launch), [`run`](Self::run) and `webhooks_main!()` open it when standard output is a terminal.
    /// Otherwise a printed line says how to enable it. [`start`](Self::start) never opens it by default.
    ///
    /// Containers are detected by `/.dockerenv`, `/run/.containerenv`, and the variables `container` and
    /// `KUBERNETES_SERVICE_HOST`; CI by the variable `CI`; a Job of the Hub by the variable `JOB_ID`.
    ///
    /// Anyone who knows the URL can call your functions, so define a secret. The URL stays the same at
    /// every start. It is derived from a secret name, which is stored in
    /// `$XDG_STATE_HOME/webhooks-runtime/share` (by default in `~/.local/state`, on Windows in
    /// `%LOCALAPPDATA%`). A program of `webhooks_main!()` has one name, identified by the folder of its
    /// `Cargo.toml` at build time; other programs have one for each working directory. `--new-share-url`
    /// creates a new name.
    ///
    /// ```
    /// # use webhooks_runtime::WebhooksServer;
    /// let server = WebhooksServer::new().share(false);
    /// ```
    pub fn share(mut self, share: bool) -> Self {
        self.settings.exposure.choice = Some(ExposureChoice::Share(share));
        self
    }

    #[doc = setting_docs!(share_with)]
    /// [`share`](Self::share) decides whether it is opened. See [`Tunnel`].
    ///
    /// ```
    /// use std::future::pending;
    /// use std::net::SocketAddr;
    /// use std::time::Duration;
    ///
    /// use webhooks_runtime::{OpenTunnel, Tunnel, TunnelError, WebhooksServer};
    ///
    /// /// A tunnel that is always open.
    /// struct AlwaysOpen;
    ///
    /// impl Tunnel for AlwaysOpen {
    ///     async fn open(&mut self, _entrance: SocketAddr) -> Result<OpenTunnel, TunnelError> {
    ///         Ok(OpenTunnel::new("https://hooks.example.com", pending()))
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::LaunchError> {
    /// let server = WebhooksServer::empty().add_webhook("/hello", async || "hello").port(0);
    /// let server = server.share_with(AlwaysOpen).share(true).start().await?;
    /// while server.public_url().is_none() {
    ///     tokio::time::sleep(Duration::from_millis(10)).await;
    /// }
    /// assert_eq!(server.public_url().as_deref(), Some("https://hooks.example.com"));
    /// # server.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn share_with(mut self, tunnel: impl Tunnel) -> Self {
        self.parts.link.custom = Some(Box::new(tunnel));
        self.settings.exposure.tunnel = true;
        self
    }

    #[doc = setting_docs!(share_server)]
    /// Without [`share_server_certificate`](Self::share_server_certificate), the connection to it is not
    /// encrypted and the public URL begins with `http`.
    ///
    /// ```
    /// # use webhooks_runtime::WebhooksServer;
    /// let server = WebhooksServer::new().share_server("share.example.com:7000");
    /// ```
    pub fn share_server(mut self, address: impl Into<String>) -> Self {
        self.settings.exposure.server = Some(address.into());
        self
    }

    #[doc = setting_docs!(share_server_certificate)]
    /// The public URL then begins with `https`.
    ///
    /// ```
    /// # use webhooks_runtime::WebhooksServer;
    /// let server = WebhooksServer::new()
    ///     .share_server("share.example.com:7000")
    ///     .share_server_certificate("/etc/ssl/share.example.com.pem");
    /// ```
    pub fn share_server_certificate(mut self, file: impl Into<PathBuf>) -> Self {
        self.settings.exposure.certificate = Some(file.into());
        self
    }
}

//! Defines the [`Tunnel`] trait, which the built-in share link and custom tunnels implement.

use std::error::Error;
use std::fmt;
use std::net::SocketAddr;

use futures_util::future::{BoxFuture, FutureExt};
use tokio_util::sync::CancellationToken;

/// A tunnel from a public URL to the server, for [`share_with`](crate::WebhooksServer::share_with).
///
/// The server opens the tunnel when it starts, and prints its URL. When the tunnel fails or ends, the server
/// waits a moment and opens it again.
///
/// ```no_run
/// use std::net::SocketAddr;
/// use std::process::Stdio;
///
/// use tokio::io::{AsyncBufReadExt, BufReader};
/// use tokio::process::Command;
/// use webhooks_runtime::{OpenTunnel, Tunnel, TunnelEnd, TunnelError, WebhooksServer};
///
/// /// `my-tunnel ADDRESS` prints the URL, and exits when the tunnel is closed.
/// struct MyTunnel;
///
/// impl Tunnel for MyTunnel {
///     async fn open(&mut self, entrance: SocketAddr) -> Result<OpenTunnel, TunnelError> {
///         let mut program = Command::new("my-tunnel")
///             .arg(entrance.to_string())
///             .stdout(Stdio::piped())
///             .kill_on_drop(true)
///             .spawn()?;
///         let mut lines = BufReader::new(program.stdout.take().ok_or("no output")?).lines();
///         let url = lines.next_line().await?.ok_or("it printed no URL")?;
///         Ok(OpenTunnel::new(url, async move {
///             TunnelEnd::Lost(match program.wait().await {
///                 Ok(status) => format!("my-tunnel ended: {status}").into(),
///                 Err(error) => error.into(),
///             })
///         }))
///     }
/// }
///
/// let server = WebhooksServer::new().share_with(MyTunnel);
/// ```
pub trait Tunnel: Send + 'static {
    /// Opens the tunnel. It must forward each connection from outside, unchanged, to `entrance`, a
    /// listener that the server opens for the tunnel alone.
    ///
    /// ```
    /// use std::net::SocketAddr;
    ///
    /// use webhooks_runtime::{OpenTunnel, Tunnel, TunnelError};
    ///
    /// /// Your own server, which forwards connections to the address it is given.
    /// struct Forwarder;
    ///
    /// impl Tunnel for Forwarder {
    ///     async fn open(&mut self, entrance: SocketAddr) -> Result<OpenTunnel, TunnelError> {
    ///         if !entrance.ip().is_loopback() {
    ///             return Err("the forwarder only reaches this machine".into());
    ///         }
    ///         // Tell the forwarder about `entrance`, and wait until it accepts connections.
    ///         Ok(OpenTunnel::new("https://hooks.example.com", std::future::pending()))
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// assert!(Forwarder.open(([127, 0, 0, 1], 7860).into()).await.is_ok());
    /// assert!(Forwarder.open(([10, 0, 0, 1], 7860).into()).await.is_err());
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the tunnel cannot be opened now. The server prints it and tries again.
    fn open(
        &mut self,
        entrance: SocketAddr,
    ) -> impl Future<Output = Result<OpenTunnel, TunnelError>> + Send;
}

/// The error of a tunnel that cannot be opened or is lost.
///
/// ```
/// use webhooks_runtime::TunnelError;
///
/// fn url(line: &str) -> Result<String, TunnelError> {
///     let url = line.strip_prefix("url: ").ok_or("the tunnel printed no URL")?;
///     Ok(url.to_owned())
/// }
///
/// assert_eq!(url("no such server").unwrap_err().to_string(), "the tunnel printed no URL");
/// ```
pub type TunnelError = Box<dyn Error + Send + Sync>;

/// The reason why an open tunnel ended.
///
/// ```
/// use std::io::Error;
///
/// use webhooks_runtime::TunnelEnd;
///
/// /// Converts the exit code of the tunnel's program.
/// fn end(code: Option<i32>) -> TunnelEnd {
///     match code {
///         Some(0) => TunnelEnd::Expired,
///         _ => TunnelEnd::Lost(Error::other("the tunnel's program failed").into()),
///     }
/// }
///
/// assert!(matches!(end(Some(0)), TunnelEnd::Expired));
/// ```
#[derive(Debug)]
pub enum TunnelEnd {
    /// The tunnel reached the end of its lifetime.
    Expired,
    /// The tunnel failed.
    Lost(TunnelError),
}

/// An open tunnel.
///
/// ```
/// use webhooks_runtime::{OpenTunnel, TunnelEnd};
///
/// // This tunnel is open for an hour.
/// let tunnel = OpenTunnel::new("https://hooks.example.com", async {
///     tokio::time::sleep(std::time::Duration::from_secs(3600)).await;
///     TunnelEnd::Expired
/// });
/// ```
pub struct OpenTunnel {
    pub(super) url: String,
    pub(super) closed: BoxFuture<'static, TunnelEnd>,
    /// A note for the user about the lifetime of the URL.
    pub(super) note: Option<String>,
    /// Cancelled to drain the tunnel: `closed` then completes when all responses are sent.
    pub(super) drain: Option<CancellationToken>,
}

impl OpenTunnel {
    /// Creates a tunnel with this public URL, `https://…` or `http://…`.
    ///
    /// The tunnel forwards connections while `closed` is polled, and ends when `closed` completes. Dropping
    /// `closed` closes it.
    ///
    /// ```
    /// use webhooks_runtime::OpenTunnel;
    ///
    /// // This tunnel is open until the program ends.
    /// let tunnel = OpenTunnel::new("https://hooks.example.com", std::future::pending());
    /// ```
    pub fn new(
        url: impl Into<String>,
        closed: impl Future<Output = TunnelEnd> + Send + 'static,
    ) -> Self {
        Self { url: url.into(), closed: closed.boxed(), note: None, drain: None }
    }
}

impl fmt::Debug for OpenTunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenTunnel").field("url", &self.url).finish_non_exhaustive()
    }
}

//! The public link: a way from the internet to a server on a machine that nobody can reach.
//!
//! [`Tunnel`] is what any such way is, `keep` keeps one open. `link` is the one that needs nothing but
//! this program, made of a module for each layer, from the outside in: `address` finds the share
//! server, `transport` connects to it, through a proxy with `connect`, if it can `trust` it, `session` opens streams over the
//! connection, `control` says on the first of them what is wanted, in messages (`message`) in frames
//! (`framing`) in a `cipher`, and `relay` offers the others for connections from outside, which `carry`
//! carries. `identity` keeps the name that the URL is made of, and `patience` ends for those who take
//! nothing.
//!
//! The protocol is that of the share links of gradio.live: <https://github.com/huggingface/frp>.

mod address;
mod carry;
mod cipher;
mod connect;
mod control;
mod framing;
mod identity;
mod keep;
mod link;
mod message;
mod patience;
mod relay;
mod session;
mod transport;
mod trust;

pub(crate) use address::{Address, TUNNEL_REQUEST_HOST};
pub(crate) use identity::{Owner, folder};
pub(crate) use keep::{AnyTunnel, Event, keep};
pub(crate) use link::{ShareLink, Through};
pub(crate) use trust::{Tls, tls};

use std::error::Error;
use std::fmt;
use std::net::SocketAddr;

use futures_util::future::{BoxFuture, FutureExt};
use tokio_util::sync::CancellationToken;

/// A way to reach the server from outside, for [`share_with`](crate::WebhooksServer::share_with).
///
/// The server opens it when it starts, prints the URL, and opens it again, after a while, whenever it
/// fails or ends.
///
/// ```no_run
/// use std::net::SocketAddr;
/// use std::process::Stdio;
///
/// use tokio::io::{AsyncBufReadExt, BufReader};
/// use tokio::process::Command;
/// use webhooks_runtime::{OpenTunnel, Tunnel, TunnelEnd, TunnelError, WebhooksServer};
///
/// /// `my-tunnel ADDRESS` prints the URL and runs for as long as it stands.
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
    /// Opens the tunnel: connections from outside are to be carried, as they come, to `entrance`,
    /// where the server listens for nothing else.
    ///
    /// ```
    /// use std::net::SocketAddr;
    ///
    /// use webhooks_runtime::{OpenTunnel, Tunnel, TunnelError};
    ///
    /// /// A server of one's own that passes on whatever it is sent, to an address that it is told.
    /// struct Forwarder;
    ///
    /// impl Tunnel for Forwarder {
    ///     async fn open(&mut self, entrance: SocketAddr) -> Result<OpenTunnel, TunnelError> {
    ///         if !entrance.ip().is_loopback() {
    ///             return Err("the forwarder only reaches this machine".into());
    ///         }
    ///         // Tell it to pass everything on to `entrance`, and wait until it does.
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
    /// When it cannot be opened now. The error is shown to the user, and it is tried again.
    fn open(
        &mut self,
        entrance: SocketAddr,
    ) -> impl Future<Output = Result<OpenTunnel, TunnelError>> + Send;
}

/// Why a tunnel cannot be opened, or is lost.
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

/// How an open tunnel ended.
///
/// ```
/// use std::io::Error;
///
/// use webhooks_runtime::TunnelEnd;
///
/// /// How a tunnel ended whose program ended like this.
/// fn end(code: Option<i32>) -> TunnelEnd {
///     match code {
///         Some(0) => TunnelEnd::Expired,
///         _ => TunnelEnd::Lost(Error::other("the tunnel's program broke off").into()),
///     }
/// }
///
/// assert!(matches!(end(Some(0)), TunnelEnd::Expired));
/// ```
#[derive(Debug)]
pub enum TunnelEnd {
    /// It was open for as long as it may be.
    Expired,
    /// It broke.
    Lost(TunnelError),
}

/// A tunnel that is open.
///
/// ```
/// use webhooks_runtime::{OpenTunnel, TunnelEnd};
///
/// // One that lasts for an hour.
/// let tunnel = OpenTunnel::new("https://hooks.example.com", async {
///     tokio::time::sleep(std::time::Duration::from_secs(3600)).await;
///     TunnelEnd::Expired
/// });
/// ```
pub struct OpenTunnel {
    url: String,
    closed: BoxFuture<'static, TunnelEnd>,
    /// Something that the user should know about the URL.
    note: Option<String>,
    /// Cancelled when nothing more is to be carried. `closed` ends by itself then, when all that was on
    /// its way has gone out.
    finish: Option<CancellationToken>,
}

impl OpenTunnel {
    /// A tunnel with this public URL, `https://…` or `http://…`, that carries connections while
    /// `closed` is polled, and ends with it. It is closed when `closed` is dropped.
    ///
    /// ```
    /// use webhooks_runtime::OpenTunnel;
    ///
    /// // One that lasts for as long as the program.
    /// let tunnel = OpenTunnel::new("https://hooks.example.com", std::future::pending());
    /// ```
    pub fn new(
        url: impl Into<String>,
        closed: impl Future<Output = TunnelEnd> + Send + 'static,
    ) -> Self {
        Self { url: url.into(), closed: closed.boxed(), note: None, finish: None }
    }
}

impl fmt::Debug for OpenTunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenTunnel").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Bytes in lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

//! Opens the public URL: a tunnel from the internet to a server on a machine that has no public address.
//!
//! - `tunnel` defines the [`Tunnel`] trait, which users can implement.
//! - `reconnect` keeps any tunnel open.
//! - `link` is the built-in tunnel, the share link.
//!
//! The layers of the share link, from the outside in:
//!
//! - `discovery` looks up the share server's address, `certificates` decides which TLS certificates to trust.
//! - `identity` stores the secret name that the URL is derived from.
//! - `transport` connects to the share server.
//! - `session` multiplexes streams over the connection.
//! - `control` logs in and requests the URL on the first stream, with messages (`message`) in frames
//!   (`framing`), encrypted (`cipher`).
//! - `relay` opens a stream for each connection from the internet, `forward` copies its bytes, and
//!   `write_timeout` ends a connection whose client no longer reads.
//!
//! The protocol is that of gradio.live's share links: <https://github.com/huggingface/frp>.

mod bytes;
mod certificates;
mod cipher;
mod control;
mod discovery;
mod forward;
mod framing;
mod identity;
mod link;
mod message;
mod reconnect;
mod relay;
mod session;
mod transport;
mod tunnel;
mod write_timeout;

pub(crate) use certificates::{ClientTls, client_tls};
pub(crate) use discovery::{DISCOVERY_HOST, ServerAddress};
pub(crate) use identity::{NameSlot, default_folder};
pub(crate) use link::{ServerLocation, ShareLink};
pub(crate) use reconnect::{DynTunnel, TunnelEvent, keep_open};
pub use tunnel::{OpenTunnel, Tunnel, TunnelEnd, TunnelError};

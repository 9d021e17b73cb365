//! Connects to other servers, through the environment's proxy and with the system's root certificates.
//!
//! - `client` sends HTTP requests.
//! - `proxy` finds the proxy for a host, and connects through it.
//! - `reason` explains why a server cannot be reached.
//! - `roots` loads the root certificates.

mod client;
mod proxy;
mod reason;
pub(crate) mod roots;

pub(crate) use client::{ClientError, HttpClient};
pub(crate) use proxy::{HttpProxy, ProxyError, is_this_machine};
pub(crate) use reason::{is_unknown_host, reason};

//! Applies timeouts to each client's connection, and limits how many connections are open.
//!
//! actix-web has timeouts for the head of a connection's first request and for the time between two requests.
//! It has none for the head of a later request, for a request body that no extractor reads, or for a client that
//! never reads its responses. It also drops a running function when its client resets the connection. So the
//! server wraps each socket in a `Connection`, which has the missing timeouts and keeps such a function running.
//!
//! - `stream` is the wrapper that actix-web reads from and writes to.
//! - `state` is shared between a connection and its requests.
//! - `active_request` marks a request that has not received its whole response yet.
//! - `limit` counts the open connections.

mod active_request;
mod limit;
mod state;
mod stream;

pub(crate) use active_request::ActiveRequest;
pub(crate) use limit::{ConnectionLimit, ConnectionPermit};
pub(crate) use state::ConnectionState;
pub(crate) use stream::{Connection, ConnectionTimeouts};

/// The listener that a connection came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The server's public listener.
    Direct,
    /// The tunnel's listener, so the client is somewhere on the internet.
    Tunnel,
}

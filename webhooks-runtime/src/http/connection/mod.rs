//! Holds one client's connection and its time limits.
//!
//! actix-web limits how long the first request's head takes and how long a connection pauses between
//! two requests. It limits neither the head of a later request, nor a request body that nobody reads,
//! nor a client that never reads its responses, and it drops a running function when its client resets
//! the connection. So the server hands actix-web the stream of this module in place of the socket. The limits
//! live in the stream, need no second descriptor, and end with the connection.
//!
//! - `stream` is the connection as actix-web reads and writes it
//! - `state` is what its requests see and change
//! - `serving` marks a request that is being served
//! - `slots` limits the number of open connections

mod serving;
mod slots;
mod state;
mod stream;

pub(crate) use serving::Serving;
pub(crate) use slots::{Slot, Slots};
pub(crate) use state::ConnectionState;
pub(crate) use stream::{Connection, ConnectionLimits};

/// The listener that a connection came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The address that the server announces.
    Direct,
    /// The tunnel's own listener, so the client is somewhere on the internet.
    Tunnel,
}

//! What an optional capability of a server implements: the dashboard, background deliveries, the tunnel.
//!
//! A request's way and the life of the process know no capability by name. They call every part at these
//! points, in the order in which `server::parts` composes them.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use actix_web::web::ServiceConfig;
use futures_util::future::{BoxFuture, ready};
use serde::Serialize;
use tokio::time::Instant;

use super::outcome::Observer;

/// The optional capabilities of a server.
pub(crate) type Parts = Arc<[Arc<dyn Part>]>;

/// An optional capability of a server. Every method has a default that does nothing.
pub(crate) trait Part: Send + Sync {
    /// Adds the part's routes to a worker's app.
    fn routes(&self, _app: &mut ServiceConfig) {}

    /// Returns the part's observer of deliveries.
    fn observer(&self) -> Option<Arc<dyn Observer>> {
        None
    }

    /// Opens the part's own listener, whose connections come from outside whatever their address. It is
    /// called once, before the workers start.
    ///
    /// # Errors
    ///
    /// When it cannot listen.
    fn listen(&self) -> io::Result<Option<TcpListener>> {
        Ok(None)
    }

    /// Begins the part's work: the server serves.
    fn started(&self, _console: Console) {}

    /// Returns whether the part prints the endpoints' URLs once it knows the public one.
    fn announces_url(&self) -> bool {
        false
    }

    /// Returns lines for the start's output. `terminal` is whether a person reads them.
    fn banner(&self, _terminal: bool) -> Option<String> {
        None
    }

    /// Returns the URL that opens the page with its token.
    fn viewer_url(&self) -> Option<String> {
        None
    }

    /// Returns a warning for the start's output.
    fn warning(&self) -> Option<String> {
        None
    }

    /// Reports the part's health.
    fn health(&self) -> BoxFuture<'_, Option<StoreHealth>> {
        Box::pin(ready(None))
    }

    /// Lets the part's work end by `deadline`, while the server lets its requests end.
    fn drain(&self, _deadline: Instant) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }

    /// Closes the part by `deadline`, after the last request has ended.
    fn close(&self, _deadline: Instant) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }
}

/// Where a part reports what happens while the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Console {
    /// To the person at the terminal: the program is the server.
    Terminal,
    /// To the log: the server runs inside another program.
    Log,
}

/// The status of a server that does all that it should.
pub(crate) const OK: &str = "ok";

/// The status while nothing can be accepted.
pub(crate) const UNAVAILABLE: &str = "unavailable";

/// The health of a store of background deliveries, and of the functions that run.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct StoreHealth {
    pub(crate) store: StoreStatus,
    /// The age of the delivery that has been due for longest; `null` when none is due.
    pub(crate) oldest_queued_seconds: Option<u64>,
    /// How many functions of this process run on after their timeout.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) timed_out_still_running: usize,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct StoreStatus {
    pub(crate) kind: &'static str,
    pub(crate) status: &'static str,
}

impl StoreHealth {
    /// Returns the status of the whole server.
    pub(super) fn status(&self) -> &'static str {
        match self {
            Self { store: StoreStatus { status: UNAVAILABLE, .. }, .. } => UNAVAILABLE,
            // They hold slots that they should have left.
            Self { timed_out_still_running: 1.., .. } => "degraded",
            _ => OK,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

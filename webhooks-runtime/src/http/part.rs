//! Defines the trait of a server's optional capabilities: the dashboard, background deliveries and the tunnel.
//!
//! The code that handles requests and that starts and stops the server does not know the capabilities by name. It
//! calls each part through this trait, in the order in which `server::parts` composes them.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use actix_web::web::ServiceConfig;
use futures_util::future::{BoxFuture, ready};
use serde::Serialize;
use tokio::time::Instant;

use super::background::KnownDeliveries;
use super::intercept::Interceptor;
use super::outcome::Observer;
use super::webhook_status::WebhooksHealth;
use crate::jobs::JobsObserver;
use crate::trace::Tracer;

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

    /// Returns what responds in place of functions, to requests that deliver nothing.
    fn interceptor(&self) -> Option<Arc<dyn Interceptor>> {
        None
    }

    /// Returns what finds a delivery that the part has made for what arrives again.
    fn known_deliveries(&self) -> Option<Arc<dyn KnownDeliveries>> {
        None
    }

    /// Returns the part's observer of background deliveries.
    fn jobs_observer(&self) -> Option<Arc<dyn JobsObserver>> {
        None
    }

    /// Returns what starts the spans of deliveries.
    fn tracer(&self) -> Option<Arc<dyn Tracer>> {
        None
    }

    /// Opens the part's own listener, whose connections count as connections from the internet. Called once, before
    /// the workers start.
    ///
    /// # Errors
    ///
    /// Returns an error if it cannot listen.
    fn listen(&self) -> io::Result<Option<TcpListener>> {
        Ok(None)
    }

    /// Starts the part's work, once the server accepts connections.
    fn started(&self, _console: Console) {}

    /// Returns whether the part prints the endpoints' URLs when the public URL is known.
    fn announces_url(&self) -> bool {
        false
    }

    /// Returns lines for the start-up message. `terminal` is whether standard output is a terminal.
    fn banner(&self, _terminal: bool) -> Option<String> {
        None
    }

    /// Returns the URL that opens the page with its token.
    fn viewer_url(&self) -> Option<String> {
        None
    }

    /// Returns a warning for the start-up message.
    fn warning(&self) -> Option<String> {
        None
    }

    /// Reports the part's health.
    fn health(&self) -> BoxFuture<'_, Option<StoreHealth>> {
        Box::pin(ready(None))
    }

    /// Reports the health of the webhooks that the part registers on the Hub.
    fn webhooks(&self) -> Option<WebhooksHealth> {
        None
    }

    /// Finishes the part's work by `deadline`, while the server finishes its requests.
    fn drain(&self, _deadline: Instant) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }

    /// Closes the part by `deadline`, after the last request.
    fn close(&self, _deadline: Instant) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }
}

/// The output for a part's messages while the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Console {
    /// The terminal, if the program is the server.
    Terminal,
    /// The log, if the server runs inside another program.
    Log,
}

/// The status of a healthy server.
pub(crate) const OK: &str = "ok";

/// The status while the server works in part.
pub(crate) const DEGRADED: &str = "degraded";

/// The status while no background delivery can be accepted.
pub(crate) const UNAVAILABLE: &str = "unavailable";

/// The health of a store of background deliveries, and of the functions that run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct StoreHealth {
    pub(crate) store: StoreStatus,
    /// The age of the oldest due delivery; `null` if none is due.
    pub(crate) oldest_queued_seconds: Option<u64>,
    /// The number of functions in this process that are still running after their timeout.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) timed_out_still_running: usize,
    /// The paths of the endpoints whose deliveries do not run until a person resumes them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) paused: Vec<String>,
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
            // They occupy slots that other deliveries need.
            Self { timed_out_still_running: 1.., .. } => DEGRADED,
            _ => OK,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

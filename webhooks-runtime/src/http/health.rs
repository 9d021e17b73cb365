//! `GET /health`: whether the server serves, for load balancers and Spaces.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{self, ServiceConfig};
use serde::Serialize;

use super::app::Parts;

/// The status of a server that does all that it should.
pub(crate) const OK: &str = "ok";

/// The status while nothing can be accepted.
pub(crate) const UNAVAILABLE: &str = "unavailable";

/// The response. It reports nothing about the program but that it serves, and the health of its store.
#[derive(Serialize)]
struct Health {
    /// `ok`; `degraded` while functions run on after their timeout; `unavailable` while the store is lost,
    /// and background deliveries get 503. The HTTP status is always 200: a restart helps with neither.
    status: &'static str,
    #[serde(flatten)]
    store: Option<StoreHealth>,
}

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
    fn status(&self) -> &'static str {
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

/// Adds the route.
pub(super) fn health(app: &mut ServiceConfig, parts: &Parts) {
    let parts = parts.clone();
    let respond = move || {
        let parts = parts.clone();
        async move {
            let mut store = None;
            for part in parts.iter() {
                store = store.or(part.health().await);
            }
            let status = store.map_or(OK, |store| store.status());
            let health = Health { status, store };
            HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(health)
        }
    };
    app.route("/health", web::get().to(respond.clone()));
    app.route("/health", web::head().to(respond));
}

//! Responds to `GET /health`, for load balancers and Spaces.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{self, ServiceConfig};
use serde::Serialize;

use super::part::{OK, Parts, StoreHealth};

/// The response. Anyone can read it, so it contains only the status of the server and of its store.
#[derive(Serialize)]
struct Health {
    /// `ok`; `degraded` while functions are still running after their timeout; `unavailable` while the store cannot
    /// be used, so that background deliveries get 503. The HTTP status is always 200, because a restart would not
    /// help.
    status: &'static str,
    #[serde(flatten)]
    store: Option<StoreHealth>,
}

/// Adds the route to an app.
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

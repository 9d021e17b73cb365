//! `GET /health`: whether the server serves, for load balancers and Spaces.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{self, ServiceConfig};
use serde::Serialize;

use super::part::{OK, Parts, StoreHealth};

/// The response. It reports nothing about the program but that it serves, and the health of its store.
#[derive(Serialize)]
struct Health {
    /// `ok`; `degraded` while functions run on after their timeout; `unavailable` while the store is lost,
    /// and background deliveries get 503. The HTTP status is always 200: a restart helps with neither.
    status: &'static str,
    #[serde(flatten)]
    store: Option<StoreHealth>,
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

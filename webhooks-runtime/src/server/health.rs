//! `GET /health`: whether the server serves, for load balancers and Spaces.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{self, ServiceConfig};
use serde::Serialize;

use super::background::{Background, OK, StoreHealth};

/// The answer. It says nothing about the program but that it is there, and how its store is.
#[derive(Serialize)]
struct Health {
    /// `ok`; `degraded` while functions run on after their timeout; `unavailable` while the store is lost,
    /// and background deliveries get 503. The HTTP status is always 200: a restart helps with neither.
    status: &'static str,
    #[serde(flatten)]
    background: Option<StoreHealth>,
}

/// Adds the route.
pub(super) fn health(app: &mut ServiceConfig, background: &Background) {
    let background = background.clone();
    let answer = move || {
        let background = background.clone();
        async move {
            let background = background.health().await;
            let status = background.map_or(OK, |background| background.status());
            let health = Health { status, background };
            HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(health)
        }
    };
    app.route("/health", web::get().to(answer.clone()));
    app.route("/health", web::head().to(answer));
}

//! `GET /health`: whether the server serves, for load balancers and Spaces.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{self, ServiceConfig};
use serde::Serialize;

use super::background::{Background, StoreHealth};

/// The answer. It says nothing about the program but that it is there, and how its store is.
#[derive(Serialize)]
struct Health {
    /// `ok` or `degraded`, when functions run on after their timeout. The code is 200 in either case, and a
    /// store that is lost for a while changes nothing: what restarts servers by this is to leave them alone.
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
            let degraded = background.is_some_and(|background| background.is_degraded());
            let status = if degraded { "degraded" } else { "ok" };
            let health = Health { status, background };
            HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(health)
        }
    };
    app.route("/health", web::get().to(answer.clone()));
    app.route("/health", web::head().to(answer));
}

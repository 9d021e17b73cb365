//! `GET /health`: whether the server serves, for load balancers and Spaces.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{self, ServiceConfig};
use serde::Serialize;

use super::background::{Background, StoreHealth};

/// The answer. It says nothing about the program but that it is there, and how its store is.
#[derive(Serialize)]
struct Health {
    /// Of the server alone: a store that is lost for a while needs no restart, so that what restarts
    /// servers by this is to leave it alone.
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
            let health = Health { status: "ok", background: background.health().await };
            HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(health)
        }
    };
    app.route("/health", web::get().to(answer.clone()));
    app.route("/health", web::head().to(answer));
}

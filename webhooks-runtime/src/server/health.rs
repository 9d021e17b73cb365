//! `GET /health`: whether the server serves, for load balancers and Spaces.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{self, ServiceConfig};
use serde_json::json;

/// Adds the route. It says nothing about the program but that it is there.
pub(super) fn health(app: &mut ServiceConfig) {
    let answer = async || {
        HttpResponse::Ok()
            .insert_header((CACHE_CONTROL, "no-store"))
            .json(json!({ "status": "ok" }))
    };
    app.route("/health", web::get().to(answer));
    app.route("/health", web::head().to(answer));
}

//! Responds to `GET /health`, for load balancers and Spaces.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{self, ServiceConfig};
use serde::Serialize;

use super::part::{DEGRADED, OK, Parts, StoreHealth};
use super::webhook_status::WebhooksHealth;

/// The response. Anyone can read it, so it contains only the status of the server, of its store and of its webhooks.
#[derive(Serialize)]
struct Health {
    /// `ok`; `degraded` while functions are still running after their timeout, or the Hub has suspended a webhook;
    /// `unavailable` while the store cannot be used, so that background deliveries get 503. The HTTP status is always
    /// 200, because a restart would not help.
    status: &'static str,
    #[serde(flatten)]
    store: Option<StoreHealth>,
    /// Only of a server that registers its webhooks.
    #[serde(skip_serializing_if = "Option::is_none")]
    webhooks: Option<WebhooksHealth>,
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
            let webhooks = parts.iter().find_map(|part| part.webhooks());
            let status = match store.as_ref().map_or(OK, StoreHealth::status) {
                OK if webhooks.is_some_and(|webhooks| webhooks.is_degraded()) => DEGRADED,
                status => status,
            };
            let health = Health { status, store, webhooks };
            HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(health)
        }
    };
    app.route("/health", web::get().to(respond.clone()));
    app.route("/health", web::head().to(respond));
}

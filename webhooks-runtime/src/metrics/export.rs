//! Responds to `GET /metrics`.

use std::fmt;
use std::sync::Arc;

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderName, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::registry::Registry;
use serde_json::json;

use super::access::ScrapeAccess;
use super::part::TOKEN_VARIABLE;
use super::scrape::Sources;

/// The text format of OpenMetrics.
const OPEN_METRICS: (HeaderName, &str) =
    (CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8");

/// All metrics, and who may read them.
pub(super) struct Export {
    /// The metrics that are updated as things happen.
    pub(super) registry: Registry,
    pub(super) sources: Sources,
    pub(super) access: ScrapeAccess,
}

impl Export {
    /// Adds the route to an app.
    pub(super) fn route(self: &Arc<Self>, app: &mut ServiceConfig) {
        let export = Arc::clone(self);
        let respond = move |request: HttpRequest| {
            let export = Arc::clone(&export);
            async move { export.respond(&request).await }
        };
        app.route("/metrics", web::get().to(respond.clone()));
        app.route("/metrics", web::head().to(respond));
    }

    async fn respond(&self, request: &HttpRequest) -> HttpResponse {
        if !self.access.allows(request) {
            let error = match self.access {
                ScrapeAccess::Nobody => format!(
                    "Nobody can read the metrics here: set {TOKEN_VARIABLE}, or serve them on a port of their own \
                     with --metrics-port."
                ),
                _ => format!(
                    "The metrics need the header `Authorization: Bearer` with the value of {TOKEN_VARIABLE}."
                ),
            };
            return HttpResponse::Unauthorized()
                .insert_header((WWW_AUTHENTICATE, "Bearer"))
                .insert_header((CACHE_CONTROL, "no-store"))
                .json(json!({ "error": error }));
        }
        let Ok(text) = self.text().await else {
            return HttpResponse::InternalServerError().finish();
        };
        HttpResponse::Ok()
            .insert_header(OPEN_METRICS)
            .insert_header((CACHE_CONTROL, "no-store"))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .body(text)
    }

    async fn text(&self) -> Result<String, fmt::Error> {
        let current = self.sources.read().await;
        let mut text = String::new();
        encode_registry(&mut text, &self.registry)?;
        encode_registry(&mut text, &current)?;
        encode_eof(&mut text)?;
        Ok(text)
    }
}

//! Serves the OpenAPI document of the endpoints at `/openapi.json`, and redirects `/docs` to the page.

use std::sync::{Arc, OnceLock};

use actix_web::http::header::LOCATION;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, guard};

use super::file::{Caching, StaticFile};
use crate::endpoint::registry::EndpointInfo;
use crate::http::part::Part;
use crate::openapi::document;

/// The OpenAPI document.
#[derive(Clone, Debug)]
pub(super) struct OpenApi {
    endpoints: Arc<[EndpointInfo]>,
    version: &'static str,
    /// Made at the first request, so that it doesn't delay the start.
    document: Arc<OnceLock<StaticFile>>,
}

impl OpenApi {
    /// Returns the document of these endpoints, in a program of this version.
    pub(super) fn new(endpoints: &[EndpointInfo], version: &'static str) -> Self {
        Self { endpoints: endpoints.into(), version, document: Arc::default() }
    }

    fn document(&self) -> serde_json::Result<&StaticFile> {
        if let Some(document) = self.document.get() {
            return Ok(document);
        }
        let text = serde_json::to_vec(&document(&self.endpoints, self.version)?)?;
        Ok(self.document.get_or_init(|| StaticFile::new("application/json", text)))
    }
}

impl Part for OpenApi {
    fn routes(&self, app: &mut ServiceConfig) {
        let this = self.clone();
        let respond = move |request: HttpRequest| {
            let response = this.document().map(|file| file.respond(&request, Caching::Revalidate));
            async { response.unwrap_or_else(HttpResponse::from_error) }
        };
        let read = || web::route().guard(guard::Any(guard::Get()).or(guard::Head()));
        app.route("/openapi.json", read().to(respond));
        // Relative, since a proxy can serve the page anywhere.
        for (path, page) in [("/docs", "./"), ("/docs/", "../")] {
            let redirect = move || async move {
                HttpResponse::TemporaryRedirect().insert_header((LOCATION, page)).finish()
            };
            app.route(path, read().to(redirect));
        }
    }
}

//! Serves what programs and people read about the endpoints: the OpenAPI document at `/openapi.json`
//! and, with the feature `docs`, its viewer at `/docs`.

use std::sync::{Arc, OnceLock};

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, guard};

#[cfg(feature = "docs")]
use super::viewer::Viewer;
use crate::endpoint::registry::Shown;
use crate::files::{File, Keep};
use crate::openapi::document;

/// The document, and what shows it.
#[derive(Clone, Debug)]
pub(super) struct Description {
    endpoints: Arc<[Shown]>,
    version: &'static str,
    /// Written when somebody asks for it first, so that a server that nobody asks starts no later.
    document: Arc<OnceLock<File>>,
    #[cfg(feature = "docs")]
    viewer: Viewer,
}

impl Description {
    /// Of these endpoints, in a program of this version.
    #[cfg_attr(not(feature = "docs"), expect(unused_variables, reason = "it is about the viewer"))]
    pub(super) fn new(endpoints: &[Shown], version: &'static str, on_space: bool) -> Self {
        Self {
            endpoints: endpoints.into(),
            version,
            document: Arc::default(),
            #[cfg(feature = "docs")]
            viewer: Viewer::new(on_space),
        }
    }

    /// Adds both to an app.
    pub(super) fn apply(&self, app: &mut ServiceConfig) {
        let this = self.clone();
        let answer = move |request: HttpRequest| {
            let answer = this.document().map(|file| file.answer(&request, Keep::UntilChanged));
            async { answer.unwrap_or_else(HttpResponse::from_error) }
        };
        let read = guard::Any(guard::Get()).or(guard::Head());
        app.route("/openapi.json", web::route().guard(read).to(answer));
        #[cfg(feature = "docs")]
        self.viewer.apply(app);
    }

    fn document(&self) -> serde_json::Result<&File> {
        if let Some(written) = self.document.get() {
            return Ok(written);
        }
        let text = serde_json::to_vec(&document(&self.endpoints, self.version)?)?;
        Ok(self.document.get_or_init(|| File::new("application/json", text)))
    }
}

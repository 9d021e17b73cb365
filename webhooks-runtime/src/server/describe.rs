//! Serves what programs and people read about the endpoints: the OpenAPI document at `/openapi.json`
//! and, with the feature `docs`, its viewer at `/docs`.

use std::io;

use actix_web::web::ServiceConfig;

#[cfg(feature = "docs")]
use super::viewer::Viewer;
use crate::endpoint::registry::Shown;
use crate::files::{File, Keep};
use crate::openapi::document;

/// The document, and what shows it.
#[derive(Clone, Debug)]
pub(super) struct Description {
    document: File,
    #[cfg(feature = "docs")]
    viewer: Viewer,
}

impl Description {
    /// Of these endpoints, in a program of this version.
    #[cfg_attr(not(feature = "docs"), expect(unused_variables, reason = "it is about the viewer"))]
    pub(super) fn new(endpoints: &[Shown], version: &str, on_space: bool) -> io::Result<Self> {
        let document = serde_json::to_vec(&document(endpoints, version)?)?;
        Ok(Self {
            document: File::new("application/json", document),
            #[cfg(feature = "docs")]
            viewer: Viewer::new(on_space),
        })
    }

    /// Adds both to an app.
    pub(super) fn apply(&self, app: &mut ServiceConfig) {
        self.document.serve(app, "/openapi.json", Keep::UntilChanged);
        #[cfg(feature = "docs")]
        self.viewer.apply(app);
    }
}

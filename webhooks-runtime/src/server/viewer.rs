//! The viewer of the OpenAPI document at `/docs`: Swagger UI, served from the program.
//!
//! The page around it, its start and a few rules of style are files of our own, so that nothing is
//! inline. Its files have addresses that change with their content, and are kept for good.

use std::borrow::Cow;
use std::sync::Arc;

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::{self, Bytes, ServiceConfig};
use actix_web::{HttpResponse, guard};
use utoipa_swagger_ui::Config;

use crate::files::{File, Keep};

/// The files of Swagger UI that are needed, with their content types.
const THEIRS: [(&str, &str); 2] = [
    ("swagger-ui.css", "text/css; charset=utf-8"),
    ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
];

/// The page, with `{files}` for where its files are.
const PAGE: &str = include_str!("assets/docs.html");

/// The page and its files.
#[derive(Clone, Debug)]
pub(super) struct Viewer {
    page: Bytes,
    policy: Arc<str>,
    /// Each with its path.
    files: Arc<[(String, File)]>,
}

impl Viewer {
    pub(super) fn new(on_space: bool) -> Self {
        let mut files = vec![
            ("docs.css", File::new("text/css; charset=utf-8", include_str!("assets/docs.css"))),
            (
                "docs.js",
                File::new("text/javascript; charset=utf-8", include_str!("assets/docs.js")),
            ),
        ];
        let icon = include_str!("../page/assets/icon.svg");
        files.push(("icon.svg", File::new("image/svg+xml", icon)));
        files.extend(
            THEIRS.into_iter().filter_map(|(name, kind)| Some((name, theirs(name, kind)?))),
        );
        let hashes: Vec<_> = files.iter().map(|(_, file)| file.hash()).collect();
        let folder = format!("/docs/{}", File::new("", hashes.concat()).hash());
        let page = PAGE.replace("{files}", &folder);
        let files = files.into_iter().map(|(name, file)| (format!("{folder}/{name}"), file));
        // The Hub shows a Space inside a page of its own.
        let ancestors = if on_space { "https://huggingface.co" } else { "'none'" };
        let policy = format!(
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
             connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
        );
        Self { page: page.into(), policy: policy.into(), files: files.collect() }
    }

    /// Adds the page and its files to an app.
    pub(super) fn apply(&self, app: &mut ServiceConfig) {
        for path in ["/docs", "/docs/"] {
            let this = self.clone();
            let page = move || {
                let page = this.page();
                async { page }
            };
            let read = guard::Any(guard::Get()).or(guard::Head());
            app.route(path, web::route().guard(read).to(page));
        }
        for (path, file) in self.files.iter() {
            file.serve(app, path, Keep::Forever);
        }
    }

    fn page(&self) -> HttpResponse {
        HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
            .insert_header((CONTENT_SECURITY_POLICY, self.policy.as_ref()))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((REFERRER_POLICY, "no-referrer"))
            .insert_header((CACHE_CONTROL, "no-cache"))
            .body(self.page.clone())
    }
}

/// A file of Swagger UI.
fn theirs(name: &str, kind: &'static str) -> Option<File> {
    let file = utoipa_swagger_ui::serve(name, Arc::new(Config::from("/openapi.json"))).ok()??;
    let bytes = match file.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    Some(File::new(kind, bytes).gzipped(file.gzpipped))
}

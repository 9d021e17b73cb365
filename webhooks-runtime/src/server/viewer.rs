//! The viewer of the OpenAPI document at `/docs`: Swagger UI, served from the program.
//!
//! The page around it, its start and a few rules of style are files of our own, so that nothing is
//! inline. Its files have addresses that change with their content, and are kept for good.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::{self, Bytes, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, guard};
use utoipa_swagger_ui::Config;

use super::answer::not_found;
use crate::files::{File, Keep};

/// The files of Swagger UI that are needed, with their content types.
const THEIRS: [(&str, &str); 2] = [
    ("swagger-ui.css", "text/css; charset=utf-8"),
    ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
];

/// The page, with `{root}` for the way to the page at `/`, and `{files}` for where its files are.
const PAGE: &str = include_str!("assets/docs.html");

/// The page, and its files by their paths. Read when somebody asks first: they are large.
static ASSETS: LazyLock<Assets> = LazyLock::new(Assets::new);

struct Assets {
    /// At `/docs`, and at `/docs/`.
    pages: [Bytes; 2],
    files: Vec<(String, File)>,
}

impl Assets {
    fn new() -> Self {
        let css = File::new("text/css; charset=utf-8", include_str!("assets/docs.css"));
        let js = File::new("text/javascript; charset=utf-8", include_str!("assets/docs.js"));
        let icon = File::new("image/svg+xml", include_str!("../page/assets/icon.svg"));
        let ours = [("docs.css", css), ("docs.js", js), ("icon.svg", icon)];
        let theirs =
            THEIRS.into_iter().filter_map(|(name, kind)| Some((name, theirs(name, kind)?)));
        let files: Vec<_> = ours.into_iter().chain(theirs).collect();
        let hashes: Vec<_> = files.iter().map(|(_, file)| file.hash()).collect();
        let folder = format!("/docs/{}", File::new("", hashes.concat()).hash());
        let page = |root: &str| {
            PAGE.replace("{files}", &format!("{{root}}{}", &folder[1..]))
                .replace("{root}", root)
                .into()
        };
        let pages = [page("./"), page("../")];
        let files = files.into_iter().map(|(name, file)| (format!("{folder}/{name}"), file));
        Self { pages, files: files.collect() }
    }
}

/// The page under the policy of its place.
#[derive(Clone, Debug)]
pub(super) struct Viewer {
    policy: Arc<str>,
}

impl Viewer {
    pub(super) fn new(on_space: bool) -> Self {
        // The Hub shows a Space inside a page of its own.
        let ancestors = if on_space { "https://huggingface.co" } else { "'none'" };
        let policy = format!(
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
             connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
        );
        Self { policy: policy.into() }
    }

    /// Adds the page and its files to an app.
    pub(super) fn apply(&self, app: &mut ServiceConfig) {
        let read = || web::route().guard(guard::Any(guard::Get()).or(guard::Head()));
        for (index, path) in ["/docs", "/docs/"].into_iter().enumerate() {
            let this = self.clone();
            let page = move || {
                let page = this.page(index);
                async { page }
            };
            app.route(path, read().to(page));
        }
        app.route("/docs/{hash}/{file}", read().to(async |request: HttpRequest| file(&request)));
    }

    fn page(&self, index: usize) -> HttpResponse {
        HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
            .insert_header((CONTENT_SECURITY_POLICY, self.policy.as_ref()))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((REFERRER_POLICY, "no-referrer"))
            .insert_header((CACHE_CONTROL, "no-cache"))
            .body(ASSETS.pages.get(index).cloned().unwrap_or_default())
    }
}

fn file(request: &HttpRequest) -> HttpResponse {
    let found = ASSETS.files.iter().find(|(path, _)| path == request.path());
    found.map_or_else(not_found, |(_, file)| file.answer(request, Keep::Forever))
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

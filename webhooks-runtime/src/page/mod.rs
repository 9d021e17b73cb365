//! The landing page at `/`: what this is, the endpoints, and what to do next.
//!
//! `view` is the markup; the style sheet, the script and the icon are files of their own, so that the
//! Content-Security-Policy can forbid everything inline and everything from elsewhere.

mod view;

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::{self, ServiceConfig};

use crate::addresses::{Addresses, PublicUrl};
use crate::endpoint::registry::Shown;
use view::Place;

/// The page of a server.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    addresses: Addresses,
    on_space: bool,
    endpoints: Arc<[Shown]>,
    policy: Arc<str>,
}

impl Page {
    pub(crate) fn new(addresses: Addresses, on_space: bool, endpoints: &[Shown]) -> Self {
        // The Hub shows a Space inside a page of its own.
        let ancestors = if on_space { "https://huggingface.co" } else { "'none'" };
        let policy = format!(
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
        );
        Self { addresses, on_space, endpoints: endpoints.into(), policy: policy.into() }
    }

    /// The page as it is now: the public address may have come since the last time.
    fn html(&self) -> String {
        let public = self.addresses.public();
        let place = match &public {
            _ if self.on_space => Place::Space,
            Some(_) => Place::Public,
            None => Place::Local,
        };
        let base = public.as_ref().map_or(self.addresses.local(), PublicUrl::as_str);
        view::landing(base, place, &self.endpoints).into_string()
    }

    /// Adds the page and its files to an app.
    pub(crate) fn apply(&self, app: &mut ServiceConfig) {
        let this = self.clone();
        let page = move || {
            let page = HttpResponse::Ok()
                .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
                .insert_header((CONTENT_SECURITY_POLICY, this.policy.as_ref()))
                .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
                .insert_header((REFERRER_POLICY, "no-referrer"))
                .insert_header((CACHE_CONTROL, "no-store"))
                .body(this.html());
            async { page }
        };
        app.route("/", web::get().to(page.clone()));
        app.route("/", web::head().to(page));
        for (path, kind, text) in FILES {
            app.route(
                path,
                web::get().to(move || async move {
                    HttpResponse::Ok()
                        .insert_header((CONTENT_TYPE, kind))
                        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
                        .insert_header((CACHE_CONTROL, "no-cache"))
                        .body(text)
                }),
            );
        }
    }
}

/// The files that the page asks for: path, content type, text.
const FILES: [(&str, &str, &str); 3] = [
    ("/assets/page.css", "text/css; charset=utf-8", include_str!("assets/page.css")),
    ("/assets/page.js", "text/javascript; charset=utf-8", include_str!("assets/page.js")),
    ("/assets/icon.svg", "image/svg+xml", include_str!("assets/icon.svg")),
];

//! The page's routes: the page itself, its files, its form, and the deliveries for authorized viewers.
//! Everyone else gets a 404 at the paths of the deliveries.
//!
//! - `access` authorizes viewers, by the `token` and the session that it is exchanged for
//! - `follow` streams what is new to an open page
//! - `deliveries` and `background` show deliveries and send them again
//! - `form` receives the page's form
//! - `send` hands a delivery from the page to the dispatcher

mod access;
#[cfg(feature = "background")]
mod background;
#[cfg(not(feature = "background"))]
#[path = "no_background.rs"]
mod background;
mod deliveries;
mod follow;
mod form;
mod send;
mod token;

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, LOCATION, REFERRER_POLICY,
    REFRESH, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::{self, Bytes, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, Route};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::watch;

pub(super) use access::ViewerAuth;
pub(super) use token::{Token, VARIABLE as TOKEN_VARIABLE};

use super::answer::not_found;
use super::background::Background;
use super::dispatch::Dispatcher;
use crate::activity::{Activity, ResponseClass};
use crate::addresses::Addresses;
use crate::files::Keep;
use crate::page::{Deliveries, Filter, Form, OWN_SAMPLE, Page, SharedPage, files};
use crate::samples::samples;

/// The query of the page for a moment after the token was exchanged.
const OPENED: &str = "opened";

/// Keeps other sites from embedding what is served here.
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Everything that the page's routes need.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    pub(crate) page: SharedPage,
    pub(crate) dispatcher: Arc<Dispatcher>,
    /// The last deliveries, if any are kept.
    pub(crate) activity: Option<Activity>,
    /// Those that run in the background, if there is an endpoint for them.
    pub(super) background: Background,
    /// Who may see them.
    pub(crate) viewers: ViewerAuth,
    /// Changes when the server is told to stop.
    pub(crate) stopping: watch::Receiver<bool>,
    pub(crate) addresses: Addresses,
}

/// What the page's own address may say.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Asked {
    endpoint: String,
    outcome: String,
    all: bool,
}

impl Desk {
    /// Adds the page's routes to an app.
    pub(crate) fn apply(&self, app: &mut ServiceConfig) {
        let page = |method: Route| {
            let desk = self.clone();
            method.to(move |request: HttpRequest| {
                let desk = desk.clone();
                async move { desk.page(&request).await }
            })
        };
        app.route("/", page(web::get()));
        app.route("/", page(web::head()));
        for (path, file) in files() {
            app.route(
                &path,
                web::get().to(move |request: HttpRequest| {
                    let response = file.answer(&request, Keep::Forever);
                    async { response }
                }),
            );
        }
        app.route("/samples/{name}", {
            let desk = self.clone();
            web::get().to(move |request: HttpRequest| {
                let response = desk.sample(&request);
                async { response }
            })
        });
        app.service(self.trigger());
        self.events(app);
        if let Some(activity) = &self.activity {
            self.deliveries(app, activity);
            self.background(app);
        }
    }

    async fn page(&self, request: &HttpRequest) -> HttpResponse {
        if let Some(cookie) = self.viewers.exchange(request) {
            // A URL that redirects is no page: it stays in no address bar and in no history.
            return self.see_other(&format!("./?{OPENED}")).cookie(cookie).finish();
        }
        let authorized = self.viewers.is_authorized(request);
        if request.query_string() == OPENED {
            if authorized {
                return self.see_other("./").finish();
            }
            // Where another site's link led to the token, browsers send no strict cookie on the redirects
            // that follow. They send it to the page that this one goes on to by itself.
            let mut response = self.respond(StatusCode::OK);
            response.insert_header((REFRESH, "0; url=./"));
            return response.insert_header(HTML).body(Page::opened());
        }
        let html = self.html(authorized, filter(asked(request)), &Form::default()).await;
        self.respond(StatusCode::OK).insert_header(HTML).body(html)
    }

    async fn html(&self, authorized: bool, filter: Filter, form: &Form) -> Bytes {
        let deliveries = match self.activity.as_ref().filter(|_| authorized) {
            Some(activity) => {
                let background = background::look(&self.background).await;
                let (entries, cursor) = activity.all();
                Some(Deliveries { entries, cursor, filter, background })
            }
            None => None,
        };
        self.page.html(authorized, deliveries.as_ref(), form)
    }

    fn sample(&self, request: &HttpRequest) -> HttpResponse {
        let name = request.match_info().get("name").unwrap_or_default();
        match self.sample_text(name, &asked(request).endpoint) {
            Some(sample) => self.respond(StatusCode::OK).insert_header(JSON).body(sample),
            None => not_found(),
        }
    }

    fn sample_text(&self, name: &str, endpoint: &str) -> Option<String> {
        if name == OWN_SAMPLE {
            return self.page.sample_of(endpoint).map(str::to_owned);
        }
        let sample = samples().into_iter().find(|sample| sample.name == name)?;
        serde_json::to_string_pretty(&sample.payload).ok()
    }

    /// A redirect to a URL that is relative to the request's, since a proxy can serve the page anywhere.
    fn see_other(&self, location: &str) -> HttpResponseBuilder {
        let mut response = self.respond(StatusCode::SEE_OTHER);
        response.insert_header((LOCATION, location));
        response
    }

    /// An answer that holds something of this server's.
    fn respond(&self, status: StatusCode) -> HttpResponseBuilder {
        let mut response = HttpResponse::build(status);
        response
            .insert_header((CONTENT_SECURITY_POLICY, self.page.policy()))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            // So that a form of this page brings its origin.
            .insert_header((REFERRER_POLICY, "same-origin"))
            .insert_header((RESOURCE_POLICY, "same-origin"))
            .insert_header((CACHE_CONTROL, "no-store"));
        response
    }
}

const HTML: (HeaderName, &str) = (CONTENT_TYPE, "text/html; charset=utf-8");
const JSON: (HeaderName, &str) = (CONTENT_TYPE, "application/json");

/// What an address says; nothing where it makes no sense.
fn asked(request: &HttpRequest) -> Asked {
    let asked = web::Query::from_query(request.query_string());
    asked.map(web::Query::into_inner).unwrap_or_default()
}

fn filter(Asked { endpoint, outcome, all }: Asked) -> Filter {
    Filter {
        endpoint: Some(endpoint).filter(|endpoint| !endpoint.is_empty()),
        outcome: ResponseClass::ALL.into_iter().find(|known| known.name() == outcome),
        all,
    }
}

/// Rejects a request that wasn't made by a page of this server.
fn foreign() -> HttpResponse {
    let error = "Only the page of this server may send this. Reload the page and try again.";
    HttpResponse::Forbidden().json(json!({ "error": error }))
}

/// Rejects a request without the session cookie.
fn unauthorized() -> HttpResponse {
    let error = "Open the page with its token first: the URL that the program printed, or /?token= and \
                 the value of WEBHOOKS_PAGE_TOKEN.";
    HttpResponse::Forbidden().json(json!({ "error": error }))
}

//! The page's routes: the page itself, its files, its form, and the deliveries for authorized viewers.
//! Everyone else gets a 404 at the paths of the deliveries.

use std::sync::{Arc, OnceLock};

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, LOCATION, REFERRER_POLICY,
    REFRESH, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::{self, Bytes, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, Route};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::watch;

use super::activity::{ActivityFilter, OutcomeFilter, RecentDeliveries};
use super::auth::ViewerAuth;
use super::background::{BackgroundDeliveries, PausedEndpoints, shown};
use super::file::Caching;
use super::files::files;
use super::form::{ENDPOINT_SAMPLE, Form};
use super::page::Page;
use crate::activity::Activity;
use crate::config::addresses::Addresses;
use crate::http::dispatch::Dispatcher;
use crate::http::rejection::not_found;
use crate::http::store_monitor::StoreMonitor;
use crate::jobs::Jobs;
use crate::samples::named_sample;

/// The query of the page for a moment after the token was exchanged.
const OPENED: &str = "opened";

/// Keeps other sites from embedding these resources.
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Everything that the page's routes need.
#[derive(Clone, Debug)]
pub(super) struct Dashboard {
    /// The page, shared by all workers.
    pub(super) page: Arc<Page>,
    pub(super) dispatcher: Arc<Dispatcher>,
    /// The recent deliveries, if the page shows them.
    pub(super) activity: Option<Activity>,
    /// The background deliveries, if there is an endpoint for them.
    pub(super) jobs: Arc<OnceLock<Jobs>>,
    /// Reads which endpoints are paused.
    pub(super) monitor: StoreMonitor,
    pub(super) viewers: ViewerAuth,
    /// Becomes `true` when the server shuts down.
    pub(super) shutdown: watch::Receiver<bool>,
    pub(super) addresses: Addresses,
}

/// The query of the page's URL.
#[derive(Default, Deserialize)]
#[serde(default)]
struct PageQuery {
    endpoint: String,
    outcome: String,
    all: bool,
}

impl Dashboard {
    /// Adds the page's routes to an app.
    pub(super) fn routes(&self, app: &mut ServiceConfig) {
        let page = |method: Route| {
            let dashboard = self.clone();
            method.to(move |request: HttpRequest| {
                let dashboard = dashboard.clone();
                async move { dashboard.page(&request).await }
            })
        };
        app.route("/", page(web::get()));
        app.route("/", page(web::head()));
        for (path, file) in files() {
            app.route(
                &path,
                web::get().to(move |request: HttpRequest| {
                    let response = file.respond(&request, Caching::Immutable);
                    async { response }
                }),
            );
        }
        app.route("/samples/{name}", {
            let dashboard = self.clone();
            web::get().to(move |request: HttpRequest| {
                let response = dashboard.sample(&request);
                async { response }
            })
        });
        app.service(self.form_route());
        self.event_route(app);
        self.action_routes(app);
        if let Some(activity) = &self.activity {
            self.activity_routes(app, activity);
            self.background_routes(app);
        }
    }

    async fn page(&self, request: &HttpRequest) -> HttpResponse {
        if let Some(cookie) = self.viewers.exchange(request) {
            // Browsers keep a URL that redirects neither in the address bar nor in the history.
            let mut response = self.see_other(&format!("./?{OPENED}"));
            return response.insert_header((SET_COOKIE, cookie)).finish();
        }
        let authorized = self.viewers.is_authorized(request);
        if request.query_string() == OPENED {
            if authorized {
                return self.see_other("./").finish();
            }
            // After a link on another site, browsers don't send a strict cookie with the redirects that follow.
            // They do send it when this page refreshes to the page itself.
            let mut response = self.respond(StatusCode::OK);
            response.insert_header((REFRESH, "0; url=./"));
            return response.insert_header(HTML).body(Page::opened());
        }
        let html = self.html(authorized, filter(page_query(request)), &Form::default()).await;
        self.respond(StatusCode::OK).insert_header(HTML).body(html)
    }

    /// Renders the page, with the recent deliveries for an authorized viewer.
    pub(super) async fn html(
        &self,
        authorized: bool,
        filter: ActivityFilter,
        form: &Form,
    ) -> Bytes {
        let jobs = self.jobs.get();
        let activity = self.activity.as_ref().filter(|_| authorized);
        let (paused, listed) = tokio::join!(PausedEndpoints::read(&self.monitor, jobs), async {
            shown(jobs.filter(|_| activity.is_some())?).await
        });
        let paused = paused.unwrap_or_default();
        let deliveries = activity.map(|activity| {
            let background =
                jobs.map(|_| BackgroundDeliveries { deliveries: listed, paused: paused.clone() });
            let (entries, cursor) = activity.all();
            RecentDeliveries { entries, cursor, filter, background }
        });
        self.page.html(authorized, deliveries.as_ref(), &paused, form)
    }

    fn sample(&self, request: &HttpRequest) -> HttpResponse {
        let name = request.match_info().get("name").unwrap_or_default();
        match self.sample_text(name, &page_query(request).endpoint) {
            Some(sample) => self.respond(StatusCode::OK).insert_header(JSON).body(sample),
            None => not_found(),
        }
    }

    /// Returns a sample by its name, or the example of an endpoint.
    pub(super) fn sample_text(&self, name: &str, endpoint: &str) -> Option<String> {
        let endpoint = self.page.endpoint(endpoint);
        if let Some(endpoint) = endpoint
            && (name == ENDPOINT_SAMPLE || endpoint.is_hub_payload && name == endpoint.sample_name)
        {
            return Some(endpoint.sample.clone());
        }
        let filter = endpoint.and_then(|endpoint| endpoint.info.filter.as_ref());
        let sample = named_sample(name, filter)?;
        serde_json::to_string_pretty(&sample.payload).ok()
    }

    /// Begins a redirect. `location` is relative to the request's URL, because a proxy can serve the page under
    /// any path.
    pub(super) fn see_other(&self, location: &str) -> HttpResponseBuilder {
        let mut response = self.respond(StatusCode::SEE_OTHER);
        response.insert_header((LOCATION, location));
        response
    }

    /// Begins a response that holds data of this server.
    pub(super) fn respond(&self, status: StatusCode) -> HttpResponseBuilder {
        let mut response = HttpResponse::build(status);
        response
            .insert_header((CONTENT_SECURITY_POLICY, self.page.policy()))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            // So that browsers send the origin with a form of this page.
            .insert_header((REFERRER_POLICY, "same-origin"))
            .insert_header((RESOURCE_POLICY, "same-origin"))
            .insert_header((CACHE_CONTROL, "no-store"));
        response
    }
}

pub(super) const HTML: (HeaderName, &str) = (CONTENT_TYPE, "text/html; charset=utf-8");
const JSON: (HeaderName, &str) = (CONTENT_TYPE, "application/json");

/// Parses the query of the page's URL. An invalid query is ignored.
fn page_query(request: &HttpRequest) -> PageQuery {
    let query = web::Query::from_query(request.query_string());
    query.map(web::Query::into_inner).unwrap_or_default()
}

fn filter(PageQuery { endpoint, outcome, all }: PageQuery) -> ActivityFilter {
    ActivityFilter {
        endpoint: Some(endpoint).filter(|endpoint| !endpoint.is_empty()),
        outcome: OutcomeFilter::parse(&outcome),
        all,
    }
}

/// Rejects a request that wasn't made by a page of this server.
pub(super) fn foreign() -> HttpResponse {
    let error = "Only this server's page may send this request. Reload the page and try again.";
    HttpResponse::Forbidden().json(json!({ "error": error }))
}

/// Rejects a request without the session cookie.
pub(super) fn unauthorized() -> HttpResponse {
    let error = "Open the page with its token first: the URL that the program printed, or /?token= and \
                 the value of WEBHOOKS_PAGE_TOKEN.";
    HttpResponse::Forbidden().json(json!({ "error": error }))
}

//! The page's routes: the page itself, its files, what is sent from its form, and the deliveries for
//! those who may see them. For all others these are paths at which nothing is.
//!
//! `access` says who may see them, with the `token` if need be, `follow` is the stream that keeps the page up to date, `deliveries`
//! has all else that can be done with them, and `form` is the form for browsers without scripts. `send`
//! makes a delivery of a request that was for one of these.

mod access;
mod deliveries;
mod follow;
mod form;
mod send;
mod token;

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::{self, Bytes, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, Route};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::watch;

pub(super) use access::Viewers;
pub(super) use token::Token;

use super::dispatch::{Dispatcher, not_found};
use crate::activity::{Activity, Outcome};
use crate::addresses::Addresses;
use crate::files::Keep;
use crate::page::{Deliveries, Filter, Form, SharedPage, files};

/// Keeps other sites from embedding what is served here.
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Everything that the page's routes need.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    pub(crate) page: SharedPage,
    pub(crate) dispatcher: Arc<Dispatcher>,
    /// The last deliveries and who may see them, if any are kept.
    pub(crate) watched: Option<(Activity, Viewers)>,
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
                let response = desk.page(&request);
                async { response }
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
            web::get().to(move |name: web::Path<String>, asked: web::Query<Asked>| {
                let response = desk.sample(&name, &asked);
                async { response }
            })
        });
        app.service(self.trigger());
        if let Some((activity, viewers)) = &self.watched {
            self.activity(app, activity, viewers);
        }
    }

    fn page(&self, request: &HttpRequest) -> HttpResponse {
        if let Some((_, viewers)) = &self.watched
            && let Some(cookie) = viewers.welcome(request)
        {
            // Away from the address with the token in it, which stays in no history.
            let mut response = self.respond(StatusCode::SEE_OTHER);
            return response.cookie(cookie).insert_header((LOCATION, "/")).finish();
        }
        let html = self.html(request, &Form::default());
        self.respond(StatusCode::OK).insert_header(HTML).body(html)
    }

    fn html(&self, request: &HttpRequest, form: &Form) -> Bytes {
        let looking = self.watched.as_ref().filter(|(_, viewers)| viewers.may_look(request));
        let deliveries = looking.map(|(activity, _)| {
            let asked = web::Query::<Asked>::from_query(request.query_string());
            let (entries, mark) = activity.all();
            Deliveries { entries, mark, filter: asked.map(filter).unwrap_or_default() }
        });
        self.page.html(deliveries.as_ref(), form)
    }

    fn sample(&self, name: &str, asked: &Asked) -> HttpResponse {
        match self.sample_text(name, &asked.endpoint) {
            Some(sample) => self.respond(StatusCode::OK).insert_header(JSON).body(sample),
            None => not_found(),
        }
    }

    fn sample_text(&self, name: &str, endpoint: &str) -> Option<String> {
        let mut samples = crate::samples::samples().into_iter();
        match samples.find(|sample| sample.name == name) {
            Some(sample) => serde_json::to_string_pretty(&sample.payload).ok(),
            None => self.page.sample_of(endpoint).map(str::to_owned),
        }
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

fn filter(asked: web::Query<Asked>) -> Filter {
    let Asked { endpoint, outcome, all } = asked.into_inner();
    Filter {
        endpoint: Some(endpoint).filter(|endpoint| !endpoint.is_empty()),
        outcome: Outcome::ALL.into_iter().find(|known| known.name() == outcome),
        all,
    }
}

fn foreign() -> HttpResponse {
    let error = "This is for the page of this server alone. Reload the page, and try again.";
    HttpResponse::Forbidden().json(json!({ "error": error }))
}

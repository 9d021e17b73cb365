//! The page's routes: the page itself, its files, what is sent from its form, and the deliveries for
//! those who may see them. For all others these are paths at which nothing is.

use std::sync::Arc;
use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{HttpServiceFactory, ServiceRequest, ServiceResponse, fn_service};
use actix_web::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderMap, HeaderName,
    HeaderValue, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::http::{StatusCode, Uri};
use actix_web::web::{self, Bytes, FormConfig, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, Route, guard};
use serde::Deserialize;
use serde_json::json;

use super::access::{Viewers, is_same_origin};
use super::dispatch::{Admission, Dispatcher, SECRET, not_found};
use super::follow::follow;
use crate::activity::{Activity, Entry, Outcome};
use crate::endpoint::arg::WEBHOOK_ID;
use crate::endpoint::call::in_one_piece;
use crate::files::Keep;
use crate::page::{
    Answered, Deliveries, Filter, Form, Page, SharedPage, delivery, detail, files, text,
};

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
    pub(crate) stopping: tokio::sync::watch::Receiver<bool>,
    pub(crate) addresses: crate::addresses::Addresses,
}

/// What the page's own address may say.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Asked {
    endpoint: String,
    outcome: String,
    all: bool,
}

/// What the form sends.
#[derive(Deserialize)]
struct Sent {
    endpoint: String,
    sample: String,
    payload: String,
    #[serde(default)]
    secret: String,
    #[serde(rename = "do")]
    action: String,
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

    fn sample(&self, name: &str, asked: &Asked) -> HttpResponse {
        match self.sample_text(name, &asked.endpoint) {
            Some(sample) => self.respond(StatusCode::OK).insert_header(JSON).body(sample),
            None => not_found(),
        }
    }

    fn sample_text(&self, name: &str, endpoint: &str) -> Option<String> {
        let mut samples = crate::testing::samples().into_iter();
        match samples.find(|sample| sample.name == name) {
            Some(sample) => serde_json::to_string_pretty(&sample.payload).ok(),
            None => self.page.sample_of(endpoint).map(str::to_owned),
        }
    }

    /// The form for browsers without scripts: it sends a delivery on to the endpoint.
    fn trigger(&self) -> impl HttpServiceFactory + use<> {
        let desk = self.clone();
        let limit = self.dispatcher.limits().body;
        web::resource("/trigger")
            .guard(guard::Post())
            // In a form each byte can take three.
            .app_data(FormConfig::default().limit(limit.saturating_mul(3).saturating_add(4096)))
            .default_service(fn_service(move |mut request: ServiceRequest| {
                let desk = desk.clone();
                async move {
                    let sent = request.extract::<web::Form<Sent>>().await;
                    let response = match sent {
                        _ if !is_same_origin(request.request()) => foreign(),
                        Err(_) => unreadable(),
                        Ok(sent) => desk.send(&mut request, sent.into_inner()).await,
                    };
                    Ok(ServiceResponse::new(request.into_parts().0, response))
                }
            }))
    }

    async fn send(&self, request: &mut ServiceRequest, sent: Sent) -> HttpResponse {
        let visitor = Visitor::of(request);
        let mut form = Form { endpoint: Some(sent.endpoint), ..Form::default() };
        if sent.action == "load" {
            form.payload =
                self.sample_text(&sent.sample, form.endpoint.as_deref().unwrap_or_default());
        } else if let Some(path) = form.endpoint.as_deref().and_then(path) {
            let mut headers = HeaderMap::new();
            let secret =
                HeaderValue::from_str(&sent.secret).ok().filter(|secret| !secret.is_empty());
            if let Some(mut secret) = secret {
                secret.set_sensitive(true);
                headers.insert(SECRET, secret);
            }
            let body = Bytes::from(sent.payload.clone());
            let answered = self.deliver(request, path, headers, body, Admission::Asked).await;
            form.answered = Some(answered.shown());
            form.payload = Some(sent.payload);
        }
        form.sample = Some(sent.sample);
        visitor.restore(request);
        let html = self.html(request.request(), &form);
        self.respond(StatusCode::OK).insert_header(HTML).body(html)
    }

    /// Turns a request into a delivery to the endpoint at `path`, with nothing of what it was but its
    /// connection, and answers it.
    async fn deliver(
        &self,
        request: &mut ServiceRequest,
        path: Uri,
        headers: HeaderMap,
        body: Bytes,
        admission: Admission,
    ) -> Delivered {
        let host = request.headers().get(HOST).cloned();
        let head = request.head_mut();
        head.uri = path;
        head.headers = headers;
        head.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(host) = host {
            head.headers.insert(HOST, host);
        }
        let started = Instant::now();
        let payload = in_one_piece(body);
        let (response, number) =
            self.dispatcher.dispatch_as(request.request(), payload, admission).await;
        let (response, body) = response.into_parts();
        let status = response.status();
        let body = body.try_into_bytes().ok();
        Delivered { status, body, duration: started.elapsed(), number }
    }

    fn activity(&self, app: &mut ServiceConfig, activity: &Activity, viewers: &Viewers) {
        let looking = {
            let viewers = viewers.clone();
            move |request: &HttpRequest| viewers.may_look(request)
        };
        app.route("/events", {
            let (looking, activity) = (looking.clone(), activity.clone());
            let (addresses, stopping) = (self.addresses.clone(), self.stopping.clone());
            web::get().to(move |request: HttpRequest| {
                let response = if looking(&request) {
                    follow(&request, activity.clone(), &addresses, stopping.clone())
                } else {
                    not_found()
                };
                async { response }
            })
        });
        for (path, whole) in [("/activity/{number}", true), ("/activity/{number}/detail", false)] {
            let (desk, looking, activity) = (self.clone(), looking.clone(), activity.clone());
            app.route(
                path,
                web::get().to(move |request: HttpRequest, number: web::Path<u64>| {
                    let entry = activity.get(*number).filter(|_| looking(&request));
                    let response = entry.map_or_else(not_found, |entry| desk.open(&entry, whole));
                    async { response }
                }),
            );
        }
        app.service(self.again(activity, viewers));
    }

    fn open(&self, entry: &Entry, whole: bool) -> HttpResponse {
        let mut response = self.respond(StatusCode::OK);
        response.insert_header(HTML);
        if whole {
            let title = format!("Delivery {}", entry.number);
            response.body(Page::other(&title, &delivery(entry)))
        } else {
            response.body(detail(entry).into_string())
        }
    }

    /// Sends a delivery to its endpoint once more. Who may see it has all that it takes, but for the
    /// secret, which it brought when it came.
    fn again(&self, activity: &Activity, viewers: &Viewers) -> impl HttpServiceFactory + use<> {
        let (desk, activity, viewers) = (self.clone(), activity.clone(), viewers.clone());
        web::resource("/activity/{number}/again").guard(guard::Post()).default_service(fn_service(
            move |mut request: ServiceRequest| {
                let desk = desk.clone();
                let number = request.match_info().get("number").and_then(|text| text.parse().ok());
                let entry = number.and_then(|number| activity.get(number));
                let entry = entry.filter(|_| viewers.may_look(request.request()));
                async move {
                    let response = match entry {
                        None => not_found(),
                        Some(_) if !is_same_origin(request.request()) => foreign(),
                        Some(entry) => desk.send_again(&mut request, &entry).await,
                    };
                    Ok(ServiceResponse::new(request.into_parts().0, response))
                }
            },
        ))
    }

    async fn send_again(&self, request: &mut ServiceRequest, entry: &Entry) -> HttpResponse {
        let whole = entry.body().filter(|body| !body.is_cut());
        let (Some(body), Some(path)) = (whole, path(&entry.endpoint)) else {
            let error = json!({ "error": "Not all of this delivery's payload was kept." });
            return HttpResponse::Conflict().json(error);
        };
        let mut headers = HeaderMap::new();
        // As when a person has the Hub send it again, it keeps its id.
        let id = entry.webhook_id().and_then(|id| HeaderValue::from_str(id).ok());
        if let Some(id) = id {
            headers.insert(WEBHOOK_ID, id);
        }
        let by_script =
            request.headers().get(ACCEPT).is_some_and(|kind| kind == "application/json");
        let body = Bytes::copy_from_slice(body.bytes);
        let delivered = self.deliver(request, path, headers, body, Admission::Granted).await;
        let number = delivered.number.unwrap_or(entry.number);
        if by_script {
            let answer = json!({ "number": number, "status": delivered.status.as_u16() });
            return self.respond(StatusCode::OK).json(answer);
        }
        let location = format!("/activity/{number}");
        self.respond(StatusCode::SEE_OTHER).insert_header((LOCATION, location)).finish()
    }
}

/// What became of a delivery that was sent from here.
struct Delivered {
    status: StatusCode,
    /// `None` when it is a stream.
    body: Option<Bytes>,
    duration: std::time::Duration,
    number: Option<u64>,
}

impl Delivered {
    fn shown(self) -> Answered {
        let body = self.body.map(|body| text(&body).into_owned());
        Answered { status: self.status, duration: self.duration, body }
    }
}

/// What tells who made a request, kept while it is a delivery.
struct Visitor {
    uri: Uri,
    headers: HeaderMap,
}

impl Visitor {
    fn of(request: &ServiceRequest) -> Self {
        Self { uri: request.uri().clone(), headers: request.headers().clone() }
    }

    fn restore(self, request: &mut ServiceRequest) {
        let head = request.head_mut();
        head.uri = self.uri;
        head.headers = self.headers;
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

/// An endpoint's path as the address of a request.
fn path(endpoint: &str) -> Option<Uri> {
    endpoint.parse().ok().filter(|uri: &Uri| uri.authority().is_none() && endpoint.starts_with('/'))
}

fn foreign() -> HttpResponse {
    let error = "This is for the page of this server alone. Reload the page, and try again.";
    HttpResponse::Forbidden().json(json!({ "error": error }))
}

fn unreadable() -> HttpResponse {
    let error = "This isn't what the form sends, or is larger than a payload may be.";
    HttpResponse::BadRequest().json(json!({ "error": error }))
}

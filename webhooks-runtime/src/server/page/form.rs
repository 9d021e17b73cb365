//! The form for browsers without scripts: it sends a delivery on to the endpoint.

use std::time::Duration;

use actix_web::dev::{HttpServiceFactory, ServiceRequest, ServiceResponse, fn_service};
use actix_web::http::header::{HeaderMap, HeaderValue};
use actix_web::http::{StatusCode, Uri};
use actix_web::web::{self, Bytes};
use actix_web::{HttpMessage, HttpResponse, guard};
use serde::Deserialize;
use serde_json::json;

use super::access::is_same_origin;
use super::send::{Delivered, path};
use super::{Desk, HTML, foreign};
use crate::page::{Answered, Form, text};
use crate::server::app::extractors;
use crate::server::body;
use crate::server::dispatch::{Admission, SECRET};

/// The largest form that is read, in bytes. What is typed by hand is far smaller, and anybody may send
/// one.
const LARGEST: usize = 256 * 1024;

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
    /// The form for browsers without scripts: it sends a delivery on to the endpoint.
    pub(super) fn trigger(&self) -> impl HttpServiceFactory + use<> {
        let desk = self.clone();
        let (payload, json) = extractors(self.dispatcher.limits().body);
        let resource = web::resource("/trigger").app_data(payload).app_data(json);
        resource.guard(guard::Post()).default_service(fn_service(
            move |mut request: ServiceRequest| {
                let desk = desk.clone();
                async move {
                    let response = desk.submit(&mut request).await;
                    Ok(ServiceResponse::new(request.into_parts().0, response))
                }
            },
        ))
    }

    async fn submit(&self, request: &mut ServiceRequest) -> HttpResponse {
        // By its head, before a byte of the body is read.
        if !is_same_origin(request.request()) {
            return foreign();
        }
        let time = self.dispatcher.limits().request_timeout;
        let body = body::read(request.take_payload(), LARGEST, time).await.ok();
        match body.and_then(|body| serde_urlencoded::from_bytes(&body).ok()) {
            Some(sent) => self.send(request, sent).await,
            None => unreadable(),
        }
    }

    async fn send(&self, request: &mut ServiceRequest, sent: Sent) -> HttpResponse {
        let visitor = Visitor::of(request);
        let mut form = Form { sample: Some(sent.sample), ..Form::default() };
        if sent.action == "load" {
            let sample = form.sample.as_deref().unwrap_or_default();
            form.payload = self.sample_text(sample, &sent.endpoint);
        } else {
            let mut headers = HeaderMap::new();
            let secret = HeaderValue::from_str(&sent.secret).map(|mut secret| {
                secret.set_sensitive(true);
                secret
            });
            form.answered = Some(match (path(&sent.endpoint, None), secret) {
                (None, _) => not_sent("There is no such endpoint."),
                (_, Err(_)) => not_sent("This secret has characters that no header can carry."),
                (Some(path), Ok(secret)) => {
                    if !secret.is_empty() {
                        headers.insert(SECRET, secret);
                    }
                    let body = Bytes::from(sent.payload.clone());
                    self.deliver(request, path, headers, body, Admission::Asked).await.shown()
                }
            });
            form.payload = Some(sent.payload);
        }
        form.endpoint = Some(sent.endpoint);
        visitor.restore(request);
        let html = self.html(request.request(), &form).await;
        self.respond(StatusCode::OK).insert_header(HTML).body(html)
    }
}

/// The answer to what cannot be a delivery.
fn not_sent(why: &str) -> Answered {
    let body = Some(why.to_owned());
    Answered { status: StatusCode::BAD_REQUEST, duration: Duration::ZERO, body }
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

fn unreadable() -> HttpResponse {
    let error = "This isn't what the form sends, or is larger than 256 KiB.";
    HttpResponse::BadRequest().json(json!({ "error": error }))
}

//! Receives the page's form, which sends a delivery to an endpoint: from the page's script, which gets JSON,
//! or from a browser without scripts, which gets the page.

use std::time::Duration;

use actix_web::dev::{HttpServiceFactory, ServiceRequest, ServiceResponse, fn_service};
use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, HeaderMap, HeaderValue};
use actix_web::web::{self, Bytes};
use actix_web::{HttpMessage, HttpResponse, guard};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::send::{Delivered, path};
use super::{Desk, HTML, foreign, unauthorized};
use crate::endpoint::arg::WEBHOOK_ID;
use crate::page::{Answered, Filter, Form, text};
use crate::server::app::extractors;
use crate::server::body;
use crate::server::dispatch::{Admission, SECRET};

/// How much larger than the largest payload the form may be: quotes are three bytes long in it.
const ESCAPED: usize = 3;

/// What the form has besides the payload, in bytes.
const REST: usize = 16 * 1024;

/// The form's fields.
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
    /// The route of the form.
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
        if !self.viewers.is_same_origin(request.request()) {
            return foreign();
        }
        if !self.viewers.is_authorized(request.request()) {
            return unauthorized();
        }
        let limits = self.dispatcher.limits();
        let largest = limits.body.saturating_mul(ESCAPED).saturating_add(REST);
        let body = body::read(request.take_payload(), largest, limits.request_timeout).await.ok();
        match body.and_then(|body| serde_urlencoded::from_bytes(&body).ok()) {
            Some(sent) => self.send(request, sent).await,
            None => unreadable(),
        }
    }

    async fn send(&self, request: &mut ServiceRequest, sent: Sent) -> HttpResponse {
        let by_script =
            request.headers().get(ACCEPT).is_some_and(|kind| kind == "application/json");
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
            let answered = match (path(&sent.endpoint, None), secret) {
                (None, _) => not_sent("There is no such endpoint."),
                (_, Err(_)) => not_sent("This secret has characters that no header can carry."),
                (Some(path), Ok(secret)) => {
                    if !secret.is_empty() {
                        headers.insert(SECRET, secret);
                    }
                    // Like the Hub's deliveries, each has an id.
                    if let Ok(id) = HeaderValue::from_str(&Uuid::new_v4().to_string()) {
                        headers.insert(WEBHOOK_ID, id);
                    }
                    let body = Bytes::from(sent.payload.clone());
                    self.deliver(request, path, headers, body, Admission::Asked).await.shown()
                }
            };
            if by_script {
                return self.respond(StatusCode::OK).json(as_json(&answered));
            }
            form.answered = Some(answered);
            form.payload = Some(sent.payload);
        }
        form.endpoint = Some(sent.endpoint);
        let html = self.html(true, Filter::default(), &form).await;
        self.respond(StatusCode::OK).insert_header(HTML).body(html)
    }
}

fn as_json(answered: &Answered) -> serde_json::Value {
    let reason = answered.status.canonical_reason().unwrap_or_default();
    json!({
        "status": answered.status.as_u16(),
        "reason": reason,
        "milliseconds": u64::try_from(answered.duration.as_millis()).unwrap_or(u64::MAX),
        "body": answered.body,
    })
}

/// The outcome of a form that cannot be a delivery.
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

fn unreadable() -> HttpResponse {
    let error = "This isn't what the page's form sends, or it is too large.";
    HttpResponse::BadRequest().json(json!({ "error": error }))
}

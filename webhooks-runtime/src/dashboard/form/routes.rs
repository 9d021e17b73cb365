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

use super::super::activity::ActivityFilter;
use super::super::routes::{Dashboard, HTML, foreign, unauthorized};
use super::super::send::{Delivered, path};
use super::super::text::text;
use super::view::{Form, FormResponse};
use crate::endpoint::call::WEBHOOK_ID;
use crate::http::app::extractors;
use crate::http::authorize::SECRET;
use crate::http::body;
use crate::http::dispatch::Sender;

/// How much larger than the largest payload the form may be: quotes are three bytes long in it.
const ESCAPED: usize = 3;

/// What the form has besides the payload, in bytes.
const REST: usize = 16 * 1024;

/// The form's fields.
#[derive(Deserialize)]
struct Submission {
    endpoint: String,
    sample: String,
    payload: String,
    #[serde(default)]
    secret: String,
    #[serde(rename = "do")]
    action: String,
}

impl Dashboard {
    /// The route of the form.
    pub(in crate::dashboard) fn form_route(&self) -> impl HttpServiceFactory + use<> {
        let dashboard = self.clone();
        let (payload, json) = extractors(self.dispatcher.limits().body);
        let resource = web::resource("/trigger").app_data(payload).app_data(json);
        resource.guard(guard::Post()).default_service(fn_service(
            move |mut request: ServiceRequest| {
                let dashboard = dashboard.clone();
                async move {
                    let response = dashboard.submit(&mut request).await;
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

    async fn send(&self, request: &mut ServiceRequest, sent: Submission) -> HttpResponse {
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
            let response = match (path(&sent.endpoint, None), secret) {
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
                    self.deliver(request, path, headers, body, Sender::Unknown)
                        .await
                        .into_response()
                }
            };
            if by_script {
                return self.respond(StatusCode::OK).json(as_json(&response));
            }
            form.response = Some(response);
            form.payload = Some(sent.payload);
        }
        form.endpoint = Some(sent.endpoint);
        let html = self.html(true, ActivityFilter::default(), &form).await;
        self.respond(StatusCode::OK).insert_header(HTML).body(html)
    }
}

fn as_json(response: &FormResponse) -> serde_json::Value {
    let reason = response.status.canonical_reason().unwrap_or_default();
    json!({
        "status": response.status.as_u16(),
        "reason": reason,
        "milliseconds": u64::try_from(response.duration.as_millis()).unwrap_or(u64::MAX),
        "body": response.body,
    })
}

/// The outcome of a form that cannot be a delivery.
fn not_sent(why: &str) -> FormResponse {
    let body = Some(why.to_owned());
    FormResponse { status: StatusCode::BAD_REQUEST, duration: Duration::ZERO, body }
}

impl Delivered {
    fn into_response(self) -> FormResponse {
        let body = self.body.map(|body| text(&body).into_owned());
        FormResponse { status: self.status, duration: self.duration, body }
    }
}

fn unreadable() -> HttpResponse {
    let error = "This isn't what the page's form sends, or it is too large.";
    HttpResponse::BadRequest().json(json!({ "error": error }))
}

//! Receives the page's form and sends the delivery to the endpoint. The page's script gets the result as JSON, a
//! browser without scripts gets the page.

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
use super::super::send::{DeliveryResult, path};
use super::super::text::text;
use super::view::{Form, FormResponse};
use crate::endpoint::call::WEBHOOK_ID;
use crate::http::app::extractors;
use crate::http::authorize::SECRET;
use crate::http::body;
use crate::http::dispatch::Sender;

/// How many bytes a byte of the payload can take in the form, where quotes are escaped.
const MAX_ESCAPE: usize = 3;

/// The size of the other fields, in bytes.
const OTHER_FIELDS: usize = 16 * 1024;

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
    /// Returns the route of the form.
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
        // Checked before the body is read.
        if !self.viewers.is_same_origin(request.request()) {
            return foreign();
        }
        if !self.viewers.is_authorized(request.request()) {
            return unauthorized();
        }
        let limits = self.dispatcher.limits();
        let largest = limits.body.saturating_mul(MAX_ESCAPE).saturating_add(OTHER_FIELDS);
        let body = body::read(request.take_payload(), largest, limits.request_timeout).await.ok();
        match body.and_then(|body| serde_urlencoded::from_bytes(&body).ok()) {
            Some(submission) => self.send(request, submission).await,
            None => invalid_submission(),
        }
    }

    async fn send(&self, request: &mut ServiceRequest, submission: Submission) -> HttpResponse {
        let by_script =
            request.headers().get(ACCEPT).is_some_and(|kind| kind == "application/json");
        let mut form = Form { sample: Some(submission.sample), ..Form::default() };
        if submission.action == "load" {
            let sample = form.sample.as_deref().unwrap_or_default();
            form.payload = self.sample_text(sample, &submission.endpoint);
        } else {
            let mut headers = HeaderMap::new();
            let secret = HeaderValue::from_str(&submission.secret).map(|mut secret| {
                secret.set_sensitive(true);
                secret
            });
            let response = match (path(&submission.endpoint, None), secret) {
                (None, _) => not_sent("There is no such endpoint."),
                (_, Err(_)) => {
                    not_sent("This secret contains characters that a header cannot carry.")
                }
                (Some(path), Ok(secret)) => {
                    if !secret.is_empty() {
                        headers.insert(SECRET, secret);
                    }
                    // As the Hub does.
                    if let Ok(id) = HeaderValue::from_str(&Uuid::new_v4().to_string()) {
                        headers.insert(WEBHOOK_ID, id);
                    }
                    let body = Bytes::from(submission.payload.clone());
                    self.deliver(request, path, headers, body, Sender::Unknown)
                        .await
                        .into_response()
                }
            };
            if by_script {
                return self.respond(StatusCode::OK).json(as_json(&response));
            }
            form.response = Some(response);
            form.payload = Some(submission.payload);
        }
        form.endpoint = Some(submission.endpoint);
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

/// Returns the result of a submission that cannot be sent.
fn not_sent(why: &str) -> FormResponse {
    let body = Some(why.to_owned());
    FormResponse { status: StatusCode::BAD_REQUEST, duration: Duration::ZERO, body }
}

impl DeliveryResult {
    fn into_response(self) -> FormResponse {
        let body = self.body.map(|body| text(&body).into_owned());
        FormResponse { status: self.status, duration: self.duration, body }
    }
}

fn invalid_submission() -> HttpResponse {
    let error = "This is not a submission of the page's form, or it is too large.";
    HttpResponse::BadRequest().json(json!({ "error": error }))
}

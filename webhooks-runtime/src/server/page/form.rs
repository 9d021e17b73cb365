//! The form for browsers without scripts: it sends a delivery on to the endpoint.

use actix_web::dev::{HttpServiceFactory, ServiceRequest, ServiceResponse, fn_service};
use actix_web::http::header::{HeaderMap, HeaderValue};
use actix_web::http::{StatusCode, Uri};
use actix_web::web::{self, Bytes, FormConfig};
use actix_web::{HttpResponse, guard};
use serde::Deserialize;
use serde_json::json;

use super::access::is_same_origin;
use super::send::{Delivered, path};
use super::{Desk, HTML, foreign};
use crate::page::{Answered, Form, text};
use crate::server::dispatch::{Admission, SECRET};

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
    let error = "This isn't what the form sends, or is larger than a payload may be.";
    HttpResponse::BadRequest().json(json!({ "error": error }))
}

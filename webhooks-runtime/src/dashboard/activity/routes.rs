//! The routes of the recent deliveries, for authorized viewers: to follow them, to open one, and to send one again.

use actix_web::dev::{HttpServiceFactory, ServiceRequest, ServiceResponse, fn_service};
use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, HeaderMap, HeaderValue};
use actix_web::web::{self, Bytes, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, guard};
use serde_json::json;

use super::super::page::Page;
use super::super::routes::{Dashboard, HTML, foreign};
use super::super::send::path;
use super::events::events;
use super::view::{delivery, detail};
use crate::activity::{Activity, Entry};
use crate::endpoint::call::WEBHOOK_ID;
use crate::http::app::extractors;
use crate::http::dispatch::Sender;
use crate::http::rejection::not_found;

impl Dashboard {
    /// Adds the route of the stream that keeps a page up to date.
    pub(in crate::dashboard) fn event_route(&self, app: &mut ServiceConfig) {
        let dashboard = self.clone();
        let route = web::get().to(move |request: HttpRequest| {
            let response = if dashboard.viewers.is_authorized(&request) {
                events(&request, &dashboard)
            } else {
                not_found()
            };
            async { response }
        });
        app.route("/events", route);
    }

    /// Adds the routes of the deliveries.
    pub(in crate::dashboard) fn activity_routes(
        &self,
        app: &mut ServiceConfig,
        activity: &Activity,
    ) {
        for (path, whole) in [("/activity/{number}", true), ("/activity/{number}/detail", false)] {
            let (dashboard, activity) = (self.clone(), activity.clone());
            app.route(
                path,
                web::get().to(move |request: HttpRequest| {
                    let entry = number(&request).and_then(|number| activity.get(number));
                    let entry = entry.filter(|_| dashboard.viewers.is_authorized(&request));
                    let response =
                        entry.map_or_else(not_found, |entry| dashboard.open(&entry, whole));
                    async { response }
                }),
            );
        }
        app.service(self.send_again_route(activity));
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

    /// Returns the route that sends a delivery to its endpoint again, without the secret, which the delivery had
    /// when it arrived.
    fn send_again_route(&self, activity: &Activity) -> impl HttpServiceFactory + use<> {
        let (dashboard, activity) = (self.clone(), activity.clone());
        let (payload, json) = extractors(self.dispatcher.limits().body);
        let resource = web::resource("/activity/{number}/again").app_data(payload).app_data(json);
        resource.guard(guard::Post()).default_service(fn_service(
            move |mut request: ServiceRequest| {
                let dashboard = dashboard.clone();
                let number = number(request.request());
                let entry = number.and_then(|number| activity.get(number));
                let entry = entry.filter(|_| dashboard.viewers.is_authorized(request.request()));
                async move {
                    let response = match entry {
                        None => not_found(),
                        Some(_) if !dashboard.viewers.is_same_origin(request.request()) => {
                            foreign()
                        }
                        Some(entry) => dashboard.send_again(&mut request, &entry).await,
                    };
                    Ok(ServiceResponse::new(request.into_parts().0, response))
                }
            },
        ))
    }

    async fn send_again(&self, request: &mut ServiceRequest, entry: &Entry) -> HttpResponse {
        let body = entry.body().filter(|_| entry.is_complete());
        let (Some(body), Some(path)) = (body, path(&entry.endpoint, entry.query())) else {
            let error = json!({ "error": "Only a part of this delivery's payload was recorded." });
            return HttpResponse::Conflict().json(error);
        };
        let mut headers = HeaderMap::new();
        // The id stays the same, as with Replay on the Hub.
        let id = entry.webhook_id().and_then(|id| HeaderValue::from_str(id).ok());
        if let Some(id) = id {
            headers.insert(WEBHOOK_ID, id);
        }
        let by_script =
            request.headers().get(ACCEPT).is_some_and(|kind| kind == "application/json");
        let body = Bytes::copy_from_slice(body.bytes);
        let result = self.deliver(request, path, headers, body, Sender::Viewer).await;
        let number = result.number.unwrap_or(entry.number);
        if by_script {
            let body = json!({ "number": number, "status": result.status.as_u16() });
            return self.respond(StatusCode::OK).json(body);
        }
        self.see_other(&format!("../{number}")).finish()
    }
}

/// Returns the number in a request's path. A path without one gets the same 404 as any unknown path.
fn number(request: &HttpRequest) -> Option<u64> {
    request.match_info().get("number")?.parse().ok()
}

//! Hands a delivery from the page to the dispatcher.

use std::time::{Duration, Instant};

use actix_web::HttpMessage;
use actix_web::body::MessageBody;
use actix_web::dev::ServiceRequest;
use actix_web::http::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use actix_web::http::{StatusCode, Uri};
use actix_web::web::Bytes;

use super::routes::Dashboard;
use crate::endpoint::call::in_one_piece;
use crate::http::dispatch::Sender;

/// The result of a delivery from the page.
pub(super) struct DeliveryResult {
    pub(super) status: StatusCode,
    /// `None` when it is a stream.
    pub(super) body: Option<Bytes>,
    pub(super) duration: Duration,
    /// The number of the delivery in the activity.
    pub(super) number: Option<u64>,
}

impl Dashboard {
    /// Delivers to the endpoint at `path`. The page's request becomes the delivery, since actix-web gives
    /// an application no other way to make one that has the application's data.
    ///
    /// Only its connection and its `Host` header remain. It must not change once the dispatcher has it, because a
    /// function may keep it after it has returned.
    pub(super) async fn deliver(
        &self,
        request: &mut ServiceRequest,
        path: Uri,
        headers: HeaderMap,
        body: Bytes,
        sender: Sender,
    ) -> DeliveryResult {
        let host = request.headers().get(HOST).cloned();
        let head = request.head_mut();
        head.uri = path;
        head.headers = headers;
        head.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(host) = host {
            head.headers.insert(HOST, host);
        }
        // Values that were parsed from the viewer's own request.
        request.extensions_mut().clear();
        let started = Instant::now();
        let payload = in_one_piece(body);
        let outcome = self.dispatcher.dispatch_from(sender, request.request(), payload).await;
        let number = self.activity.as_ref().and_then(|activity| activity.number_of(outcome.number));
        let (response, body) = outcome.response.into_parts();
        let status = response.status();
        let body = body.try_into_bytes().ok();
        DeliveryResult { status, body, duration: started.elapsed(), number }
    }
}

/// Returns the URI of an endpoint's path and a query.
pub(super) fn path(endpoint: &str, query: Option<&str>) -> Option<Uri> {
    let uri = match query {
        Some(query) => format!("{endpoint}?{query}"),
        None => endpoint.to_owned(),
    };
    uri.parse().ok().filter(|uri: &Uri| uri.authority().is_none() && endpoint.starts_with('/'))
}

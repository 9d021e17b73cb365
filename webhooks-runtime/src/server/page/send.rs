//! Sends a delivery from here: a request for something else becomes one.

use std::time::{Duration, Instant};

use actix_web::HttpMessage;
use actix_web::body::MessageBody;
use actix_web::dev::ServiceRequest;
use actix_web::http::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use actix_web::http::{StatusCode, Uri};
use actix_web::web::Bytes;

use super::Desk;
use crate::endpoint::call::in_one_piece;
use crate::server::dispatch::Admission;

/// What became of a delivery that was sent from here.
pub(super) struct Delivered {
    pub(super) status: StatusCode,
    /// `None` when it is a stream.
    pub(super) body: Option<Bytes>,
    pub(super) duration: Duration,
    pub(super) number: Option<u64>,
}

impl Desk {
    /// Turns a request into a delivery to the endpoint at `path`, with nothing of what it was but its
    /// connection, and answers it.
    pub(super) async fn deliver(
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
        // What was made of its headers so far, its cookies for instance, is the visitor's.
        request.extensions_mut().clear();
        let started = Instant::now();
        let payload = in_one_piece(body);
        let (response, number) =
            self.dispatcher.dispatch_as(request.request(), payload, admission).await;
        request.extensions_mut().clear();
        let (response, body) = response.into_parts();
        let status = response.status();
        let body = body.try_into_bytes().ok();
        Delivered { status, body, duration: started.elapsed(), number }
    }
}

/// An endpoint's path, and the query behind it, as the address of a request.
pub(super) fn path(endpoint: &str, query: Option<&str>) -> Option<Uri> {
    let address = match query {
        Some(query) => format!("{endpoint}?{query}"),
        None => endpoint.to_owned(),
    };
    address.parse().ok().filter(|uri: &Uri| uri.authority().is_none() && endpoint.starts_with('/'))
}

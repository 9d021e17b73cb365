//! Builds the actix app, which routes requests to the endpoints and the parts.

use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, ready};

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{Payload, Service, ServiceRequest, ServiceResponse, fn_service};
use actix_web::error::PayloadError;
use actix_web::http::ConnectionType;
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING, UPGRADE};
use actix_web::web::{self, JsonConfig, PayloadConfig, ServiceConfig};
use actix_web::{HttpMessage, Scope};
use futures_util::{StreamExt, stream};

use super::authorize::SECRET;
use super::connection::{ActiveRequest, ConnectionState, Origin};
use super::dispatch::Dispatcher;
use super::health::health;
use super::part::Parts;
use super::rejection::not_found;

/// A function that adds routes and data to an app. It runs once per worker, because each worker has its own app.
pub(crate) type Configure = Arc<dyn Fn(&mut ServiceConfig) + Send + Sync>;

/// Wraps every request: marks it as active on its connection, protects the secret, and works around actix-web's
/// handling of `Upgrade`.
pub(crate) fn track_request<S>(
    mut request: ServiceRequest,
    next: &S,
) -> impl Future<Output = Result<ServiceResponse, actix_web::Error>> + use<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse, Error = actix_web::Error>,
{
    // So that a function that prints its request does not print the secret.
    if let Some(secret) = request.headers_mut().get_mut(SECRET) {
        secret.set_sensitive(true);
    }
    if request.conn_data() == Some(&Origin::Tunnel) {
        shrink_to_fit(request.headers_mut());
    }
    let active = request.conn_data::<Rc<ConnectionState>>().map(ActiveRequest::new);
    let has_upgrade = request.headers().contains_key(UPGRADE);
    if has_upgrade {
        end_at_content_length(&mut request);
    }
    let response = next.call(request);
    async move {
        let mut response = response.await?;
        if has_upgrade {
            let is_stream = response.response().body().size() == BodySize::Stream;
            let head = response.response_mut().head_mut();
            head.set_connection_type(ConnectionType::Close);
            // Otherwise actix-web announces chunks and sends none.
            head.no_chunking(is_stream);
        }
        Ok(match active {
            Some(mut active) => {
                // The rest of a chunked body may never end, so it must not count as idle time.
                let is_chunked = || response.request().headers().contains_key(TRANSFER_ENCODING);
                if response.status().is_client_error() && is_chunked() {
                    active.set_unread_body();
                }
                response.map_body(|_, body| active.attach_to(body))
            }
            None => response,
        })
    }
}

/// Ends the body of a request with `Upgrade` at its `Content-Length`.
///
/// The server switches to no other protocol, so it must ignore `Upgrade` (RFC 9110, section 7.8). But actix-web
/// reads everything up to the end of the connection as the body of a WebSocket request. nginx adds the header to
/// every request when it is configured as in its guide to WebSockets.
fn end_at_content_length(request: &mut ServiceRequest) {
    let headers = request.headers();
    if headers.contains_key(TRANSFER_ENCODING) {
        return;
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    // Without either header there is no body (RFC 9112, section 6.3).
    let mut left = length.and_then(|length| length.trim().parse::<u64>().ok()).unwrap_or_default();
    let mut payload = request.take_payload();
    let body = stream::poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        let piece = ready!(payload.poll_next_unpin(context));
        Poll::Ready(Some(match piece {
            Some(Ok(mut piece)) => {
                piece.truncate(usize::try_from(left).unwrap_or(usize::MAX));
                left -= piece.len() as u64;
                Ok(piece)
            }
            Some(Err(error)) => Err(error),
            None => {
                left = 0;
                Err(PayloadError::Incomplete(None))
            }
        }))
    });
    request.set_payload(Payload::Stream { payload: Box::pin(body) });
}

/// Shrinks a header map to its headers. actix-web allocates 7 KiB, which adds up when a thousand requests wait for
/// their functions. This takes time, so it is only done for requests through the tunnel, which are slow anyway.
fn shrink_to_fit(headers: &mut HeaderMap) {
    let mut shrunk = HeaderMap::with_capacity(headers.len_keys());
    for (name, value) in headers.iter() {
        shrunk.append(name.clone(), value.clone());
    }
    *headers = shrunk;
}

/// The content of an app, from which each worker builds its own.
#[derive(Clone)]
pub(crate) struct Blueprint {
    pub(crate) dispatcher: Arc<Dispatcher>,
    /// The functions given to `.configure(…)`.
    pub(crate) configure: Vec<Configure>,
    pub(crate) parts: Parts,
}

impl Blueprint {
    /// Adds everything to an app. The user's routes come after the endpoints and before the parts' routes.
    pub(crate) fn apply(&self, app: &mut ServiceConfig) {
        app.default_service(web::to(async || not_found()));
        app.app_data(Arc::clone(self.dispatcher.shared()));
        app.service(self.endpoints());
        for configure in &self.configure {
            configure(app);
        }
        for part in self.parts.iter() {
            part.routes(app);
        }
        health(app, &self.parts);
    }

    /// Returns one route for all endpoints, so that routing takes as long for a thousand endpoints as for one.
    fn endpoints(&self) -> Scope {
        let body_limit = self.dispatcher.limits().body;
        let dispatcher = Arc::clone(&self.dispatcher);
        let dispatch = fn_service(move |mut request: ServiceRequest| {
            let dispatcher = Arc::clone(&dispatcher);
            async move {
                dispatcher.prepare_head(request.head_mut());
                let (request, payload) = request.into_parts();
                let outcome = dispatcher.dispatch(&request, payload).await;
                Ok(ServiceResponse::new(request, outcome.response))
            }
        });
        let (payload, json) = extractors(body_limit);
        web::scope("/webhooks").app_data(payload).app_data(json).default_service(dispatch)
    }
}

/// Configures actix-web's own extractors for the body of a delivery.
pub(crate) fn extractors(body_limit: usize) -> (PayloadConfig, JsonConfig) {
    // Senders other than the Hub may omit `Content-Type`.
    let json = JsonConfig::default().content_type_required(false).content_type(|_| true);
    (PayloadConfig::new(body_limit), json.limit(body_limit))
}

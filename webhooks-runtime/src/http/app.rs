//! The actix app: which path is served by what.

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
use super::connection::{ConnectionState, Origin, Serving};
use super::dispatch::Dispatcher;
use super::health::health;
use super::part::Parts;
use super::rejection::not_found;

/// A step in putting an app together. Each worker has its own app.
pub(crate) type Configure = Arc<dyn Fn(&mut ServiceConfig) + Send + Sync>;

/// Wraps every request, whatever its path.
pub(crate) fn guard<S>(
    mut request: ServiceRequest,
    next: &S,
) -> impl Future<Output = Result<ServiceResponse, actix_web::Error>> + use<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse, Error = actix_web::Error>,
{
    // A function that prints its request doesn't print the secret.
    if let Some(secret) = request.headers_mut().get_mut(SECRET) {
        secret.set_sensitive(true);
    }
    if request.conn_data() == Some(&Origin::Tunnel) {
        fit(request.headers_mut());
    }
    let serving = request.conn_data::<Rc<ConnectionState>>().map(Serving::new);
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
            // actix-web would announce chunks and send none.
            head.no_chunking(is_stream);
        }
        Ok(match serving {
            Some(mut serving) => {
                // Its body may never end, and then it is no pause between two requests.
                let is_chunked = || response.request().headers().contains_key(TRANSFER_ENCODING);
                if response.status().is_client_error() && is_chunked() {
                    serving.leaves_unread();
                }
                response.map_body(|_, body| serving.until_sent(body))
            }
            None => response,
        })
    }
}

/// Ends the body of a request with `Upgrade` at its `Content-Length`. The server changes to no other
/// protocol, so `Upgrade` means nothing (RFC 9110, section 7.8), but actix-web takes everything up to the
/// connection's end for the body of a request that asks for a WebSocket. nginx adds the header to every
/// request when it is configured as its guide to WebSockets says.
fn end_at_content_length(request: &mut ServiceRequest) {
    let headers = request.headers();
    if headers.contains_key(TRANSFER_ENCODING) {
        return;
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    // Without either there is no body (RFC 9112, section 6.3).
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

/// Gives headers the room that they need. actix-web's own is for dozens of them, 7 KiB, which a
/// thousand requests that wait for their functions hold all the time. Only for what came through the
/// tunnel, where the time that it takes is nothing beside that of the way.
fn fit(headers: &mut HeaderMap) {
    let mut fitting = HeaderMap::with_capacity(headers.len_keys());
    for (name, value) in headers.iter() {
        fitting.append(name.clone(), value.clone());
    }
    *headers = fitting;
}

/// Everything that an app consists of.
#[derive(Clone)]
pub(crate) struct Blueprint {
    pub(crate) dispatcher: Arc<Dispatcher>,
    /// What the user configured.
    pub(crate) configure: Vec<Configure>,
    pub(crate) parts: Parts,
}

impl Blueprint {
    /// Adds everything to an app. What the user configured comes before the parts' routes, and after the
    /// endpoints.
    pub(crate) fn apply(&self, app: &mut ServiceConfig) {
        app.default_service(web::to(async || not_found()));
        app.service(self.endpoints());
        for configure in &self.configure {
            configure(app);
        }
        for part in self.parts.iter() {
            part.routes(app);
        }
        health(app, &self.parts);
    }

    /// All endpoints behind one route, so that a thousand of them cost what one costs.
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
    // Senders other than the Hub may forget to declare the content's type.
    let json = JsonConfig::default().content_type_required(false).content_type(|_| true);
    (PayloadConfig::new(body_limit), json.limit(body_limit))
}

//! Runs background deliveries within their requests, for a process that has no store: with all their attempts, and
//! responds when the last one has ended.

use std::sync::Arc;

use actix_web::HttpResponse;
use futures_util::future::LocalBoxFuture;
use uuid::Uuid;

use super::background::{Accept, AcceptRequest, stored};
use super::outcome::Outcome;
use super::respond::body_rejected;
use crate::endpoint::background::SharedData;
use crate::jobs::{BackgroundHandler, State, UnstoredDelivery};

/// Runs background deliveries instead of storing them.
pub(crate) struct WithoutStore {
    /// The `web::Data<T>` values that the functions can take.
    pub(crate) shared: Arc<SharedData>,
}

impl Accept for WithoutStore {
    fn accept<'a>(&'a self, request: AcceptRequest<'a>) -> LocalBoxFuture<'a, Outcome> {
        Box::pin(run(Arc::clone(&self.shared), request))
    }
}

async fn run(shared: Arc<SharedData>, request: AcceptRequest<'_>) -> Outcome {
    let AcceptRequest { route, background, call, .. } = request;
    if let Err(faults) = (background.check)(&call.body) {
        return body_rejected(faults);
    }
    let handler = BackgroundHandler { path: route.path.clone(), background: *background, shared };
    let webhook_id = call.webhook_id().map(str::to_owned);
    // No store knows the id of an earlier process, so a retry has the same id only if it is that of the sender.
    let known = webhook_id.as_deref().and_then(|id| Uuid::parse_str(id).ok());
    let id = known.unwrap_or_else(Uuid::now_v7);
    let received_at = call.received_at();
    let delivery = UnstoredDelivery { id, webhook_id, received_at, body: call.body };
    match handler.run_unstored(delivery).await {
        Ok(()) => stored(HttpResponse::Ok(), id, State::Done),
        Err(error) => Outcome::failed(HttpResponse::InternalServerError().finish(), Some(error)),
    }
}

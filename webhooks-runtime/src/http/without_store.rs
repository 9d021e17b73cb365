//! Runs background deliveries within their requests, for a process that has no store: with all their attempts, and
//! responds when the last one has ended.

use std::sync::Arc;

use actix_web::HttpResponse;
use futures_util::future::LocalBoxFuture;
use serde_json::json;
use uuid::Uuid;

use super::background::{Accept, AcceptRequest};
use super::filter::skipped;
use super::outcome::Outcome;
use super::respond::body_rejected;
use crate::endpoint::background::{AttemptCheck, CheckedBody, SharedData};
use crate::jobs::{BackgroundHandler, State, UnstoredDelivery, UnstoredEnd};

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
    let AcceptRequest { route, background, call, checks, .. } = request;
    if let Err(faults) = (background.check)(CheckedBody::arrived(&call.body)) {
        return body_rejected(faults);
    }
    let check = checks.cloned().map(|checks| Arc::new(checks) as Arc<dyn AttemptCheck>);
    let (path, background) = (route.path.clone(), *background);
    let handler = BackgroundHandler { path, background, shared, check };
    let webhook_id = call.webhook_id().map(str::to_owned);
    // The sender's, so that a retry in another process has the same.
    let id = webhook_id.clone().unwrap_or_else(|| Uuid::now_v7().to_string());
    let received_at = call.received_at();
    let delivery = UnstoredDelivery { id: id.clone(), webhook_id, received_at, body: call.body };
    match handler.run_unstored(delivery).await {
        Ok(UnstoredEnd::Skipped(reason)) => skipped(reason.into()),
        Ok(UnstoredEnd::Done) => {
            HttpResponse::Ok().json(json!({ "delivery": id, "state": State::Done.name() })).into()
        }
        Err(error) => Outcome::failed(HttpResponse::InternalServerError().finish(), Some(error)),
    }
}

//! Accepts background deliveries: stores each one and responds with its id.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, HttpResponseBuilder};
use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use uuid::Uuid;

use super::key::key_of;
use super::outcome::Outcome;
use super::rejection::Rejection;
use super::respond::body_rejected;
use crate::endpoint::background::{BackgroundWork, CheckedBody};
use crate::endpoint::call::{Call, DELIVERY};
use crate::endpoint::checks::Checks;
use crate::endpoint::registry::Route;
use crate::jobs::{Accepted, DeliveryOrigin, IncomingDelivery, Jobs, State};

/// A background delivery to store.
pub(crate) struct AcceptRequest<'a> {
    pub(crate) route: &'a Route,
    pub(crate) background: &'a BackgroundWork,
    pub(crate) call: Call,
    /// What decides before each attempt whether to call the function.
    pub(crate) checks: Option<&'a Checks>,
    /// Whether to run it even if it is a duplicate of a completed delivery.
    pub(crate) force: bool,
}

/// Accepts background deliveries.
pub(crate) trait Accept: Send + Sync {
    /// Stores a delivery and returns the response.
    fn accept<'a>(&'a self, request: AcceptRequest<'a>) -> LocalBoxFuture<'a, Outcome>;
}

/// Finds deliveries that the program has made for what arrives later.
pub(crate) trait KnownDeliveries: Send + Sync {
    /// Returns the delivery of an endpoint that was made for what this body brings, and its state.
    fn find<'a>(
        &'a self,
        endpoint: &'a str,
        body: &'a [u8],
    ) -> LocalBoxFuture<'a, Option<(Uuid, State)>>;
}

/// Accepts background deliveries, except duplicates.
pub(crate) struct AcceptUnknown {
    pub(crate) jobs: Jobs,
    pub(crate) known: Arc<dyn KnownDeliveries>,
}

impl Accept for AcceptUnknown {
    fn accept<'a>(&'a self, request: AcceptRequest<'a>) -> LocalBoxFuture<'a, Outcome> {
        Box::pin(async move {
            let known = self.known.find(&request.route.path, &request.call.body);
            // A viewer who sends a delivery again wants it to run again.
            match known.await.filter(|_| !request.force) {
                Some((id, state)) => stored(HttpResponse::Ok(), id, state),
                None => accept(&self.jobs, request).await,
            }
        })
    }
}

/// The body of the response to a stored delivery.
#[derive(Serialize)]
struct AcceptedBody {
    delivery: Uuid,
    state: &'static str,
}

impl Accept for Jobs {
    fn accept<'a>(&'a self, request: AcceptRequest<'a>) -> LocalBoxFuture<'a, Outcome> {
        Box::pin(accept(self, request))
    }
}

async fn accept(jobs: &Jobs, request: AcceptRequest<'_>) -> Outcome {
    let AcceptRequest { route, background, call, force, .. } = request;
    if let Err(faults) = (background.check)(CheckedBody::arrived(&call.body)) {
        return body_rejected(faults);
    }
    let key = match key_of(background, &call) {
        Ok(key) => key,
        Err(outcome) => return *outcome,
    };
    let incoming = IncomingDelivery {
        path: &route.path,
        webhook_id: call.webhook_id().map(str::to_owned),
        received_at: call.received_at(),
        body: call.body,
        key,
        force,
        origin: DeliveryOrigin::Webhook,
    };
    match jobs.accept(incoming).await {
        Ok(Accepted::Queued(id)) => stored(HttpResponse::Accepted(), id, State::Queued),
        Ok(Accepted::Duplicate(id, state)) => stored(HttpResponse::Ok(), id, state),
        Ok(Accepted::StoreFull) => {
            tracing::error!(
                target: DELIVERY,
                "the store is full, so this delivery was not accepted: delete deliveries with `deliveries purge`, \
                 retain them for a shorter time with .keep_done(…) and .keep_dead(…), or raise .store_limit(…)"
            );
            not_stored(
                "The delivery was not accepted, because the store of background deliveries is full.",
            )
        }
        Ok(Accepted::BacklogFull) => {
            tracing::error!(target: DELIVERY, "too many deliveries are queued, so this delivery was not accepted");
            not_stored("The delivery was not accepted, because too many deliveries are queued.")
        }
        Err(error) => {
            tracing::error!(target: DELIVERY, %error, "the delivery could not be stored");
            not_stored("The delivery was not accepted, because it could not be stored.")
        }
    }
}

fn stored(mut response: HttpResponseBuilder, id: Uuid, state: State) -> Outcome {
    let response = response.json(AcceptedBody { delivery: id, state: state.name() });
    Outcome { delivery: Some(id), ..response.into() }
}

/// Returns the response that asks the sender to send the delivery again.
fn not_stored(reason: &'static str) -> Outcome {
    let text = format!("{reason} Send it again later.");
    let rejection = Rejection::new(StatusCode::SERVICE_UNAVAILABLE, text);
    Outcome::rejected(rejection.outcome().response, reason)
}

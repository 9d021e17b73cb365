//! Accepts a background delivery: responds when it is stored.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, HttpResponseBuilder};
use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use uuid::Uuid;

use super::outcome::Outcome;
use super::rejection::Rejection;
use super::respond::body_rejected;
use crate::endpoint::background::Background;
use crate::endpoint::call::{Call, DELIVERY};
use crate::endpoint::registry::Route;
use crate::jobs::{Accepted, Jobs, State};

/// A background delivery that is to be stored.
pub(crate) struct Deferral<'a> {
    pub(crate) route: &'a Route,
    pub(crate) background: &'a Background,
    pub(crate) call: Call,
    /// Whether it is to be run again though it is done already.
    pub(crate) force: bool,
}

/// Accepts background deliveries.
pub(crate) trait Accept: Send + Sync {
    fn accept<'a>(&'a self, deferral: Deferral<'a>) -> LocalBoxFuture<'a, Outcome>;
}

/// The response to a stored delivery.
#[derive(Serialize)]
struct Receipt {
    delivery: Uuid,
    state: &'static str,
}

impl Accept for Jobs {
    fn accept<'a>(&'a self, deferral: Deferral<'a>) -> LocalBoxFuture<'a, Outcome> {
        Box::pin(accept(self, deferral))
    }
}

async fn accept(jobs: &Jobs, deferral: Deferral<'_>) -> Outcome {
    let Deferral { route, background, call, force } = deferral;
    if let Err(faults) = (background.check)(&call.body) {
        return body_rejected(faults);
    }
    let id = call.webhook_id().map(str::to_owned);
    match jobs.accept(&route.path, id, call.received_at(), call.body, force).await {
        Ok(Accepted::Queued(id)) => stored(HttpResponse::Accepted(), id, State::Queued),
        Ok(Accepted::Duplicate(id, state)) => stored(HttpResponse::Ok(), id, state),
        Ok(Accepted::StoreFull) => {
            tracing::error!(
                target: DELIVERY,
                "the store is full, so this delivery was not accepted: delete deliveries with `deliveries purge`, \
                 keep them for a shorter time with .keep_done(…) and .keep_dead(…), or raise .store_limit(…)"
            );
            not_stored("The store of background deliveries is full, so it was not accepted.")
        }
        Ok(Accepted::BacklogFull) => {
            tracing::error!(target: DELIVERY, "too many deliveries wait, so this one was not accepted");
            not_stored("Too many deliveries wait, so it was not accepted.")
        }
        Err(error) => {
            tracing::error!(target: DELIVERY, %error, "the delivery could not be kept");
            not_stored("The delivery could not be kept, so it counts as not accepted.")
        }
    }
}

fn stored(mut response: HttpResponseBuilder, id: Uuid, state: State) -> Outcome {
    let response = response.json(Receipt { delivery: id, state: state.name() });
    Outcome { delivery: Some(id), ..response.into() }
}

/// Asks the sender to send the delivery again.
fn not_stored(reason: &'static str) -> Outcome {
    let text = format!("{reason} Send it again later.");
    let rejection = Rejection::new(StatusCode::SERVICE_UNAVAILABLE, text);
    Outcome::rejected(rejection.outcome().response, reason)
}

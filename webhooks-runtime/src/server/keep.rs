//! Has a delivery kept that is run in the background, and answers when it is on disk.

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::answer::unfit;
use super::outcome::Outcome;
use crate::endpoint::background::Background;
use crate::endpoint::call::{Call, DELIVERY};
use crate::endpoint::registry::Registered;
use crate::jobs::{Accepted, Jobs, State};

/// What is kept.
#[derive(Serialize)]
struct Kept {
    delivery: Uuid,
    state: &'static str,
}

/// How soon to send again what could not be kept, in seconds. The Hub has a schedule of its own.
const SECONDS: &str = "10";

/// Keeps a delivery. `insists` is whether it is to be run again though it was just done.
pub(super) async fn keep(
    jobs: &Jobs,
    endpoint: &Registered,
    background: &Background,
    call: Call,
    insists: bool,
) -> Outcome {
    if let Err(faults) = (background.check)(&call.body) {
        return unfit(faults);
    }
    let id = call.webhook_id().map(str::to_owned);
    match jobs.accept(&endpoint.path, id, call.received_at(), call.body, insists).await {
        Ok(Accepted::Queued(id)) => is_kept(HttpResponse::Accepted(), id, State::Queued),
        Ok(Accepted::Known(id, state)) => is_kept(HttpResponse::Ok(), id, state),
        Ok(Accepted::StoreFull) => {
            tracing::error!(
                target: DELIVERY,
                "the store is full, so this delivery was not accepted: delete deliveries with `deliveries purge`, \
                 keep them for a shorter time with .keep_done(…) and .keep_dead(…), or raise .store_limit(…)"
            );
            is_not_kept("The store of background deliveries is full, so it was not accepted.")
        }
        Ok(Accepted::BacklogFull) => {
            tracing::error!(target: DELIVERY, "too many deliveries wait, so this one was not accepted");
            is_not_kept("Too many deliveries wait, so it was not accepted.")
        }
        Err(error) => {
            tracing::error!(target: DELIVERY, %error, "the delivery could not be kept");
            is_not_kept("The delivery could not be kept, so it counts as not accepted.")
        }
    }
}

fn is_kept(mut response: HttpResponseBuilder, id: Uuid, state: State) -> Outcome {
    let response = response.json(Kept { delivery: id, state: state.name() });
    Outcome { delivery: Some(id), ..response.into() }
}

/// The sender is asked to try again.
fn is_not_kept(reason: &'static str) -> Outcome {
    let response = HttpResponse::build(StatusCode::SERVICE_UNAVAILABLE)
        .insert_header((RETRY_AFTER, SECONDS))
        .json(json!({ "error": format!("{reason} Send it again later.") }));
    Outcome::rejected(response, reason)
}

//! Runs a background function once, within its request.
//!
//! A test has no store, and checks the function's outcome as soon as it has the response.

use std::sync::Arc;

use actix_web::HttpResponse;
use serde_json::json;
use tracing::{Instrument, Span};
use uuid::Uuid;

use super::key::key_of;
use super::outcome::Outcome;
use super::respond::body_rejected;
use crate::endpoint::Delivery;
use crate::endpoint::background::{
    AttemptCheck, AttemptDecision, BackgroundTask, BackgroundWork, OnThread, SharedData,
};
use crate::endpoint::call::{Call, DELIVERY};
use crate::endpoint::checks::Checks;
use crate::endpoint::note::{AttemptNotes, Note};
use crate::endpoint::panic::caught_in;

/// Runs the function, and responds as if the delivery had been stored. The outcome contains the function's failure, or
/// why it was not called.
pub(super) async fn run_inline(
    background: &BackgroundWork,
    call: Call,
    shared: Arc<SharedData>,
    checks: Option<&Checks>,
    span: Span,
) -> Outcome {
    if let Err(faults) = span.in_scope(|| (background.check)(&call.body)) {
        return body_rejected(faults);
    }
    // As when it is stored: a test shows that the key is known.
    if let Err(outcome) = span.in_scope(|| key_of(background, &call)) {
        return *outcome;
    }
    let (id, notes) = (Uuid::now_v7().to_string(), AttemptNotes::default());
    let max_attempts = background.policy.attempts;
    let delivery =
        Delivery { id: id.clone(), max_attempts, notes: notes.clone(), ..Delivery::of(&call) };
    let response = HttpResponse::Accepted().json(json!({ "delivery": id, "state": "queued" }));
    let task = BackgroundTask { body: call.body, delivery, shared, on_thread: OnThread::default() };
    if let Some(checks) = checks {
        match checks.decide(&task).await {
            AttemptDecision::Run { note } => notes.add(&note.unwrap_or_default()),
            AttemptDecision::Skip { reason } => return Outcome::skipped(response, reason.into()),
            AttemptDecision::Wait { reason, .. } => return Outcome::failed(response, Some(reason)),
        }
    }
    let running = caught_in((background.run)(task)).instrument(span.clone());
    let ended = running.await;
    let _entered = span.enter();
    let cause = match ended {
        Ok(Ok(returned)) => {
            let note = notes.join(returned.as_ref().map(Note::text));
            return Outcome { note, ..response.into() };
        }
        Ok(Err(failure)) => {
            let error = failure.text;
            tracing::error!(target: DELIVERY, error, "the function failed");
            error
        }
        Err(panic) => {
            let (text, location) = (panic.text(), panic.location());
            tracing::error!(target: DELIVERY, panic = text, location, "the function panicked");
            text.to_owned()
        }
    };
    Outcome { note: notes.join(None), ..Outcome::failed(response, Some(cause)) }
}

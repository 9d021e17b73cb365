//! Runs a background function once, within its request.
//!
//! A test has no store, and checks the function's outcome as soon as it has the response.

use std::sync::{Arc, Weak};

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use futures_util::FutureExt;
use serde_json::json;
use tracing::{Instrument, Span};
use uuid::Uuid;

use super::key::key_of;
use super::outcome::Outcome;
use super::respond::body_rejected;
use crate::endpoint::Delivery;
use crate::endpoint::background::{
    AttemptCheck, AttemptDecision, BackgroundTask, BackgroundWork, CheckedBody, OnThread,
    SharedData,
};
use crate::endpoint::call::{Call, DELIVERY};
use crate::endpoint::checks::Checks;
use crate::endpoint::note::{AttemptNotes, Note};
use crate::endpoint::panic::caught_in;
use crate::jobs::enqueue::{EnqueueBackend, EnqueueFuture, EnqueuedDelivery};
use crate::jobs::{EnqueueError, StoreError};

/// How the run has ended.
enum RunEnd {
    Done {
        note: Option<String>,
    },
    /// The function was not called, for this reason.
    Skipped(String),
    Failed {
        cause: String,
        note: Option<String>,
    },
}

/// Runs the function, and responds as if the delivery had been stored. The outcome contains the function's failure, or
/// why it was not called.
pub(super) async fn run_inline(
    background: &BackgroundWork,
    call: Call,
    shared: Arc<SharedData>,
    checks: Option<&Checks>,
    span: Span,
) -> Outcome {
    if let Err(faults) = span.in_scope(|| (background.check)(CheckedBody::arrived(&call.body))) {
        return body_rejected(faults);
    }
    // As when it is stored: a test shows that the key is known.
    if let Err(outcome) = span.in_scope(|| key_of(background, &call)) {
        return *outcome;
    }
    let delivery = Delivery { id: Uuid::now_v7().to_string(), ..Delivery::of(&call) };
    let id = delivery.id.clone();
    let ended = run(background, call.body, delivery, shared, checks, span).await;
    as_stored(&id, ended)
}

/// Runs the function for a delivery that a test has enqueued, and responds as if it had been stored.
pub(crate) async fn run_enqueued(delivery: EnqueuedDelivery, shared: Arc<SharedData>) -> Outcome {
    let id = Uuid::now_v7().to_string();
    let ended = run_as_enqueued(id.clone(), delivery, shared).await;
    as_stored(&id, ended)
}

/// Runs the functions that the functions of a test enqueue deliveries for.
pub(crate) struct EnqueueInline {
    /// Weak, because these values contain it.
    pub(crate) shared: Weak<SharedData>,
    /// The paths of the server's background endpoints.
    pub(crate) paths: Vec<String>,
}

impl EnqueueBackend for EnqueueInline {
    fn enqueue(&self, delivery: EnqueuedDelivery) -> EnqueueFuture<String> {
        let shared = self.shared.upgrade();
        let is_known = self.paths.iter().any(|path| path == delivery.path);
        async move {
            if !is_known {
                return Err(EnqueueError::UnknownEndpoint { path: delivery.path.to_owned() });
            }
            let id = Uuid::now_v7().to_string();
            // As when it is stored: the caller is not notified when the function fails.
            run_as_enqueued(id.clone(), delivery, shared.ok_or(StoreError::Closed)?).await;
            Ok(id)
        }
        .boxed()
    }
}

async fn run_as_enqueued(
    id: String,
    delivery: EnqueuedDelivery,
    shared: Arc<SharedData>,
) -> RunEnd {
    let EnqueuedDelivery { path, background, body, .. } = delivery;
    let span = tracing::info_span!(target: DELIVERY, "delivery", endpoint = path);
    let delivery = Delivery { endpoint: path.to_owned(), ..Delivery::new(id) };
    run(&background, body, delivery, shared, None, span).await
}

async fn run(
    background: &BackgroundWork,
    body: Bytes,
    delivery: Delivery,
    shared: Arc<SharedData>,
    checks: Option<&Checks>,
    span: Span,
) -> RunEnd {
    let notes = AttemptNotes::default();
    let max_attempts = background.policy.attempts;
    let delivery = Delivery { max_attempts, notes: notes.clone(), ..delivery };
    let task = BackgroundTask { body, delivery, shared, on_thread: OnThread::default() };
    if let Some(checks) = checks {
        match checks.decide(&task).await {
            AttemptDecision::Run { note } => notes.add(&note.unwrap_or_default()),
            AttemptDecision::Skip { reason } => return RunEnd::Skipped(reason),
            AttemptDecision::Wait { reason: cause, .. } => {
                return RunEnd::Failed { cause, note: None };
            }
        }
    }
    let ended = caught_in((background.run)(task)).instrument(span.clone()).await;
    let _entered = span.enter();
    let cause = match ended {
        Ok(Ok(returned)) => {
            return RunEnd::Done { note: notes.join(returned.as_ref().map(Note::text)) };
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
    RunEnd::Failed { cause, note: notes.join(None) }
}

/// Returns the outcome of a delivery that counts as stored.
fn as_stored(id: &str, ended: RunEnd) -> Outcome {
    let response = HttpResponse::Accepted().json(json!({ "delivery": id, "state": "queued" }));
    match ended {
        RunEnd::Done { note } => Outcome { note, ..response.into() },
        RunEnd::Skipped(reason) => Outcome::skipped(response, reason.into()),
        RunEnd::Failed { cause, note } => {
            Outcome { note, ..Outcome::failed(response, Some(cause)) }
        }
    }
}

//! Runs one attempt of a delivery.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use actix_web::web::Bytes;
use futures_util::future::{AbortHandle, Abortable, Aborted, Either};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};
use tracing::Instrument;
use uuid::Uuid;

use super::delivery::{Claimed, DeliveryOrigin};
use super::log_buffer::AttemptLog;
use super::outcome::AttemptOutcome;
use crate::endpoint::Delivery;
use crate::endpoint::background::{
    AttemptCheck, AttemptDecision, BackgroundTask, BackgroundWork, OnThread, SharedData,
    TaskFailure, TaskFuture,
};
use crate::endpoint::call::DELIVERY;
use crate::endpoint::note::{AttemptNotes, Note};
use crate::endpoint::panic::caught_in;
use crate::trace::{ActiveSpan, in_span};

/// The name of the span around an attempt.
pub(crate) const ATTEMPT_SPAN: &str = "delivery";

/// An attempt to run.
pub(super) struct Attempt {
    /// The id of the delivery.
    pub(super) id: String,
    pub(super) webhook_id: Option<String>,
    /// The number of this attempt, counted from 1.
    pub(super) attempt: u32,
    /// How often in a row it could not be decided whether to call the function.
    pub(super) waits: u32,
    /// How often in a row the function asked to run it again later.
    pub(super) snoozes: u32,
    pub(super) received_at: SystemTime,
    pub(super) origin: DeliveryOrigin,
    pub(super) body: Bytes,
    /// The older deliveries that the body carries, in order of arrival.
    pub(super) merged: Vec<Uuid>,
    /// Receives what the function logs, unless the delivery is not stored.
    pub(super) log: Option<AttemptLog>,
    /// Its span, if it has one.
    pub(super) span: Option<ActiveSpan>,
}

impl Attempt {
    /// Returns the attempt at a claimed delivery.
    fn of(claimed: Claimed, log: AttemptLog, span: Option<ActiveSpan>) -> Self {
        Self {
            id: claimed.id.to_string(),
            webhook_id: claimed.webhook_id,
            attempt: claimed.attempt,
            waits: claimed.waits,
            snoozes: claimed.snoozes,
            received_at: claimed.received_at,
            origin: claimed.origin,
            body: claimed.body,
            merged: claimed.merged,
            log: Some(log),
            span,
        }
    }
}

/// How an attempt ended, for the program and for people.
#[derive(Debug)]
pub(super) struct AttemptEnd {
    /// `None` when this process stopped it.
    pub(super) outcome: Option<AttemptOutcome>,
    /// Why it was skipped or waits, which files matched, and what the function noted.
    pub(super) note: Option<String>,
}

/// An attempt that has ended.
#[derive(Debug)]
pub(super) struct FinishedAttempt {
    pub(super) id: Uuid,
    pub(super) fencing_token: i64,
    pub(super) end: AttemptEnd,
}

/// A function that runs in the background, with everything an attempt needs.
#[derive(Clone, Debug)]
pub(crate) struct BackgroundHandler {
    pub(crate) path: String,
    pub(crate) background: BackgroundWork,
    pub(crate) shared: Arc<SharedData>,
    /// What decides before each attempt whether to call the function.
    pub(crate) check: Option<Arc<dyn AttemptCheck>>,
}

impl BackgroundHandler {
    /// Creates an attempt, which reports its end on `finished`, and the handle that stops it. A change of
    /// `lease_expiries` stops it as well.
    pub(super) fn attempt(
        &self,
        claimed: Claimed,
        (log, span): (AttemptLog, Option<ActiveSpan>),
        finished: mpsc::UnboundedSender<FinishedAttempt>,
        mut lease_expiries: watch::Receiver<u64>,
    ) -> (impl Future<Output = ()> + Send + 'static, AbortHandle) {
        let (id, fencing_token) = (claimed.id, claimed.fencing_token);
        let (abort, registration) = AbortHandle::new_pair();
        let stopped = async move {
            tokio::select! {
                Err(Aborted) = Abortable::new(pending::<()>(), registration) => {}
                Ok(()) = lease_expiries.changed() => {}
            }
        };
        let attempt = self.run(Attempt::of(claimed, log, span), stopped);
        let reported = async move {
            let end = attempt.await;
            let _ = finished.send(FinishedAttempt { id, fencing_token, end });
        };
        (reported, abort)
    }

    /// Runs an attempt until it ends, or until it is `stopped`.
    pub(super) fn run(
        &self,
        attempt: Attempt,
        stopped: impl Future<Output = ()> + Send + 'static,
    ) -> impl Future<Output = AttemptEnd> + Send + 'static {
        let Attempt { waits, snoozes, origin, .. } = attempt;
        let policy = self.background.policy;
        // Of the level of errors, so that a filter of levels does not disable it: without the span, the lines of the
        // function belong to no attempt.
        let span = AttemptLog::span(attempt.log, || {
            tracing::error_span!(
                target: DELIVERY,
                ATTEMPT_SPAN,
                endpoint = self.path,
                delivery = %attempt.id,
                webhook_id = attempt.webhook_id.as_deref().map(crate::payload::cut),
                attempt = attempt.attempt
            )
        });
        let traced = attempt.span;
        let notes = AttemptNotes::default();
        let delivery = Delivery {
            id: attempt.id,
            webhook_id: attempt.webhook_id,
            attempt: attempt.attempt,
            max_attempts: policy.attempts,
            received_at: attempt.received_at,
            endpoint: self.path.clone(),
            merged: attempt.merged.iter().map(Uuid::to_string).collect(),
            notes: notes.clone(),
        };
        let on_thread = OnThread::default();
        let task = BackgroundTask {
            body: attempt.body,
            delivery,
            shared: Arc::clone(&self.shared),
            on_thread: on_thread.clone(),
        };
        let run = self.background.run;
        let check = self.check.clone().filter(|_| origin.is_checked());
        let attempt = async move {
            let noted = notes.clone();
            // Dropping the future or its result may panic too, so that happens inside as well.
            let running = async move {
                let mut stopped = pin!(stopped);
                if let Some(check) = check {
                    match decide(&*check, &task, waits, stopped.as_mut()).await {
                        Ok(note) => noted.add(&note.unwrap_or_default()),
                        Err(end) => return end,
                    }
                }
                let (outcome, returned) =
                    outcome(run(task), &on_thread, policy.timeout, stopped).await;
                let outcome = outcome.map(|outcome| snoozed(outcome, snoozes));
                let reason = outcome.as_ref().and_then(AttemptOutcome::note);
                let end = returned.as_ref().map(Note::text).or(reason);
                let note = noted.join(end);
                AttemptEnd { outcome, note }
            };
            caught_in(running).await.unwrap_or_else(|panic| {
                // The panic message is logged as the error of the attempt.
                tracing::error!(target: DELIVERY, location = panic.location(), "the function panicked");
                let outcome = Some(failed(format!("it panicked: {}", panic.text())));
                AttemptEnd { outcome, note: notes.join(None) }
            })
        };
        let attempt = match traced {
            Some(traced) => Either::Left(in_span(traced, attempt)),
            None => Either::Right(attempt),
        };
        attempt.instrument(span)
    }
}

/// Decides whether to call the function. Returns the note of an attempt that calls it, and the end of one that does
/// not.
async fn decide(
    check: &dyn AttemptCheck,
    task: &BackgroundTask,
    waits: u32,
    stopped: impl Future<Output = ()>,
) -> Result<Option<String>, AttemptEnd> {
    let decision = tokio::select! {
        biased;
        decision = check.decide(task) => decision,
        // Not a release, which counts: the function was not called.
        () = stopped => AttemptDecision::Wait {
            reason: "the server stopped before it was decided whether to call the function".to_owned(),
            at_least: Duration::ZERO,
        },
    };
    match decision {
        AttemptDecision::Run { note } => Ok(note),
        AttemptDecision::Skip { reason } => {
            Err(AttemptEnd { outcome: Some(AttemptOutcome::Skipped), note: Some(reason) })
        }
        AttemptDecision::Wait { reason, at_least } => {
            let outcome = AttemptOutcome::Undecided { waits: waits.saturating_add(1), at_least };
            Err(AttemptEnd { outcome: Some(outcome), note: Some(reason) })
        }
    }
}

/// Awaits a function until it ends, exceeds its timeout, or is stopped, which returns `None`. Also returns the note that
/// the function returned.
///
/// After the timeout or a stop, the future of an `async fn` is dropped. A thread keeps running whatever
/// happens to its future, so a `fn` is awaited to its end: meanwhile its delivery is not run a second time,
/// and its result counts.
async fn outcome(
    mut running: TaskFuture,
    on_thread: &OnThread,
    timeout: Duration,
    stopped: impl Future<Output = ()>,
) -> (Option<AttemptOutcome>, Option<Note>) {
    let started = Instant::now();
    let result = tokio::select! {
        biased;
        result = &mut running => Some(result),
        () = sleep(timeout) => None,
        () = stopped => {
            if !on_thread.get() {
                return (None, None);
            }
            None
        }
    };
    let result = match result {
        Some(result) => result,
        None if on_thread.get() => running.await,
        None => return (Some(AttemptOutcome::timed_out(timeout)), None),
    };
    if result.is_ok() && started.elapsed() > timeout {
        tracing::warn!(
            target: DELIVERY,
            ?timeout,
            duration = ?started.elapsed(),
            "the function succeeded after its timeout: set a longer timeout"
        );
    }
    match result {
        Ok(note) => (Some(AttemptOutcome::Succeeded), note),
        Err(failure) => (Some(AttemptOutcome::Failed(failure)), None),
    }
}

/// Returns the outcome of a function that asked to run the delivery again later.
fn snoozed(outcome: AttemptOutcome, snoozes: u32) -> AttemptOutcome {
    match outcome {
        AttemptOutcome::Failed(TaskFailure { text, retry_after: Some(after), .. }) => {
            let snoozes = snoozes.saturating_add(1);
            AttemptOutcome::Snoozed { snoozes, after, reason: text }
        }
        other => other,
    }
}

fn failed(text: String) -> AttemptOutcome {
    AttemptOutcome::Failed(TaskFailure { text, permanent: false, retry_after: None })
}

#[cfg(test)]
mod tests;

//! Runs one attempt of a delivery.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use actix_web::web::Bytes;
use futures_util::future::{AbortHandle, Abortable, Aborted};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};
use tracing::Instrument;
use uuid::Uuid;

use super::delivery::Claimed;
use super::outcome::AttemptOutcome;
use crate::endpoint::Delivery;
use crate::endpoint::background::{
    AttemptCheck, AttemptDecision, BackgroundTask, BackgroundWork, OnThread, SharedData,
    TaskFailure, TaskFuture,
};
use crate::endpoint::call::DELIVERY;
use crate::endpoint::panic::caught_in;

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
    pub(super) body: Bytes,
}

/// How an attempt ended, for the program and for people.
#[derive(Debug)]
pub(super) struct AttemptEnd {
    /// `None` when this process stopped it.
    pub(super) outcome: Option<AttemptOutcome>,
    /// Why it was skipped or waits, or which files matched.
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
        finished: mpsc::UnboundedSender<FinishedAttempt>,
        mut lease_expiries: watch::Receiver<u64>,
    ) -> (impl Future<Output = ()> + Send + 'static, AbortHandle) {
        let Claimed { id, fencing_token, webhook_id, attempt, waits, snoozes, .. } = claimed;
        let Claimed { received_at, body, .. } = claimed;
        let (abort, registration) = AbortHandle::new_pair();
        let stopped = async move {
            tokio::select! {
                Err(Aborted) = Abortable::new(pending::<()>(), registration) => {}
                Ok(()) = lease_expiries.changed() => {}
            }
        };
        let id_text = id.to_string();
        let attempt =
            Attempt { id: id_text, webhook_id, attempt, waits, snoozes, received_at, body };
        let attempt = self.run(attempt, stopped);
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
        let Attempt { id, webhook_id, attempt, waits, snoozes, received_at, body } = attempt;
        let policy = self.background.policy;
        let span = tracing::info_span!(
            target: DELIVERY,
            "delivery",
            endpoint = self.path,
            delivery = %id,
            webhook_id = webhook_id.as_deref().map(crate::payload::cut),
            attempt
        );
        let delivery = Delivery {
            id,
            webhook_id,
            attempt,
            max_attempts: policy.attempts,
            received_at,
            endpoint: self.path.clone(),
        };
        let on_thread = OnThread::default();
        let task = BackgroundTask {
            body,
            delivery,
            shared: Arc::clone(&self.shared),
            on_thread: on_thread.clone(),
        };
        let (run, check) = (self.background.run, self.check.clone());
        let attempt = async move {
            // Dropping the future or its result may panic too, so that happens inside as well.
            let running = async move {
                let mut stopped = pin!(stopped);
                let note = match check {
                    None => None,
                    Some(check) => match decide(&*check, &task, waits, stopped.as_mut()).await {
                        Ok(note) => note,
                        Err(end) => return end,
                    },
                };
                let outcome = outcome(run(task), &on_thread, policy.timeout, stopped).await;
                let outcome = outcome.map(|outcome| snoozed(outcome, snoozes));
                AttemptEnd { outcome, note }
            };
            caught_in(running).await.unwrap_or_else(|panic| {
                // The panic message is logged as the error of the attempt.
                tracing::error!(target: DELIVERY, location = panic.location(), "the function panicked");
                let outcome = Some(failed(format!("it panicked: {}", panic.text())));
                AttemptEnd { outcome, note: None }
            })
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

/// Awaits a function until it ends, exceeds its timeout, or is stopped, which returns `None`.
///
/// After the timeout or a stop, the future of an `async fn` is dropped. A thread keeps running whatever
/// happens to its future, so a `fn` is awaited to its end: meanwhile its delivery is not run a second time,
/// and its result counts.
async fn outcome(
    mut running: TaskFuture,
    on_thread: &OnThread,
    timeout: Duration,
    stopped: impl Future<Output = ()>,
) -> Option<AttemptOutcome> {
    let started = Instant::now();
    let result = tokio::select! {
        biased;
        result = &mut running => Some(result),
        () = sleep(timeout) => None,
        () = stopped => {
            if !on_thread.get() {
                return None;
            }
            None
        }
    };
    let result = match result {
        Some(result) => result,
        None if on_thread.get() => running.await,
        None => return Some(AttemptOutcome::timed_out(timeout)),
    };
    if result.is_ok() && started.elapsed() > timeout {
        tracing::warn!(
            target: DELIVERY,
            ?timeout,
            duration = ?started.elapsed(),
            "the function succeeded after its timeout: set a longer timeout"
        );
    }
    Some(result.map_or_else(AttemptOutcome::Failed, |()| AttemptOutcome::Succeeded))
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
mod tests {
    use std::future::ready;
    use std::sync::Mutex;

    use futures_util::FutureExt;
    use futures_util::future::BoxFuture;

    use super::*;
    use crate::endpoint::background::Policy;

    /// A check that always decides the same; `None` never decides.
    #[derive(Debug)]
    struct Decided(Mutex<Option<AttemptDecision>>);

    impl AttemptCheck for Decided {
        fn decide<'a>(&'a self, _: &'a BackgroundTask) -> BoxFuture<'a, AttemptDecision> {
            match self.0.lock().unwrap().clone() {
                Some(decision) => ready(decision).boxed(),
                None => pending().boxed(),
            }
        }
    }

    /// Runs an attempt, whose function fails, after a decision.
    async fn after(decision: Option<AttemptDecision>, stopped: bool) -> AttemptEnd {
        let run = |_| {
            async { Err(TaskFailure { text: "busy".into(), permanent: false, retry_after: None }) }
                .boxed()
        };
        let handler = BackgroundHandler {
            path: "/webhooks/train".to_owned(),
            background: BackgroundWork::__new(Policy::DEFAULT, |_| Ok(()), |_| Vec::new(), run),
            shared: Arc::default(),
            check: Some(Arc::new(Decided(Mutex::new(decision)))),
        };
        let (id, body) = (String::new(), Bytes::new());
        let received_at = SystemTime::now();
        let (waits, snoozes) = (3, 0);
        let attempt =
            Attempt { id, webhook_id: None, attempt: 1, waits, snoozes, received_at, body };
        let stop = if stopped { ready(()).boxed() } else { pending().boxed() };
        handler.run(attempt, stop).await
    }

    #[tokio::test]
    async fn an_attempt_calls_the_function_only_if_its_check_says_so() {
        let note = Some("data/a.csv".to_owned());
        let end = after(Some(AttemptDecision::Run { note: note.clone() }), false).await;
        assert_eq!((end.outcome, end.note), (Some(failed("busy".into())), note));

        let reason = "own: made by me".to_owned();
        let end = after(Some(AttemptDecision::Skip { reason: reason.clone() }), false).await;
        assert_eq!((end.outcome, end.note), (Some(AttemptOutcome::Skipped), Some(reason)));

        let (reason, at_least) = ("the Hub does not respond".to_owned(), Duration::from_secs(9));
        let wait = AttemptDecision::Wait { reason: reason.clone(), at_least };
        let end = after(Some(wait), false).await;
        let undecided = AttemptOutcome::Undecided { waits: 4, at_least };
        assert_eq!((end.outcome, end.note), (Some(undecided), Some(reason)));
    }

    #[tokio::test]
    async fn an_attempt_that_is_stopped_before_its_decision_is_undecided() {
        let end = after(None, true).await;
        let undecided = AttemptOutcome::Undecided { waits: 4, at_least: Duration::ZERO };
        assert_eq!(end.outcome, Some(undecided));
    }
}

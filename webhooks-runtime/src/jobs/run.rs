//! Runs one attempt of a delivery.

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use actix_web::web::Bytes;
use futures_util::future::{AbortHandle, Abortable, Aborted};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};
use tracing::Instrument;
use uuid::Uuid;

use super::delivery::Claimed;
use super::state::AttemptOutcome;
use crate::endpoint::Delivery;
use crate::endpoint::background::{
    BackgroundTask, BackgroundWork, OnThread, SharedData, TaskFailure, TaskFuture,
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
    pub(super) received_at: SystemTime,
    pub(super) body: Bytes,
}

/// An attempt that has ended.
#[derive(Debug)]
pub(super) struct FinishedAttempt {
    pub(super) id: Uuid,
    pub(super) fencing_token: i64,
    /// `None` when this process stopped it.
    pub(super) outcome: Option<AttemptOutcome>,
}

/// A function that runs in the background, with everything an attempt needs.
#[derive(Clone, Debug)]
pub(crate) struct BackgroundHandler {
    pub(crate) path: String,
    pub(crate) background: BackgroundWork,
    pub(crate) shared: Arc<SharedData>,
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
        let Claimed { id, fencing_token, webhook_id, attempt, received_at, body, .. } = claimed;
        let (abort, registration) = AbortHandle::new_pair();
        let stopped = async move {
            tokio::select! {
                Err(Aborted) = Abortable::new(pending::<()>(), registration) => {}
                Ok(()) = lease_expiries.changed() => {}
            }
        };
        let attempt = Attempt { id: id.to_string(), webhook_id, attempt, received_at, body };
        let attempt = self.run(attempt, stopped);
        let reported = async move {
            let outcome = attempt.await;
            let _ = finished.send(FinishedAttempt { id, fencing_token, outcome });
        };
        (reported, abort)
    }

    /// Runs an attempt until it ends, or until it is `stopped`, which returns `None`.
    pub(super) fn run(
        &self,
        attempt: Attempt,
        stopped: impl Future<Output = ()> + Send + 'static,
    ) -> impl Future<Output = Option<AttemptOutcome>> + Send + 'static {
        let Attempt { id, webhook_id, attempt, received_at, body } = attempt;
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
        let run = self.background.run;
        // Dropping the future or its result may panic too, so that happens inside as well.
        let running = async move { outcome(run(task), &on_thread, policy.timeout, stopped).await };
        let attempt = async move {
            caught_in(running).await.unwrap_or_else(|panic| {
                // The panic message is logged as the error of the attempt.
                tracing::error!(target: DELIVERY, location = panic.location(), "the function panicked");
                Some(failed(format!("it panicked: {}", panic.text())))
            })
        };
        attempt.instrument(span)
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

fn failed(text: String) -> AttemptOutcome {
    AttemptOutcome::Failed(TaskFailure { text, permanent: false })
}

//! Runs one attempt of a delivery and reports how it ended.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{AbortHandle, Abortable, Aborted};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};
use tracing::Instrument;
use uuid::Uuid;

use super::state::End;
use super::store::Claimed;
use crate::endpoint::Delivery;
use crate::endpoint::background::{Background, OnThread, Shared, Task, TaskFailure, TaskFuture};
use crate::endpoint::call::DELIVERY;
use crate::endpoint::panic::caught_in;

/// An attempt that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) id: Uuid,
    pub(super) fence: i64,
    /// `None` when it was stopped from here.
    pub(super) end: Option<End>,
}

/// A function with what it needs.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    pub(crate) path: String,
    pub(crate) background: Background,
    pub(crate) shared: Arc<Shared>,
}

impl Function {
    /// An attempt, for the workers, which tells when it has ended, and what stops it.
    pub(super) fn attempt(
        &self,
        claimed: Claimed,
        told: mpsc::UnboundedSender<Ended>,
        mut cut_off: watch::Receiver<u64>,
    ) -> (impl Future<Output = ()> + Send + 'static, AbortHandle) {
        let Claimed { id, fence, webhook_id, attempt, received_at, body, .. } = claimed;
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
            id: id.to_string(),
            webhook_id,
            attempt,
            max_attempts: policy.attempts,
            received_at,
            endpoint: self.path.clone(),
        };
        let on_thread = OnThread::default();
        let task =
            Task { body, delivery, shared: Arc::clone(&self.shared), on_thread: on_thread.clone() };
        let run = self.background.run;
        let (stop, registration) = AbortHandle::new_pair();
        let stopped = async move {
            tokio::select! {
                Err(Aborted) = Abortable::new(pending::<()>(), registration) => {}
                Ok(()) = cut_off.changed() => {}
            }
        };
        // Covers the drop of the future and of its result, which may panic, too.
        let ending = async move { end(run(task), &on_thread, policy.timeout, stopped).await };
        let attempt = async move {
            let end = caught_in(ending).await.unwrap_or_else(|panic| {
                // Its message is the error of the attempt, which is logged with what follows from it.
                tracing::error!(target: DELIVERY, location = panic.location(), "the function panicked");
                Some(failed(format!("it panicked: {}", panic.text())))
            });
            let _ = told.send(Ended { id, fence, end });
        };
        (attempt.instrument(span), stop)
    }
}

/// Awaits a function until it has ended, is past its timeout, or is stopped from here, which gives `None`.
///
/// The future of an `async fn` is dropped then. A thread goes on whatever its future does, so a `fn` is
/// awaited to its end: its delivery isn't run a second time meanwhile, and what it returns counts.
async fn end(
    mut running: TaskFuture,
    on_thread: &OnThread,
    timeout: Duration,
    stopped: impl Future<Output = ()>,
) -> Option<End> {
    let began = Instant::now();
    let ended = tokio::select! {
        biased;
        ended = &mut running => Some(ended),
        () = sleep(timeout) => None,
        () = stopped => {
            if !on_thread.get() {
                return None;
            }
            None
        }
    };
    let ended = match ended {
        Some(ended) => ended,
        None if on_thread.get() => running.await,
        None => return Some(End::timed_out(timeout)),
    };
    if ended.is_ok() && began.elapsed() > timeout {
        tracing::warn!(
            target: DELIVERY,
            ?timeout,
            duration = ?began.elapsed(),
            "the function succeeded after its timeout; set a longer one"
        );
    }
    Some(ended.map_or_else(End::Failed, |()| End::Succeeded))
}

fn failed(text: String) -> End {
    End::Failed(TaskFailure { text, permanent: false })
}

//! One attempt: calls the function, for as long as it may take, and tells how it ended.

use std::sync::Arc;

use futures_util::future::{AbortHandle, Aborted, abortable};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::Instrument;
use uuid::Uuid;

use super::state::End;
use super::store::Claimed;
use crate::endpoint::Delivery;
use crate::endpoint::background::{Background, Hold, Shared, Task, TaskFailure};
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
        let (hold, mut released) = Hold::new();
        let task = Task { body, delivery, shared: Arc::clone(&self.shared), hold };
        let run = self.background.run;
        let (running, stop) = abortable(async move { timeout(policy.timeout, run(task)).await });
        // With what is dropped at its end, as that may panic, too.
        let ending = async move {
            match running.await {
                Ok(Ok(Ok(()))) => Some(End::Succeeded),
                Ok(Ok(Err(failure))) => Some(End::Failed(failure)),
                Ok(Err(_)) => Some(failed(format!("it took longer than {:?}", policy.timeout))),
                Err(Aborted) => None,
            }
        };
        let attempt = async move {
            let end = caught_in(ending).await.unwrap_or_else(|panic| {
                // Its message is the error of the attempt, which is logged with what follows from it.
                tracing::error!(target: DELIVERY, location = panic.location(), "the function panicked");
                Some(failed(format!("it panicked: {}", panic.text())))
            });
            // A thread cannot be stopped. Until it ends the delivery is not run again.
            if !released.is_over() {
                tracing::error!(target: DELIVERY, "the function was given up, and its thread goes on");
                released.over().await;
            }
            let _ = told.send(Ended { id, fence, end });
        };
        (attempt.instrument(span), stop)
    }
}

fn failed(text: String) -> End {
    End::Failed(TaskFailure { text, permanent: false })
}

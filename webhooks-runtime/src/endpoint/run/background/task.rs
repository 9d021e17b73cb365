//! One run of a background function: the delivery, its shared data and the outcome.

use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::web::Bytes;

use crate::endpoint::delivery::Delivery;
use crate::endpoint::extract::body::BodyFaults;
use crate::endpoint::note::Note;
use crate::endpoint::respond::causes::{causes, is_permanent, retry_after};
use crate::endpoint::shared::SharedData;

/// A delivery to run.
#[derive(Clone, Debug)]
pub struct BackgroundTask {
    pub(crate) body: Bytes,
    pub(crate) delivery: Delivery,
    pub(crate) shared: Arc<SharedData>,
    pub(crate) on_thread: OnThread,
}

/// Whether a function runs on a thread of the blocking pool. A thread cannot be stopped, so its future is awaited
/// to the end. The future of an `async fn` may be dropped.
#[derive(Clone, Debug, Default)]
pub(crate) struct OnThread(Arc<AtomicBool>);

impl OnThread {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The end of a run: the note that the function returned, or its failure.
pub(crate) type TaskResult = Result<Option<Note>, TaskFailure>;

/// The run of a function.
pub type TaskFuture = Pin<Box<dyn Future<Output = TaskResult> + Send>>;

/// The failure of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskFailure {
    /// The error with its causes.
    pub(crate) text: String,
    /// Whether a retry cannot fix it.
    pub(crate) permanent: bool,
    /// When to run it again, if the function says so. The attempt does not count then.
    pub(crate) retry_after: Option<Duration>,
}

impl TaskFailure {
    pub(crate) fn of(error: &(dyn StdError + 'static)) -> Self {
        let permanent = is_permanent(error);
        let retry_after = retry_after(error).filter(|_| !permanent);
        Self { text: causes(error), permanent, retry_after }
    }

    /// Returns the failure for a stored body that the function can no longer read, because another version of the
    /// program accepted it. The next version may read it again, so a retry may fix it.
    pub(super) fn unreadable(faults: &BodyFaults) -> Self {
        Self {
            text: format!("the function can no longer read the payload: {faults}"),
            permanent: false,
            retry_after: None,
        }
    }
}

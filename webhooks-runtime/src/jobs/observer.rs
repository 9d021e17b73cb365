//! Defines the observer of background deliveries, which is notified of each attempt that has ended, of each delivery
//! that is dead, and of each response of the store.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::state::{State, Transition};
use crate::trace::Tracer;

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum AttemptResult {
    Succeeded,
    /// The function was not called, because the delivery is not for it.
    Skipped,
    /// The function failed, and is called again later.
    Failed,
    /// The function failed, and is not called again.
    Dead,
    /// The function asked to be called again later.
    Snoozed,
    /// It could not be decided whether to call the function.
    Undecided,
    /// The server shut down.
    Released,
    /// A person cancelled the delivery.
    Cancelled,
    /// A newer delivery of the key replaced it.
    Superseded,
}

impl AttemptResult {
    pub(crate) const ALL: [Self; 9] = [
        Self::Succeeded,
        Self::Skipped,
        Self::Failed,
        Self::Dead,
        Self::Snoozed,
        Self::Undecided,
        Self::Released,
        Self::Cancelled,
        Self::Superseded,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::Dead => "dead",
            Self::Snoozed => "snoozed",
            Self::Undecided => "undecided",
            Self::Released => "released",
            Self::Cancelled => "cancelled",
            Self::Superseded => "superseded",
        }
    }

    /// Returns whether the function failed.
    pub(super) fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Dead)
    }

    /// Returns the result of an attempt with this transition, whose delivery is in this state afterwards.
    pub(super) fn of(next: Transition, state: State) -> Self {
        match next {
            Transition::Done => Self::Succeeded,
            Transition::Skipped => Self::Skipped,
            Transition::Retry { .. } | Transition::CountedSnooze { .. } => Self::Failed,
            Transition::Dead => Self::Dead,
            Transition::Snooze { .. } => Self::Snoozed,
            Transition::Wait { .. } => Self::Undecided,
            Transition::Released => Self::Released,
            Transition::Cancelled if state == State::Superseded => Self::Superseded,
            Transition::Cancelled => Self::Cancelled,
        }
    }
}

/// An operation of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum StoreOperation {
    /// Stores a batch of deliveries.
    Accept,
    /// Writes the results of attempts, and claims the next deliveries.
    Claim,
    /// Renews the lease.
    Heartbeat,
    /// Writes log lines of running attempts.
    WriteLogs,
    /// Everything that people, the page and the other parts ask for.
    Query,
}

impl StoreOperation {
    pub(crate) const ALL: [Self; 5] =
        [Self::Accept, Self::Claim, Self::Heartbeat, Self::WriteLogs, Self::Query];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Claim => "claim",
            Self::Heartbeat => "heartbeat",
            Self::WriteLogs => "write_logs",
            Self::Query => "query",
        }
    }
}

/// An observer of background deliveries. It is called on the thread of the store, so it must not wait. Every method has
/// a default that does nothing.
pub(crate) trait JobsObserver: Send + Sync {
    /// Is called when an attempt has ended that this process ran.
    fn attempt_ended(&self, _endpoint: &str, _result: AttemptResult, _duration: Duration) {}

    /// Is called when the store has written that a delivery is dead, in the one process that has written it.
    fn delivery_died(&self, _id: Uuid) {}

    /// Is called when the store has responded.
    fn store_responded(&self, _operation: StoreOperation, _duration: Duration, _succeeded: bool) {}
}

/// Notifies the observers, in the order of the parts that they belong to, and starts spans.
#[derive(Clone, Default)]
pub(crate) struct JobsObservers {
    observers: Arc<[Arc<dyn JobsObserver>]>,
    /// Starts the spans of deliveries, if a part does.
    pub(super) tracer: Option<Arc<dyn Tracer>>,
}

impl JobsObservers {
    pub(crate) fn new(
        observers: impl Iterator<Item = Arc<dyn JobsObserver>>,
        tracer: Option<Arc<dyn Tracer>>,
    ) -> Self {
        Self { observers: observers.collect(), tracer }
    }

    pub(super) fn attempt_ended(&self, endpoint: &str, result: AttemptResult, duration: Duration) {
        for observer in &*self.observers {
            observer.attempt_ended(endpoint, result, duration);
        }
    }

    pub(super) fn deliveries_died(&self, ids: impl Iterator<Item = Uuid>) {
        for id in ids {
            for observer in &*self.observers {
                observer.delivery_died(id);
            }
        }
    }

    /// Awaits an operation of the store, and reports how long it took. One that is dropped is not reported.
    pub(super) async fn measure<T, E>(
        &self,
        operation: StoreOperation,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        if self.observers.is_empty() {
            return future.await;
        }
        let started = Instant::now();
        let result = future.await;
        let duration = started.elapsed();
        for observer in &*self.observers {
            observer.store_responded(operation, duration, result.is_ok());
        }
        result
    }
}

impl fmt::Debug for JobsObservers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobsObservers({})", self.observers.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_attempt_is_superseded_only_if_its_delivery_is() {
        let stopped = |state| AttemptResult::of(Transition::Cancelled, state);
        assert_eq!(stopped(State::Superseded), AttemptResult::Superseded);
        assert_eq!(stopped(State::Cancelled), AttemptResult::Cancelled);
        // A failure is one, whatever happens to the delivery.
        let failed = Transition::Retry { after: Duration::ZERO };
        assert_eq!(AttemptResult::of(failed, State::Cancelled), AttemptResult::Failed);
    }
}

//! Defines the data for the page and the command line: lists and details of deliveries, retries and purges.

use std::time::{Duration, SystemTime};

use actix_web::web::Bytes;
use uuid::Uuid;

use super::delivery::{ClaimId, DeliveryOrigin};
use super::state::State;
use crate::endpoint::short;

/// Which deliveries to list.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeliveryFilter {
    pub(crate) state: Option<State>,
    /// The endpoint's path.
    pub(crate) endpoint: Option<String>,
    /// The maximum length of the list.
    pub(crate) limit: u32,
}

/// A delivery as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeliverySummary {
    pub(crate) id: Uuid,
    /// The endpoint's path.
    pub(crate) endpoint: String,
    pub(crate) webhook_id: Option<String>,
    /// The action and scope, such as `update repo.content`; `None` when the payload has none.
    pub(crate) event: Option<String>,
    /// The repo's name; `None` when the payload has none.
    pub(crate) repo: Option<String>,
    pub(crate) state: State,
    /// Whether its replica is to stop the attempt: a person cancelled it, or a newer delivery of its key replaces it.
    pub(crate) cancel_requested: bool,
    /// How many attempts have started.
    pub(crate) attempts: u32,
    pub(crate) received_at: SystemTime,
    /// When the next attempt is due, for a queued delivery.
    pub(crate) run_at: Option<SystemTime>,
    /// When the current attempt started, for a running delivery.
    pub(crate) started_at: Option<SystemTime>,
    /// When the delivery became done, dead, superseded or cancelled.
    pub(crate) ended_at: Option<SystemTime>,
    /// The error of the last failed attempt.
    pub(crate) error: Option<String>,
    /// The note of the last attempt: why it was skipped or waits, or which files matched.
    pub(crate) note: Option<String>,
    pub(crate) key: Option<String>,
    /// The newer delivery that replaced it.
    pub(crate) superseded_by: Option<Uuid>,
    /// How many older deliveries it carries.
    pub(crate) merged: u32,
    pub(crate) origin: DeliveryOrigin,
}

/// How long after its timeout an attempt counts as overdue. An `async fn` has been dropped by then.
pub(crate) const OVERDUE_MARGIN: Duration = Duration::from_secs(1);

impl DeliverySummary {
    /// Returns whether an attempt runs past the timeout of its endpoint, by this machine's clock.
    pub(crate) fn is_overdue(&self, timeout: Option<Duration>) -> bool {
        let started = self.started_at.filter(|_| self.state == State::Running);
        let age = started.and_then(|started| SystemTime::now().duration_since(started).ok());
        age.zip(timeout).is_some_and(|(age, timeout)| age > timeout.saturating_add(OVERDUE_MARGIN))
    }

    /// Returns the state as people read it.
    pub(crate) fn state_label(&self, timeout: Option<Duration>) -> &'static str {
        match self.state {
            State::Running if self.cancel_requested => "stopping",
            State::Running if self.is_overdue(timeout) => "timed out, still running",
            state => state.name(),
        }
    }
}

/// A failed attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FailedAttempt {
    pub(crate) attempt: u32,
    pub(crate) started_at: SystemTime,
    pub(crate) ended_at: SystemTime,
    pub(crate) error: String,
}

/// A delivery in full.
#[derive(Clone, Debug)]
pub(crate) struct DeliveryDetail {
    pub(crate) summary: DeliverySummary,
    /// Its failed attempts, oldest first.
    pub(crate) failed: Vec<FailedAttempt>,
    pub(crate) body: Bytes,
}

/// Which dead deliveries to retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryTarget {
    One(Uuid),
    AllDead,
}

/// Which deliveries to cancel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CancelTarget {
    One(Uuid),
    /// All queued and running deliveries of the endpoint with this path.
    Endpoint(String),
}

/// What a cancellation did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CancelReport {
    /// How many queued deliveries were cancelled.
    pub(crate) cancelled: u64,
    /// The claims of the running deliveries that their replicas stop.
    pub(crate) stopping: Vec<ClaimId>,
    /// The running deliveries that cannot be stopped, because their functions are not async.
    pub(crate) refused: Vec<Uuid>,
}

/// Formats since when an endpoint is paused, and how to resume it.
pub(crate) fn paused_text(path: &str, since: SystemTime) -> String {
    format!(
        "{path} has been paused since {}: its deliveries stay queued until `deliveries resume {}`",
        humantime::format_rfc3339_seconds(since),
        short(path)
    )
}

/// Which deliveries to delete on request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Purge {
    /// [`State::Dead`] or [`State::Queued`].
    pub(crate) state: State,
    /// The endpoint's path; `None` for every endpoint.
    pub(crate) endpoint: Option<String>,
    /// The minimum time since they died or, for queued ones, were accepted.
    pub(crate) older_than: Duration,
}

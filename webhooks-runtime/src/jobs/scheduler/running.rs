//! Keeps track of the attempts that this replica runs.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::AbortHandle;
use tokio::time::Instant;

use crate::endpoint::call::DELIVERY;
use crate::jobs::delivery::ClaimId;
use crate::jobs::inspect::OVERDUE_MARGIN;
use crate::jobs::log_buffer::AttemptLog;
use crate::jobs::outcome::AttemptOutcome;
use crate::jobs::run::BackgroundHandler;
use crate::trace::ActiveSpan;

/// The bounds of the time after which an overdue attempt is reported again. It starts with the timeout
/// and doubles with each report.
const REMINDER: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10 * 60));

/// A running attempt.
pub(super) struct RunningAttempt {
    pub(super) endpoint: usize,
    pub(super) attempt: u32,
    /// How often the delivery was released before.
    pub(super) releases: u32,
    pub(super) webhook_id: Option<String>,
    pub(super) abort: AbortHandle,
    pub(super) log: AttemptLog,
    /// Its span, if it has one.
    pub(super) span: Option<ActiveSpan>,
    /// Whether it was stopped because a person cancelled it, or for a newer delivery.
    pub(super) cancelled: bool,
    pub(super) started: Instant,
    /// When it is next reported as overdue, and the time from then to the next report.
    pub(super) reminder: (Instant, Duration),
    /// Whether this process still owns the delivery: not since it registered as another replica.
    pub(super) owned: bool,
    /// How often this replica's lease had expired when the attempt started.
    pub(super) lease_expiries: u64,
}

impl RunningAttempt {
    /// Returns when to report an attempt with this timeout as overdue.
    pub(super) fn first_reminder(started: Instant, timeout: Duration) -> (Instant, Duration) {
        (started, timeout.clamp(REMINDER.0, REMINDER.1))
    }

    /// Returns whether this replica's lease may have expired since the attempt started.
    pub(super) fn outlived_lease(&self, lease_expiries: u64) -> bool {
        self.lease_expiries != lease_expiries
    }

    /// Returns the outcome of an attempt that was stopped, because it was cancelled, the process shuts down, or its lease
    /// expired. An attempt that had used up its timeout has failed.
    pub(super) fn interrupted(&self, timeout: Duration, lease_expiries: u64) -> AttemptOutcome {
        if self.outlived_lease(lease_expiries) {
            AttemptOutcome::Lost
        } else if self.cancelled {
            AttemptOutcome::Cancelled
        } else if self.started.elapsed() > timeout {
            AttemptOutcome::timed_out(timeout)
        } else {
            AttemptOutcome::Released { releases: self.releases + 1 }
        }
    }
}

/// The running attempts of this replica.
pub(super) struct RunningAttempts {
    attempts: HashMap<ClaimId, RunningAttempt>,
    per_endpoint: Vec<u32>,
}

impl RunningAttempts {
    pub(super) fn new(endpoints: usize) -> Self {
        Self { attempts: HashMap::new(), per_endpoint: vec![0; endpoints] }
    }

    pub(super) fn insert(&mut self, claim: ClaimId, attempt: RunningAttempt) {
        self.per_endpoint[attempt.endpoint] += 1;
        self.attempts.insert(claim, attempt);
    }

    pub(super) fn remove(&mut self, claim: ClaimId) -> Option<RunningAttempt> {
        let attempt = self.attempts.remove(&claim)?;
        self.per_endpoint[attempt.endpoint] -= 1;
        Some(attempt)
    }

    /// Removes all attempts and returns those that this process owns.
    pub(super) fn take_owned(&mut self) -> Vec<(ClaimId, RunningAttempt)> {
        self.per_endpoint.fill(0);
        self.attempts.drain().filter(|(_, attempt)| attempt.owned).collect()
    }

    /// Returns how many attempts of an endpoint are running.
    pub(super) fn of_endpoint(&self, endpoint: usize) -> u32 {
        self.per_endpoint[endpoint]
    }

    pub(super) fn len(&self) -> usize {
        self.attempts.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.attempts.is_empty()
    }

    /// Stops every attempt that can be stopped.
    pub(super) fn abort_all(&self) {
        for attempt in self.attempts.values() {
            attempt.abort.abort();
        }
    }

    /// Stops the attempts of these claims that can be stopped. Others go on, and their results count. A later attempt of
    /// one of the deliveries is another claim.
    pub(super) fn cancel(&mut self, claims: &[ClaimId]) {
        for claim in claims {
            if let Some(attempt) = self.attempts.get_mut(claim)
                && attempt.owned
            {
                attempt.cancelled = true;
                attempt.abort.abort();
            }
        }
    }

    /// Stops every attempt, and discards whatever they still return.
    pub(super) fn disown_all(&mut self) {
        self.abort_all();
        for attempt in self.attempts.values_mut() {
            attempt.owned = false;
            attempt.log.close();
        }
    }

    /// Reports attempts past their timeouts, repeatedly, and returns their number. A thread cannot be
    /// stopped, nor can an `async fn` that reaches no `.await`, and each occupies a slot of its endpoint.
    pub(super) fn report_overdue(&mut self, handlers: &[BackgroundHandler]) -> usize {
        let mut overdue = 0;

        for ((id, _), running) in &mut self.attempts {
            let handler = &handlers[running.endpoint];
            let (timeout, age) = (handler.background.policy.timeout, running.started.elapsed());
            if age <= timeout.saturating_add(OVERDUE_MARGIN) {
                continue;
            }
            overdue += 1;
            let (due, pause) = running.reminder;
            if due > Instant::now() {
                continue;
            }
            running.reminder = (Instant::now() + pause, (pause * 2).min(REMINDER.1));
            tracing::warn!(
                target: DELIVERY,
                endpoint = handler.path,
                delivery = %id,
                webhook_id = running.webhook_id.as_deref().map(crate::payload::cut),
                attempt = running.attempt,
                ?timeout,
                ?age,
                "the function exceeded its timeout and is still running: it is not retried until it ends"
            );
        }
        overdue
    }
}

//! Schedules background deliveries: claims them while there are free slots, starts attempts, and writes
//! their results to the store.
//!
//! Each round is one transaction. It completes every attempt that has ended since the last round and claims
//! the next deliveries.

mod claim;
mod finish;
mod running;
mod shutdown;
#[cfg(feature = "background")]
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use self::finish::AttemptSummary;
use self::running::{RunningAttempt, RunningAttempts};
use super::delivery::{ClaimId, Claimed, Completion, ReplicaId};
use super::log_buffer::AttemptLog;
use super::observer::{JobsObservers, StoreOperation};
use super::run::{BackgroundHandler, FinishedAttempt};
use super::store::Store;
use super::wakeups::Wakeups;
use crate::task;
use crate::trace::AttemptStart;

/// The interval between polls of the store, which find what no wakeup announces: a delivery that another
/// process queued or cancelled, or a slot that another replica freed.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How long a burst of arriving deliveries may delay a round.
const MAX_BURST_DELAY: Duration = Duration::from_millis(20);

/// The first and the longest pause before a round is retried after the store failed.
const RETRY_PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// A command to the scheduler.
pub(super) enum SchedulerCommand {
    /// The replica's lease expired, and this process is registered under another id from now on.
    Reregistered(ReplicaId),
    /// Stop the attempts of these claims.
    Cancel(Vec<ClaimId>),
    /// Stop claiming, wait for running attempts until the deadline, release the rest, and confirm.
    Shutdown(Instant, oneshot::Sender<()>),
}

/// The scheduler of this replica.
pub(super) struct Scheduler {
    store: Arc<dyn Store>,
    handlers: Vec<BackgroundHandler>,
    wakeups: Arc<Wakeups>,
    /// The runtime that runs the functions.
    workers: Handle,
    replica: ReplicaId,
    /// Changes with each round that changed a delivery.
    changes: watch::Sender<u64>,
    /// Counts how often this replica's lease may have expired. A change stops the running attempts.
    pub(super) lease_expiries: watch::Sender<u64>,
    /// When this replica's lease ends. `None` until a heartbeat has renewed it, and where leases do not end.
    pub(super) lease_ends: watch::Sender<Option<Instant>>,
    /// How many attempts run past their timeouts.
    pub(super) overdue: Arc<AtomicUsize>,
    pub(super) observers: JobsObservers,
    running: RunningAttempts,
    /// Results that have not been written to the store yet.
    completions: Vec<Completion>,
    /// Announces that a running attempt has logged something.
    unwritten: mpsc::UnboundedSender<AttemptLog>,
    /// Attempts to log once the store has decided what happens to their deliveries.
    undecided: Vec<AttemptSummary>,
    finished: (mpsc::UnboundedSender<FinishedAttempt>, mpsc::UnboundedReceiver<FinishedAttempt>),
    /// The number of live replicas. Each claims its share of an endpoint's concurrency at once, and with
    /// the next poll what the others leave of theirs.
    replicas: u32,
    /// When the next round may start after the store failed, and the pause until then.
    pause: Option<(Instant, Duration)>,
    has_run: bool,
}

impl Scheduler {
    pub(super) fn new(
        store: Arc<dyn Store>,
        handlers: Vec<BackgroundHandler>,
        wakeups: Arc<Wakeups>,
        workers: Handle,
        replica: ReplicaId,
        changes: watch::Sender<u64>,
        unwritten: mpsc::UnboundedSender<AttemptLog>,
    ) -> Self {
        Self {
            running: RunningAttempts::new(handlers.len()),
            store,
            handlers,
            wakeups,
            workers,
            replica,
            changes,
            lease_expiries: watch::Sender::new(0),
            lease_ends: watch::Sender::new(None),
            overdue: Arc::default(),
            observers: JobsObservers::default(),
            completions: Vec::new(),
            unwritten,
            undecided: Vec::new(),
            finished: mpsc::unbounded_channel(),
            replicas: 1,
            pause: None,
            has_run: false,
        }
    }

    /// Runs until it is shut down. May be called again after a panic.
    pub(super) async fn run(&mut self, commands: &mut mpsc::Receiver<SchedulerCommand>) {
        if std::mem::replace(&mut self.has_run, true) {
            // Deliveries that were claimed but not started before the panic are unknown now. The next
            // heartbeat finds this replica gone and registers another one, which recovers all of them.
            if let Err(error) = self.store.deregister(self.replica).await {
                tracing::error!(
                    %error,
                    "this replica could not be deregistered after a panic: deliveries that it had claimed \
                     may not run until the server restarts"
                );
            }
        }
        let wakeups = Arc::clone(&self.wakeups);
        let store = Arc::clone(&self.store);
        let (mut next_poll, mut last_round) = (Instant::now(), Instant::now());
        let mut last_overdue_check = Instant::now();
        loop {
            let paused = self.pause.map(|(until, _)| until);
            let poll_at = paused.unwrap_or(next_poll);
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(SchedulerCommand::Reregistered(replica)) => self.reregister(replica),
                    Some(SchedulerCommand::Cancel(claims)) => self.running.cancel(&claims),
                    Some(SchedulerCommand::Shutdown(deadline, done)) => {
                        self.shut_down(deadline, done, commands).await;
                        return;
                    }
                    None => return,
                },
                Some(finished) = self.finished.1.recv() => self.finish_with_others(finished),
                () = wakeups.notified(), if paused.is_none() => {}
                () = store.notified(), if paused.is_none() => self.wakeups.wake_all(),
                () = sleep_until(poll_at) => {}
            }
            // Not in its branch: attempts of a busy endpoint may end all the time, and those of the others wait for a poll.
            let is_poll = poll_at <= Instant::now();
            if is_poll {
                self.wakeups.wake_all();
                next_poll = Instant::now() + POLL_INTERVAL;
            }
            if last_overdue_check.elapsed() >= POLL_INTERVAL {
                last_overdue_check = Instant::now();
                let overdue = self.running.report_overdue(&self.handlers);
                self.overdue.store(overdue, Ordering::Relaxed);
            }
            wakeups.let_many_arrive(last_round + MAX_BURST_DELAY).await;
            last_round = Instant::now();
            self.finish_ended();
            if self.pause.is_none_or(|(until, _)| until <= Instant::now())
                && let Some(next_due) = self.round(is_poll).await
            {
                next_poll = next_poll.min(Instant::now() + next_due);
            }
        }
    }

    /// Runs one round and returns the time until the next delivery is due. A poll does not leave the other replicas
    /// their share of the slots. While no slot is free, it finds the running deliveries that another process cancelled.
    async fn round(&mut self, is_poll: bool) -> Option<Duration> {
        let requests = self.claim_requests(!is_poll);
        let may_be_cancelled = is_poll && !self.running.is_empty();
        if self.completions.is_empty() && requests.is_empty() && !may_be_cancelled {
            return None;
        }
        let step = self.store.complete_and_claim(self.replica, &self.completions, &requests);
        let response = match self.observers.measure(StoreOperation::Claim, step).await {
            Ok(response) => response,
            Err(error) => {
                let pause =
                    self.pause.map_or(RETRY_PAUSE.0, |(_, last)| (last * 2).min(RETRY_PAUSE.1));
                if self.pause.is_none() {
                    tracing::error!(
                        %error,
                        "the store of background deliveries is unavailable: no more deliveries start until it \
                         is available again"
                    );
                }
                self.pause = Some((Instant::now() + pause, pause));
                return None;
            }
        };
        if self.pause.take().is_some() {
            tracing::info!("the store of background deliveries is available again");
            self.wakeups.wake_all();
        }
        self.replicas = response.replicas.max(1);
        let changed = !self.completions.is_empty() || !response.claimed.is_empty();
        self.confirm_completions(&response.stale, &response.diverted);
        self.running.cancel(&response.cancelled);
        self.mark_filled(&requests, &response.claimed);
        if self.has_lease() {
            self.start(response.claimed);
        } else {
            self.give_up(response.claimed);
        }
        if changed {
            self.changes.send_modify(|count| *count = count.wrapping_add(1));
        }
        response.next_due
    }

    /// Starts attempts, waking one worker for all of them.
    fn start(&mut self, claimed: Vec<Claimed>) {
        let mut attempts = Vec::with_capacity(claimed.len());
        for claimed in claimed {
            let claim = (claimed.id, claimed.fencing_token);
            let Claimed { endpoint, attempt, releases, .. } = claimed;
            let webhook_id = claimed.webhook_id.clone();
            let log = AttemptLog::new(claim, self.unwritten.clone());
            let span = self.observers.tracer.as_ref().map(|tracer| {
                tracer.start_attempt(&AttemptStart {
                    endpoint: &self.handlers[endpoint].path,
                    delivery: claimed.id,
                    attempt,
                    context: claimed.trace.as_deref(),
                    merged: &claimed.merged_traces,
                })
            });
            let (running, abort) = self.handlers[endpoint].attempt(
                claimed,
                (log.clone(), span.clone()),
                self.finished.0.clone(),
                self.lease_expiries.subscribe(),
            );
            attempts.push(running);
            let started = Instant::now();
            let running = RunningAttempt {
                endpoint,
                attempt,
                releases,
                webhook_id,
                abort,
                log,
                span,
                cancelled: false,
                started,
                reminder: RunningAttempt::first_reminder(started, self.timeout(endpoint)),
                owned: true,
                lease_expiries: *self.lease_expiries.borrow(),
            };
            self.running.insert(claim, running);
        }
        if !attempts.is_empty() {
            let start = async move {
                for attempt in attempts {
                    task::spawn(attempt);
                }
            };
            self.workers.spawn(start.boxed());
        }
    }

    /// Continues as another replica. Other replicas own everything that the former one ran.
    fn reregister(&mut self, replica: ReplicaId) {
        tracing::error!(
            running = self.running.len(),
            "lease expired: this process missed its heartbeats, and its deliveries were reassigned"
        );
        self.replica = replica;
        self.discard_completions();
        self.running.disown_all();
        self.wakeups.wake_all();
    }
}

//! Shuts the scheduler down: drains running attempts until a deadline and releases the rest.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

use super::{POLL_INTERVAL, RETRY_PAUSE, Scheduler, SchedulerCommand};

/// How long a function may take to end after it was stopped.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// How long to keep trying to write the last results.
const WRITE_LIMIT: Duration = Duration::from_secs(5);

impl Scheduler {
    /// Waits for running attempts until the deadline, stops and releases the rest, deregisters, and confirms on `done`.
    pub(super) async fn shut_down(
        &mut self,
        deadline: Instant,
        done: oneshot::Sender<()>,
        commands: &mut mpsc::Receiver<SchedulerCommand>,
    ) {
        let mut confirmations = vec![done];
        self.drain(deadline, commands, &mut confirmations).await;
        self.running.abort_all();
        // A function that is waiting at an `.await` ends at once.
        self.drain(Instant::now() + STOP_GRACE, commands, &mut confirmations).await;
        let lease_expiries = *self.lease_expiries.borrow();
        for (claim, running) in self.running.take_owned() {
            let outcome = running.interrupted(self.timeout(running.endpoint), lease_expiries);
            self.complete(claim, running, &outcome, None);
        }
        let latest = Instant::now() + WRITE_LIMIT;
        while !self.completions.is_empty() && Instant::now() < latest {
            match self.store.complete_and_claim(self.replica, &self.completions, &[]).await {
                Ok(response) => self.confirm_completions(&response.stale, &response.diverted),
                Err(error) => {
                    tracing::error!(
                        %error,
                        "the results of background deliveries could not be written to their store"
                    );
                    sleep(RETRY_PAUSE.0).await;
                }
            }
        }
        self.discard_completions();
        if let Err(error) = self.store.deregister(self.replica).await {
            tracing::error!(
                %error,
                "this replica could not be deregistered: deliveries that it still owns are recovered when \
                 its lease expires"
            );
        }
        for done in confirmations {
            let _ = done.send(());
        }
    }

    /// Waits until nothing runs. Writes results and obeys commands meanwhile, and collects the confirmations of further
    /// shutdowns.
    async fn drain(
        &mut self,
        deadline: Instant,
        commands: &mut mpsc::Receiver<SchedulerCommand>,
        confirmations: &mut Vec<oneshot::Sender<()>>,
    ) {
        while !self.running.is_empty() {
            tokio::select! {
                Some(finished) = self.finished.1.recv() => self.finish(finished),
                Some(command) = commands.recv() => match command {
                    SchedulerCommand::Reregistered(replica) => self.reregister(replica),
                    SchedulerCommand::Cancel(claims) => self.running.cancel(&claims),
                    SchedulerCommand::Shutdown(_, done) => confirmations.push(done),
                },
                // Another process may have cancelled one.
                () = sleep(POLL_INTERVAL) => {}
                () = sleep_until(deadline) => return,
            }
            self.finish_ended();
            let step = self.store.complete_and_claim(self.replica, &self.completions, &[]);
            if let Ok(response) = step.await {
                self.confirm_completions(&response.stale, &response.diverted);
                self.running.cancel(&response.cancelled);
                self.changes.send_modify(|count| *count = count.wrapping_add(1));
            }
        }
    }
}

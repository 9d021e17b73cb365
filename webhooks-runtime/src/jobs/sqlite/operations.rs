//! Operations of the store that take several commands.

use tokio::time::{Instant, sleep};

use super::command::{CHUNK, CommandReply, WriterCommand};
use super::{SqliteStore, read};
use crate::jobs::attempt_log::LogUpdate;
use crate::jobs::delivery::{Completion, RecoveryReport, ReplicaId};
use crate::jobs::error::StoreError;
use crate::jobs::inspect::{CancelReport, CancelTarget, Purge, RetryTarget};
use crate::jobs::outcome::AttemptOutcome;
use crate::jobs::store::{RecoveryPolicy, Retention};

impl SqliteStore {
    /// Sends a command until it has no full chunk of work left, and pauses between chunks so that other
    /// processes can write: SQLite's lock is not fair, and whoever polls when it is released gets it.
    pub(super) async fn in_chunks(
        &self,
        chunk: impl Fn(CommandReply<u64>) -> WriterCommand,
    ) -> Result<u64, StoreError> {
        let mut total = 0;
        loop {
            let start = Instant::now();
            let done = self.send(&chunk).await?;
            total += done;
            if done < CHUNK {
                return Ok(total);
            }
            sleep(start.elapsed()).await;
        }
    }

    pub(super) async fn recover(
        &self,
        replica: ReplicaId,
        decide: RecoveryPolicy<'_>,
    ) -> Result<RecoveryReport, StoreError> {
        let lost = self.send(|reply| WriterCommand::FindLost(replica, reply)).await?;
        let completions = lost.iter().map(|lost| {
            let next = decide(lost.endpoint, lost.attempt);
            (
                lost.replica,
                Completion {
                    id: lost.id,
                    fencing_token: lost.fencing_token,
                    next,
                    error: AttemptOutcome::Lost.error().map(str::to_owned),
                    note: None,
                    log: LogUpdate::default(),
                },
            )
        });
        let completions: Vec<_> = completions.collect();
        self.send(|reply| WriterCommand::RecoverLost(replica, completions, reply)).await
    }

    pub(super) async fn purge_all_expired(&self, retention: Retention) -> Result<u64, StoreError> {
        // Once and not per chunk, because it reads all queued rows.
        self.send(WriterCommand::CountBacklog).await?;
        let mut deleted = 0;
        loop {
            let step =
                self.send(move |reply| WriterCommand::PurgeExpired(retention, reply)).await?;
            deleted += step.deleted;
            if step.is_complete {
                break;
            }
        }
        self.in_chunks(WriterCommand::FreePages).await?;
        Ok(deleted)
    }

    /// Deletes the deliveries that a person purges. Pauses between chunks, as [`in_chunks`](Self::in_chunks) does.
    pub(super) async fn purge_matching(&self, purge: &Purge) -> Result<u64, StoreError> {
        let mut deleted = 0;
        loop {
            let start = Instant::now();
            let step = self.send(|reply| WriterCommand::Purge(purge.clone(), reply)).await?;
            deleted += step.deleted;
            if step.is_complete {
                break;
            }
            sleep(start.elapsed()).await;
        }
        self.in_chunks(WriterCommand::FreePages).await?;
        Ok(deleted)
    }

    pub(super) async fn retry_dead(&self, target: RetryTarget) -> Result<u64, StoreError> {
        match target {
            RetryTarget::One(id) => self.send(|reply| WriterCommand::Retry(id, reply)).await,
            RetryTarget::AllDead => {
                // Not those that die meanwhile: one that fails at once would be retried forever.
                let Some(until) = self.send(WriterCommand::LastDeadAt).await? else {
                    return Ok(0);
                };
                self.in_chunks(|reply| WriterCommand::RetryDead(until, reply)).await
            }
        }
    }

    pub(super) async fn cancel_target(
        &self,
        target: &CancelTarget,
    ) -> Result<CancelReport, StoreError> {
        match target {
            CancelTarget::One(id) => self.send(|reply| WriterCommand::Cancel(*id, reply)).await,
            CancelTarget::Endpoint(path) => {
                // Not those that arrive meanwhile.
                let until = self.reader.query(read::newest).await?;
                let mut before = 0;
                loop {
                    let start = Instant::now();
                    let chunk = |reply| WriterCommand::CancelEndpoint(path.clone(), until, reply);
                    let report = self.send(chunk).await?;
                    if report.cancelled < CHUNK {
                        return Ok(CancelReport { cancelled: before + report.cancelled, ..report });
                    }
                    before += report.cancelled;
                    sleep(start.elapsed()).await;
                }
            }
        }
    }
}

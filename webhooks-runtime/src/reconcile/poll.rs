//! Compares the refs of the watched repos with the commits that were seen, and has the missing deliveries made.

use std::collections::HashMap;
use std::mem;
use std::time::Duration;

use tokio::time::Instant;

use super::ReconciledEndpoint;
use super::decide::{RefDecision, UnconfirmedCommit, decide};
use super::make::{DeliveryMaker, MakeOutcome, MissingMove, ReconcileError};
use super::memory::ComparedRepo;
use super::repos::{refs, repos};
use super::seen::SeenCommit;
use crate::hub::{HubError, RepoId};

/// The status with which the Hub limits requests.
const LIMITED: u16 = 429;

/// Asks the Hub for all endpoints.
pub(super) struct Poller {
    pub(super) maker: DeliveryMaker,
    pub(super) endpoints: Vec<ReconciledEndpoint>,
    /// How long a difference must last.
    pub(super) confirm: Duration,
}

/// The differences that must be confirmed, of this replica while it has the lease.
pub(super) type PendingCommits = HashMap<String, UnconfirmedCommit>;

/// The outcome of a poll.
#[derive(Debug, Default)]
pub(super) struct PollOutcome {
    /// Whether a difference must be confirmed, or its delivery could not be made.
    pub(super) is_pending: bool,
    /// The first failure.
    pub(super) failed: Option<PollFailure>,
}

/// Why something could not be asked for or stored.
#[derive(Debug)]
pub(super) struct PollFailure {
    /// The repo or owner.
    pub(super) what: String,
    pub(super) error: ReconcileError,
    /// How long the Hub asks to wait.
    pub(super) wait: Option<Duration>,
}

impl Poller {
    /// Asks for every watched repo.
    pub(super) async fn poll(&self, pending: &mut PendingCommits) -> PollOutcome {
        let mut noticed = mem::take(pending);
        let mut failed = None;
        'poll: for endpoint in &self.endpoints {
            for watched in endpoint.conditions.watched_repos() {
                let repos = match repos(&self.maker.hub, watched).await {
                    Ok(repos) => repos,
                    Err(error) => {
                        if fail(&mut failed, watched.to_string(), error.into()) {
                            break 'poll;
                        }
                        continue;
                    }
                };
                for repo in repos {
                    let compared = self.compare(endpoint, &repo, &mut noticed, pending).await;
                    if let Err(error) = compared {
                        let what = format!("{repo} for {}", endpoint.path);
                        if fail(&mut failed, what, error) {
                            break 'poll;
                        }
                    }
                }
            }
        }
        if failed.is_some() {
            // They may be of a repo that could not be compared.
            pending.extend(noticed);
        }
        PollOutcome { is_pending: !pending.is_empty(), failed }
    }

    /// Compares the refs of a repo. Of several failures, it returns the first one.
    async fn compare(
        &self,
        endpoint: &ReconciledEndpoint,
        repo: &RepoId,
        noticed: &mut PendingCommits,
        pending: &mut PendingCommits,
    ) -> Result<(), ReconcileError> {
        let (memory, name) = (&self.maker.memory, repo.to_string());
        let of = ComparedRepo { endpoint: &endpoint.path, repo: &name };
        // First: what the log has by then, the Hub knows when it responds.
        let log = memory.log(of).await?;
        let refs = refs(&self.maker.hub, repo, &endpoint.conditions).await?;
        let mut seen = memory.seen(of).await?;
        // A ref that is created again is a new one.
        seen.retain(|ref_name, _| refs.contains_key(ref_name));
        let mut failed = None;
        for (ref_name, current) in &refs {
            let from = seen.get(ref_name).cloned();
            let from = from.unwrap_or_else(|| SeenCommit::new(current, log.last_id()));
            let to = from.then(current, log.last_id());
            let progress = log.progress(ref_name, &from, current);
            let key = format!("{} {name} {ref_name}", endpoint.path);
            let before = noticed.remove(&key);
            match decide(progress, before.clone(), Instant::now(), self.confirm) {
                RefDecision::UpToDate => {
                    seen.insert(ref_name.clone(), to);
                }
                RefDecision::Pending(commit) => {
                    pending.insert(key, commit);
                }
                RefDecision::Missing { old, new } => {
                    let missing = MissingMove { ref_name, old, new, from: &from, to: &to };
                    match self.maker.make(endpoint, repo, missing).await {
                        Ok(MakeOutcome::Seen) => {
                            seen.insert(ref_name.clone(), to);
                        }
                        Ok(MakeOutcome::Changed) => {}
                        Err(error) => {
                            // It stays confirmed.
                            pending.extend(before.map(|commit| (key, commit)));
                            let is_limited = is_limited(&error);
                            failed.get_or_insert(error);
                            if is_limited {
                                break;
                            }
                        }
                    }
                }
            }
        }
        if self.maker.lease.renew().await {
            // They are stored for a limited time, from now on.
            memory.set_seen(of, &seen).await?;
        }
        failed.map_or(Ok(()), Err)
    }
}

/// Notes the first failure and the longest time to wait. Returns whether the Hub limits requests, so that nothing else is
/// asked for now.
fn fail(failed: &mut Option<PollFailure>, what: String, error: ReconcileError) -> bool {
    let (is_limited, wait) = (is_limited(&error), retry_after(&error));
    let failed = failed.get_or_insert(PollFailure { what, error, wait });
    failed.wait = failed.wait.max(wait);
    is_limited
}

fn is_limited(error: &ReconcileError) -> bool {
    let error = error.downcast_ref::<HubError>();
    error.is_some_and(|it| it.status() == Some(LIMITED) || it.retry_after().is_some())
}

fn retry_after(error: &ReconcileError) -> Option<Duration> {
    error.downcast_ref().and_then(HubError::retry_after)
}

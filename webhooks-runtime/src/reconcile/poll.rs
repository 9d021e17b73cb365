//! Compares the refs of the watched repos with the commits that were seen, and has the missing deliveries made.

use std::collections::HashMap;
use std::mem;
use std::time::Duration;

use tokio::time::Instant;

use super::ReconciledEndpoint;
use super::decide::{RefDecision, UnconfirmedCommit, decide};
use super::make::{DeliveryMaker, ReconcileError};
use super::memory::{ComparedRepo, SeenCommit};
use super::payload::MovedRef;
use super::repos::{refs, repos};
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
    /// Whether a difference must be confirmed.
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

    /// Compares the refs of a repo.
    async fn compare(
        &self,
        endpoint: &ReconciledEndpoint,
        repo: &RepoId,
        noticed: &mut PendingCommits,
        pending: &mut PendingCommits,
    ) -> Result<(), ReconcileError> {
        let (memory, name) = (&self.maker.memory, repo.to_string());
        let of = ComparedRepo { endpoint: &endpoint.path, repo: &name };
        // First: what deliveries have brought by then, the Hub knows in its response.
        let log = memory.log(of).await?;
        let refs = refs(&self.maker.hub, repo, &endpoint.conditions).await?;
        let mut seen = memory.seen(of).await?;
        // A ref that is created again is a new one.
        seen.retain(|ref_name, _| refs.contains_key(ref_name));
        for (ref_name, current) in &refs {
            let from = seen.get(ref_name).cloned();
            let from = from.unwrap_or_else(|| SeenCommit::new(current, log.last_id()));
            let moves = log.moves(ref_name, from.after);
            let key = format!("{} {name} {ref_name}", endpoint.path);
            let (before, is_known) = (noticed.remove(&key), moves.bring(&from.sha, current));
            match decide(current, is_known, before, Instant::now(), self.confirm) {
                RefDecision::UpToDate => {
                    seen.insert(ref_name.clone(), from.then(current, log.last_id()));
                }
                RefDecision::Pending(commit) => {
                    pending.insert(key, commit);
                }
                RefDecision::Missing => {
                    let old = moves.last_after(&from.sha);
                    let moved = MovedRef { ref_name, old, new: current };
                    let missing = self.maker.prepare(endpoint, repo, moved, from.since).await?;
                    let to = from.then(current, log.last_id());
                    self.maker.make(of, ref_name, (from, to), missing, &mut seen).await?;
                }
            }
        }
        // They are stored for a limited time, from now on.
        memory.set_seen(of, &seen).await?;
        Ok(())
    }
}

/// Notes the first failure and the longest time to wait. Returns whether the Hub limits requests, so that nothing else is
/// asked for now.
fn fail(failed: &mut Option<PollFailure>, what: String, error: ReconcileError) -> bool {
    let hub_error = error.downcast_ref::<HubError>();
    let is_limited = hub_error.is_some_and(|error| error.status() == Some(LIMITED));
    let wait = hub_error.and_then(HubError::retry_after);
    let failed = failed.get_or_insert(PollFailure { what, error, wait });
    failed.wait = failed.wait.max(wait);
    is_limited || wait.is_some()
}

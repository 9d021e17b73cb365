//! Compares the refs of the watched repos with those that were seen, and makes the deliveries that are missing.

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use uuid::Uuid;

use super::ReconciledEndpoint;
use super::decide::{RefDecision, SeenCommit, UnconfirmedCommit, decide};
use super::memory::{RefMemory, WatchedRef};
use super::payload::{MovedRef, payload};
use super::repos::{refs, repos};
use crate::endpoint::filter::Verdict;
use crate::hub::{Hub, HubError, RepoId, RepoInfo};
use crate::jobs::{Accepted, DeliveryKey, DeliveryOrigin, IncomingDelivery, Jobs};
use crate::payload::read_tolerantly;

/// An error of the Hub or of the store.
type PollError = Box<dyn Error + Send + Sync>;

/// Asks the Hub for all endpoints.
pub(super) struct Poller {
    pub(super) hub: Hub,
    pub(super) jobs: Jobs,
    pub(super) memory: RefMemory,
    pub(super) endpoints: Vec<ReconciledEndpoint>,
    /// How long a difference must last.
    pub(super) confirm: Duration,
    /// What could not be asked for in the last poll. Each is logged once until it works again.
    pub(super) failing: Mutex<HashSet<String>>,
    /// Locked from the check whether a delivery has arrived after all until the one that is made is noted. Whoever ends
    /// the polls locks it first.
    pub(super) making: Arc<tokio::sync::Mutex<()>>,
}

/// The differences that must be confirmed, of this replica while it has the lease.
pub(super) type PendingCommits = HashMap<String, UnconfirmedCommit>;

/// The outcome of a poll.
#[derive(Debug, Default)]
pub(super) struct PollOutcome {
    /// Whether a difference must be confirmed.
    pub(super) is_pending: bool,
    /// Whether something could not be asked for, and how long the Hub asks to wait.
    pub(super) failed: Option<Option<Duration>>,
}

impl PollOutcome {
    /// Returns whether the Hub asks to wait, so that nothing else is asked for now.
    fn must_wait(&self) -> bool {
        self.failed.flatten().is_some()
    }
}

impl Poller {
    /// Asks for every watched repo.
    pub(super) async fn poll(&self, pending: &mut PendingCommits) -> PollOutcome {
        let mut outcome = PollOutcome::default();
        for endpoint in &self.endpoints {
            for watched in endpoint.conditions.watched_repos() {
                let found = repos(&self.hub, watched).await.map_err(PollError::from);
                let Some(repos) = self.report(&watched.to_string(), found, &mut outcome) else {
                    if outcome.must_wait() {
                        return outcome;
                    }
                    continue;
                };
                for repo in repos {
                    let compared = self.compare(endpoint, &repo, pending).await;
                    let name = format!("{repo} for {}", endpoint.path);
                    self.report(&name, compared, &mut outcome);
                    if outcome.must_wait() {
                        return outcome;
                    }
                }
            }
        }
        outcome.is_pending = !pending.is_empty();
        outcome
    }

    /// Logs an error once while it lasts.
    fn report<T>(
        &self,
        what: &str,
        result: Result<T, PollError>,
        outcome: &mut PollOutcome,
    ) -> Option<T> {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(value) => {
                failing.remove(what);
                Some(value)
            }
            Err(error) => {
                let hub_error = error.downcast_ref::<HubError>();
                let wait = hub_error.and_then(HubError::retry_after);
                outcome.failed = Some(outcome.failed.flatten().max(wait));
                if failing.insert(what.to_owned()) {
                    tracing::warn!(
                        %error,
                        "cannot look for missed deliveries of {what}: they are found when this works again"
                    );
                }
                None
            }
        }
    }

    /// Compares the refs of a repo.
    async fn compare(
        &self,
        endpoint: &ReconciledEndpoint,
        repo: &RepoId,
        pending: &mut PendingCommits,
    ) -> Result<(), PollError> {
        let (refs, name) = (refs(&self.hub, repo).await?, repo.to_string());
        for (ref_name, sha) in &refs {
            let of = WatchedRef { endpoint: &endpoint.path, repo: &name, ref_name };
            let seen = self.memory.seen(&of).await?;
            let noticed = pending.remove(&of.key());
            match (decide(sha, seen.as_ref(), noticed.as_ref(), Instant::now(), self.confirm), seen)
            {
                (RefDecision::Unchanged, _) => {}
                (RefDecision::Pending(noticed), _) => {
                    pending.insert(of.key(), noticed);
                }
                (RefDecision::Missing, Some(seen)) => {
                    let info = self.hub.repo_info(repo).await?;
                    let _making = self.making.lock().await;
                    // Its delivery may have arrived while the Hub was asked.
                    if self.memory.seen(&of).await?.as_ref() != Some(&seen) {
                        continue;
                    }
                    let moved = MovedRef { ref_name, old: &seen.sha, new: sha };
                    let made = self.make(endpoint, repo, &info, moved).await?;
                    self.memory.set_seen(&of, &seen.followed_by(sha, made)).await?;
                }
                (RefDecision::Baseline | RefDecision::Missing, _) => {
                    let seen = SeenCommit { sha: sha.clone(), earlier: Vec::new(), made: None };
                    self.memory.set_seen(&of, &seen).await?;
                }
            }
        }
        Ok(())
    }

    /// Makes the delivery of a commit, unless the endpoint's filter skips it. Returns its id.
    async fn make(
        &self,
        endpoint: &ReconciledEndpoint,
        repo: &RepoId,
        info: &RepoInfo,
        moved: MovedRef<'_>,
    ) -> Result<Option<Uuid>, PollError> {
        let body = payload(&self.hub, repo, info, moved);
        let parsed = read_tolerantly(&body).map_err(|_| "the payload is invalid")?;
        let verdict = endpoint.conditions.evaluate(&parsed.payload, &parsed.deviations);
        if verdict != Verdict::Match {
            return Ok(None);
        }
        let key = (endpoint.background.check)(&body).map_err(|faults| faults.to_string());
        let key = key.and_then(|()| {
            let key = DeliveryKey::of(&endpoint.background, &body, Some(Box::new(parsed)));
            key.map_err(|_| "the key is unknown".to_owned())
        });
        let key = match key {
            Ok(key) => key,
            Err(reason) => {
                let path = &endpoint.path;
                tracing::warn!(
                    reason,
                    "{path} cannot read the payload of a missed delivery of {repo}, so it is skipped"
                );
                return Ok(None);
            }
        };
        let incoming = IncomingDelivery {
            path: &endpoint.path,
            webhook_id: None,
            received_at: SystemTime::now(),
            body,
            key,
            force: false,
            origin: DeliveryOrigin::Reconcile,
        };
        match self.jobs.accept(incoming).await? {
            Accepted::Queued(id) | Accepted::Duplicate(id, _) => {
                tracing::info!(
                    endpoint = endpoint.path,
                    delivery = %id,
                    "found a commit whose delivery the Hub did not send: {} of {repo}",
                    moved.ref_name
                );
                Ok(Some(id))
            }
            Accepted::StoreFull | Accepted::BacklogFull => {
                Err("the store of background deliveries is full".into())
            }
        }
    }
}

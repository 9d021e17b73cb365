//! Compares the refs of the watched repos with those that were seen, and makes the deliveries that are missing.

use std::collections::HashSet;
use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::ReconciledEndpoint;
use super::decide::{RefDecision, SeenCommit, decide};
use super::memory::{RefMemory, WatchedRef};
use super::payload::{MovedRef, payload};
use super::repos::{refs, repos};
use crate::endpoint::filter::Verdict;
use crate::hub::{Hub, HubError, RepoId};
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
}

/// What a poll has found.
#[derive(Debug, Default)]
pub(super) struct PollOutcome {
    /// Whether a difference must be confirmed.
    pub(super) is_pending: bool,
    /// Whether something could not be asked for, and how long the Hub asks to wait.
    pub(super) failed: Option<Option<Duration>>,
}

impl Poller {
    /// Asks for every watched repo.
    pub(super) async fn poll(&self) -> PollOutcome {
        let mut outcome = PollOutcome::default();
        for endpoint in &self.endpoints {
            for watched in endpoint.conditions.watched_repos() {
                let found = repos(&self.hub, watched).await.map_err(PollError::from);
                let Some(repos) = self.report(&watched.to_string(), found, &mut outcome) else {
                    continue;
                };
                for repo in repos {
                    let compared = self.compare(endpoint, &repo).await;
                    let name = format!("{repo} for {}", endpoint.path);
                    let is_pending = self.report(&name, compared, &mut outcome);
                    outcome.is_pending |= is_pending.unwrap_or_default();
                }
            }
        }
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

    /// Compares the refs of a repo. Returns whether a difference must be confirmed.
    async fn compare(
        &self,
        endpoint: &ReconciledEndpoint,
        repo: &RepoId,
    ) -> Result<bool, PollError> {
        let (refs, name) = (refs(&self.hub, repo).await?, repo.to_string());
        let mut is_pending = false;
        for (ref_name, sha) in &refs {
            let of = WatchedRef { endpoint: &endpoint.path, repo: &name, ref_name };
            let seen = self.memory.seen(&of).await?;
            if seen.as_ref().is_some_and(|seen| seen.sha == *sha) {
                continue;
            }
            let mut found = self.memory.found(&of).await?;
            let decision = decide(sha, seen.as_ref(), found.pending.as_ref(), now(), self.confirm);
            let old = match (decision, seen) {
                (RefDecision::Unchanged, _) => continue,
                (RefDecision::Pending(pending), _) => {
                    is_pending = true;
                    found.pending = Some(pending);
                    self.memory.set_found(&of, &found).await?;
                    continue;
                }
                (RefDecision::Missing, Some(seen)) => Some(seen.sha),
                (RefDecision::Baseline | RefDecision::Missing, _) => None,
            };
            if let Some(old) = &old {
                let made = self.make(endpoint, repo, MovedRef { ref_name, old, new: sha }).await?;
                found.pending = None;
                found.made = made.map(|id| (sha.clone(), id)).or(found.made);
                self.memory.set_found(&of, &found).await?;
            }
            self.memory.set_seen(&of, &SeenCommit { sha: sha.clone(), old }).await?;
        }
        Ok(is_pending)
    }

    /// Makes the delivery of a commit, unless the endpoint's filter skips it. Returns its id.
    async fn make(
        &self,
        endpoint: &ReconciledEndpoint,
        repo: &RepoId,
        moved: MovedRef<'_>,
    ) -> Result<Option<String>, PollError> {
        let info = self.hub.repo_info(repo).await?;
        let body = payload(&self.hub, repo, &info, moved);
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
                Ok(Some(id.to_string()))
            }
            Accepted::StoreFull | Accepted::BacklogFull => {
                Err("the store of background deliveries is full".into())
            }
        }
    }
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

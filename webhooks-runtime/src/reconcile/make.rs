//! Makes the delivery of a commit that the Hub did not send.

use std::error::Error;
use std::sync::Arc;
use std::time::SystemTime;

use actix_web::web::Bytes;
use tokio::sync::Mutex as AsyncMutex;

use super::ReconciledEndpoint;
use super::lease::PollLease;
use super::memory::{ComparedRepo, RefMemory};
use super::payload::{MovedRef, payload};
use super::ref_log::{RefLogEntry, RefProgress};
use super::seen::SeenCommit;
use crate::endpoint::background::CheckedBody;
use crate::endpoint::filter::Verdict;
use crate::hub::{Hub, RepoId};
use crate::jobs::{Accepted, DeliveryKey, DeliveryOrigin, IncomingDelivery, Jobs};
use crate::payload::read_tolerantly;

/// An error of the Hub or of the store.
pub(super) type ReconcileError = Box<dyn Error + Send + Sync>;

/// Makes deliveries.
#[derive(Clone)]
pub(super) struct DeliveryMaker {
    pub(super) hub: Hub,
    pub(super) jobs: Jobs,
    pub(super) memory: RefMemory,
    pub(super) lease: Arc<PollLease>,
    /// Locked from the check whether a delivery has arrived after all until the one that is made is noted. Anyone who
    /// ends the polls locks it first.
    pub(super) making: Arc<AsyncMutex<()>>,
}

/// A move of a ref whose delivery is missing.
pub(super) struct MissingMove<'a> {
    pub(super) ref_name: &'a str,
    pub(super) old: &'a str,
    pub(super) new: &'a str,
    /// The commit that was seen before, and the current one, which is seen afterwards. Deliveries can have moved the ref
    /// from the first one to `old`, and from `new` to the second one.
    pub(super) from: &'a SeenCommit,
    pub(super) to: &'a SeenCommit,
}

/// What has become of a missing move.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum MakeOutcome {
    /// Its delivery was made, or no function has to be called for it. The current commit is stored as seen.
    Seen,
    /// The Hub's own delivery has arrived after all, or another replica asks the Hub now.
    Changed,
}

/// A delivery to store.
struct MadeDelivery {
    /// Of several replicas that make it at the same time, the store accepts it from one.
    webhook_id: String,
    body: Bytes,
    key: Option<DeliveryKey>,
    /// Its `oldSha` and its `newSha`.
    old: String,
    new: String,
}

impl DeliveryMaker {
    /// Makes the delivery of a missing move.
    pub(super) async fn make(
        &self,
        endpoint: &ReconciledEndpoint,
        repo: &RepoId,
        missing: MissingMove<'_>,
    ) -> Result<MakeOutcome, ReconcileError> {
        let delivery = self.prepare(endpoint, repo, &missing).await?;
        let MissingMove { ref_name, old, new, from, to } = missing;
        let making = Arc::clone(&self.making).lock_owned().await;
        let (path, name) = (endpoint.path.clone(), repo.to_string());
        let log = self.memory.log(ComparedRepo { endpoint: &path, repo: &name }).await?;
        let is_missing = log.progress(ref_name, from, &to.sha) == RefProgress::Missing { old, new };
        if !is_missing || !self.lease.renew().await {
            return Ok(MakeOutcome::Changed);
        }
        let (maker, ref_name, to) = (self.clone(), ref_name.to_owned(), to.clone());
        // All is stored although the poll ends meanwhile, because the lease is lost or the server shuts down.
        let made = tokio::spawn(async move {
            let _making = making;
            let of = ComparedRepo { endpoint: &path, repo: &name };
            if let Some(delivery) = delivery {
                maker.accept(of, &ref_name, delivery).await?;
            }
            let mut seen = maker.memory.seen(of).await?;
            seen.insert(ref_name, to);
            maker.memory.set_seen(of, &seen).await?;
            Ok::<_, ReconcileError>(MakeOutcome::Seen)
        });
        made.await?
    }

    /// Prepares the delivery of the commits that a ref has moved by; `None` if they are the program's own, or the
    /// endpoint's filter skips them, or the Hub does not know them.
    async fn prepare(
        &self,
        endpoint: &ReconciledEndpoint,
        repo: &RepoId,
        missing: &MissingMove<'_>,
    ) -> Result<Option<MadeDelivery>, ReconcileError> {
        let MissingMove { ref_name, old, new, from, to } = missing;
        // Only a delivery that has arrived names it, such as a sample.
        if *new != to.sha
            && !self.hub.commits_between(repo, old, &to.sha).await?.iter().any(|sha| sha == new)
        {
            return Ok(None);
        }
        let Some(new) = self.newest_of_others(endpoint, repo, (old, new)).await? else {
            return Ok(None);
        };
        let info = self.hub.repo_info(repo).await?;
        let body = payload(&self.hub, repo, &info, MovedRef { ref_name, old, new: &new });
        let parsed = read_tolerantly(&body).map_err(|_| "the payload is invalid")?;
        let verdict = endpoint.conditions.evaluate(&parsed.payload, &parsed.deviations);
        if verdict != Verdict::Match {
            return Ok(None);
        }
        let key = (endpoint.background.check)(CheckedBody::made(&body))
            .map_err(|faults| faults.to_string());
        let key = key.and_then(|()| {
            let key = DeliveryKey::of(&endpoint.background, &body, Some(Box::new(parsed)));
            key.map_err(|_| "the key is unknown".to_owned())
        });
        match key {
            Ok(key) => {
                let webhook_id = format!("reconcile:{repo}:{ref_name}:{old}..{new}:{}", from.since);
                let old = (*old).to_owned();
                Ok(Some(MadeDelivery { webhook_id, body, key, old, new }))
            }
            Err(reason) => {
                let path = &endpoint.path;
                tracing::warn!(
                    reason,
                    "{path} cannot read the payload of a missed delivery of {repo}, so it is skipped"
                );
                Ok(None)
            }
        }
    }

    /// Returns the newest of these commits that an endpoint is called for; `None` if the program has made all of them,
    /// and the endpoint skips its own commits.
    async fn newest_of_others(
        &self,
        endpoint: &ReconciledEndpoint,
        repo: &RepoId,
        (old, new): (&str, &str),
    ) -> Result<Option<String>, ReconcileError> {
        let Some(own) = &endpoint.own else {
            return Ok(Some(new.to_owned()));
        };
        if !own.made(&[new]).await.map_err(|unknown| unknown.reason)? {
            return Ok(Some(new.to_owned()));
        }
        // Another one may be between the two, whose delivery is missing as well.
        for sha in self.hub.commits_between(repo, old, new).await? {
            if !own.made(&[sha.as_str()]).await.map_err(|unknown| unknown.reason)? {
                return Ok(Some(sha));
            }
        }
        Ok(None)
    }

    /// Stores a delivery, and notes that it was made here.
    async fn accept(
        &self,
        of: ComparedRepo<'_>,
        ref_name: &str,
        delivery: MadeDelivery,
    ) -> Result<(), ReconcileError> {
        let MadeDelivery { webhook_id, body, key, old, new } = delivery;
        let ComparedRepo { endpoint, repo } = of;
        let incoming = IncomingDelivery {
            path: endpoint,
            webhook_id: Some(webhook_id),
            received_at: SystemTime::now(),
            body,
            key,
            force: false,
            origin: DeliveryOrigin::Reconcile,
        };
        let id = match self.jobs.accept(incoming).await? {
            Accepted::Queued(id) => {
                tracing::info!(
                    endpoint,
                    delivery = %id,
                    "found a commit whose delivery the Hub did not send: {ref_name} of {repo}"
                );
                id
            }
            Accepted::Duplicate(id, _) => id,
            Accepted::StoreFull | Accepted::BacklogFull => {
                return Err("the store of background deliveries is full".into());
            }
        };
        self.memory.note(of, &[RefLogEntry::made(ref_name, (&old, &new), id)]).await?;
        Ok(())
    }
}

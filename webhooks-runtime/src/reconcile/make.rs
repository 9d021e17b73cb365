//! Makes the delivery of a commit that the Hub did not send.

use std::error::Error;
use std::sync::Arc;
use std::time::SystemTime;

use actix_web::web::Bytes;
use tokio::sync::Mutex as AsyncMutex;

use super::ReconciledEndpoint;
use super::memory::{ComparedRepo, RefMemory, SeenCommit, SeenCommits};
use super::payload::{MovedRef, payload};
use super::ref_log::RefLogEntry;
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
    /// Locked from the check whether a delivery has arrived after all until the one that is made is noted. Anyone who
    /// ends the polls locks it first.
    pub(super) making: Arc<AsyncMutex<()>>,
}

/// A delivery that is missing.
pub(super) struct MissingDelivery {
    /// Of several replicas that make it at the same time, the store accepts it from one.
    webhook_id: String,
    body: Bytes,
    key: Option<DeliveryKey>,
    /// Its `oldSha` and its `newSha`.
    old: String,
    new: String,
}

impl DeliveryMaker {
    /// Prepares the delivery of the commits that a ref has moved by; `None` if they are the program's own, or the
    /// endpoint's filter skips them. The commit before was seen at the time `since`.
    pub(super) async fn prepare(
        &self,
        endpoint: &ReconciledEndpoint,
        repo: &RepoId,
        moved: MovedRef<'_>,
        since: u64,
    ) -> Result<Option<MissingDelivery>, ReconcileError> {
        let Some(new) = self.newest_of_others(endpoint, repo, moved).await? else {
            return Ok(None);
        };
        let info = self.hub.repo_info(repo).await?;
        let MovedRef { ref_name, old, .. } = moved;
        let body = payload(&self.hub, repo, &info, MovedRef { new: &new, ..moved });
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
        match key {
            Ok(key) => {
                let webhook_id = format!("reconcile:{repo}:{ref_name}:{old}..{new}:{since}");
                Ok(Some(MissingDelivery { webhook_id, body, key, old: old.to_owned(), new }))
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
        MovedRef { old, new, .. }: MovedRef<'_>,
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

    /// Makes a delivery, if one is missing, and sets the commit of its ref in `seen`: `to` instead of `from`. It does
    /// nothing if the Hub's own delivery has arrived after all.
    ///
    /// All is stored although the poll ends meanwhile, because the lease is lost or the server shuts down.
    pub(super) async fn make(
        &self,
        of: ComparedRepo<'_>,
        ref_name: &str,
        (from, to): (SeenCommit, SeenCommit),
        missing: Option<MissingDelivery>,
        seen: &mut SeenCommits,
    ) -> Result<(), ReconcileError> {
        let making = Arc::clone(&self.making).lock_owned().await;
        let log = self.memory.log(of).await?;
        if log.moves(ref_name, from.after).bring(&from.sha, &to.sha) {
            return Ok(());
        }
        let (maker, mut all) = (self.clone(), seen.clone());
        let (endpoint, repo) = (of.endpoint.to_owned(), of.repo.to_owned());
        let ref_name = ref_name.to_owned();
        let made = tokio::spawn(async move {
            let _making = making;
            let of = ComparedRepo { endpoint: &endpoint, repo: &repo };
            if let Some(missing) = missing {
                maker.accept(of, &ref_name, missing).await?;
            }
            all.insert(ref_name, to);
            maker.memory.set_seen(of, &all).await?;
            Ok::<_, ReconcileError>(all)
        });
        *seen = made.await??;
        Ok(())
    }

    /// Stores a delivery, and notes that it was made here.
    async fn accept(
        &self,
        of: ComparedRepo<'_>,
        ref_name: &str,
        missing: MissingDelivery,
    ) -> Result<(), ReconcileError> {
        let MissingDelivery { webhook_id, body, key, old, new } = missing;
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

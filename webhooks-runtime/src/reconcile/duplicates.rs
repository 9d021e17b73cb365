//! Finds the delivery that was made here for what the Hub sends later after all.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use tokio::time::timeout;
use uuid::Uuid;

use super::memory::{ComparedRepo, RefMemory};
use super::observe::{CommitObserver, is_noted, moved_refs};
use crate::http::background::KnownDeliveries;
use crate::jobs::{Jobs, State};
use crate::payload::WebhookPayloadUpdatedRef;

/// How long a delivery waits until the moves of those before it are stored. After that, it runs as a new one.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The deliveries that were made here.
pub(super) struct MadeDeliveries {
    pub(super) observer: Arc<CommitObserver>,
    pub(super) jobs: Arc<OnceLock<Jobs>>,
}

impl KnownDeliveries for MadeDeliveries {
    fn find<'a>(
        &'a self,
        endpoint: &'a str,
        body: &'a [u8],
    ) -> LocalBoxFuture<'a, Option<(Uuid, State)>> {
        async move {
            let (jobs, conditions) = (self.jobs.get()?, self.observer.endpoints.get(endpoint)?);
            let (repo, refs) = moved_refs(body, conditions)?;
            if !refs.iter().all(|updated| is_noted(updated, conditions)) {
                return None;
            }
            let repo = repo.to_string();
            let of = ComparedRepo { endpoint, repo: &repo };
            made_for_all(jobs, of, &refs).await?;
            // An earlier push may have moved the ref away from that commit, which is stored only after its response. Then
            // this push moves the ref back, and is no duplicate.
            timeout(LONGEST_WAIT, self.observer.flush()).await.ok().filter(|flushed| *flushed)?;
            made_for_all(jobs, of, &refs).await
        }
        .boxed_local()
    }
}

/// Returns the delivery that was made here for these commits, if there is one for each.
async fn made_for_all(
    jobs: &Jobs,
    of: ComparedRepo<'_>,
    refs: &[WebhookPayloadUpdatedRef],
) -> Option<(Uuid, State)> {
    // A store that fails rejects the delivery anyway.
    let log = RefMemory(Arc::new(jobs.clone())).log_since_made(of, refs).await.ok()?;
    let mut known = None;
    for updated in refs {
        let id = log.made_for(updated)?;
        let state = jobs.show(id).await.ok()??.summary.state;
        // Nothing came of a dead one, so the Hub's own delivery has its own attempts.
        known = Some((id, state)).filter(|_| state != State::Dead);
        known?;
    }
    known
}

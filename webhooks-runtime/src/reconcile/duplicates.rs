//! Finds the delivery that was made here for what the Hub sends later after all.

use std::sync::{Arc, OnceLock};

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use uuid::Uuid;

use super::memory::{ComparedRepo, NO_COMMIT, RefMemory};
use super::observe::{EndpointConditions, moved_refs};
use crate::http::background::KnownDeliveries;
use crate::jobs::{Jobs, State};
use crate::payload::WebhookPayloadUpdatedRef;

/// The deliveries that were made here.
pub(super) struct MadeDeliveries {
    pub(super) endpoints: EndpointConditions,
    pub(super) jobs: Arc<OnceLock<Jobs>>,
}

impl KnownDeliveries for MadeDeliveries {
    fn find<'a>(
        &'a self,
        endpoint: &'a str,
        body: &'a [u8],
    ) -> LocalBoxFuture<'a, Option<(Uuid, State)>> {
        async move {
            let (jobs, conditions) = (self.jobs.get()?, self.endpoints.get(endpoint)?);
            let (repo, refs) = moved_refs(body, conditions)?;
            let (memory, repo) = (RefMemory(Arc::new(jobs.clone())), repo.to_string());
            let of = ComparedRepo { endpoint, repo: &repo };
            let id = made_for(&memory, of, &refs).await?;
            let state = jobs.show(id).await.ok()??.summary.state;
            // Nothing came of a dead one, so the Hub's own delivery has its own attempts.
            (state != State::Dead).then_some((id, state))
        }
        .boxed_local()
    }
}

/// Returns the delivery that was made for the commits of all these refs. A store that fails rejects the delivery anyway.
async fn made_for(
    memory: &RefMemory,
    of: ComparedRepo<'_>,
    refs: &[WebhookPayloadUpdatedRef],
) -> Option<Uuid> {
    let seen = memory.seen(of).await.ok()?;
    let mut id = None;
    for WebhookPayloadUpdatedRef { ref_name, old_sha, new_sha } in refs {
        let made = seen.get(ref_name)?.made.as_ref();
        let made = made.filter(|made| new_sha.as_ref() == Some(&made.sha))?;
        let old = old_sha.as_deref().unwrap_or(NO_COMMIT);
        let since = memory.follow(of, ref_name, (&made.sha, old)).await.ok()?;
        // The ref has moved on since then, and returns to the commit with this delivery.
        if since.len() > 1 && since.last().is_some_and(|last| last == old) {
            return None;
        }
        id = Some(made.id);
    }
    id
}

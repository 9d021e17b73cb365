//! Finds the delivery that was made here for what the Hub sends later after all.

use std::sync::{Arc, OnceLock};

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use uuid::Uuid;

use super::memory::{RefMemory, WatchedRef};
use super::observe::moved_refs;
use crate::http::background::KnownDeliveries;
use crate::jobs::{Jobs, State};

/// The deliveries that were made here.
pub(super) struct MadeDeliveries {
    /// The paths of the endpoints.
    pub(super) endpoints: Vec<String>,
    pub(super) jobs: Arc<OnceLock<Jobs>>,
}

impl KnownDeliveries for MadeDeliveries {
    fn find<'a>(
        &'a self,
        endpoint: &'a str,
        body: &'a [u8],
    ) -> LocalBoxFuture<'a, Option<(Uuid, State)>> {
        async move {
            let jobs =
                self.jobs.get().filter(|_| self.endpoints.iter().any(|it| it == endpoint))?;
            let (repo, refs) = moved_refs(body)?;
            let (memory, repo) = (RefMemory(Arc::new(jobs.clone())), repo.to_string());
            let mut known = None;
            for updated in &refs {
                let of = WatchedRef { endpoint, repo: &repo, ref_name: &updated.ref_name };
                // A store that fails rejects the delivery anyway. A ref that returns to this commit has changed again.
                let seen = memory.seen(&of).await.ok()??;
                if Some(&seen.sha) != updated.new_sha.as_ref() {
                    return None;
                }
                known = Some(seen.made?);
            }
            let id = known?;
            let state = jobs.show(id).await.ok()??.summary.state;
            // Nothing came of a dead one, so the Hub's own delivery has its own attempts.
            (state != State::Dead).then_some((id, state))
        }
        .boxed_local()
    }
}

//! Finds the delivery that was made here for what the Hub sends later after all.

use std::sync::{Arc, OnceLock};

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use uuid::Uuid;

use super::memory::{ComparedRepo, RefMemory};
use super::observe::{EndpointConditions, is_noted, moved_refs};
use crate::http::background::KnownDeliveries;
use crate::jobs::{Jobs, State};

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
            if !refs.iter().all(|updated| is_noted(updated, conditions)) {
                return None;
            }
            let (memory, repo) = (RefMemory(Arc::new(jobs.clone())), repo.to_string());
            // A store that fails rejects the delivery anyway.
            let log = memory.log_since_made(ComparedRepo { endpoint, repo: &repo }, &refs);
            let log = log.await.ok()?;
            let mut known = None;
            for updated in &refs {
                let id = log.made_for(updated)?;
                let state = jobs.show(id).await.ok()??.summary.state;
                // Nothing came of a dead one, so the Hub's own delivery has its own attempts.
                known = Some((id, state)).filter(|_| state != State::Dead);
                known?;
            }
            known
        }
        .boxed_local()
    }
}

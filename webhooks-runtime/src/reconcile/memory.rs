//! Keeps in the store what is known of the refs of watched repos, for all replicas.

use std::sync::Arc;

use super::decide::SeenCommit;
use crate::state::{SharedState, StateError};

/// A ref of a repo, as an endpoint watches it.
#[derive(Clone, Copy, Debug)]
pub(super) struct WatchedRef<'a> {
    /// The endpoint's path.
    pub(super) endpoint: &'a str,
    /// `dataset:me/data`.
    pub(super) repo: &'a str,
    /// `refs/heads/main`.
    pub(super) ref_name: &'a str,
}

impl WatchedRef<'_> {
    pub(super) fn key(&self) -> String {
        let Self { endpoint, repo, ref_name } = self;
        format!("reconcile.seen {endpoint} {repo} {ref_name}")
    }
}

/// What is known of all refs.
#[derive(Clone)]
pub(super) struct RefMemory(pub(super) Arc<dyn SharedState>);

impl RefMemory {
    /// Returns the commit that was seen last. One that another version has stored counts as missing: the ref is new then.
    pub(super) async fn seen(&self, of: &WatchedRef<'_>) -> Result<Option<SeenCommit>, StateError> {
        let text = self.0.get(&of.key()).await?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    pub(super) async fn set_seen(
        &self,
        of: &WatchedRef<'_>,
        seen: &SeenCommit,
    ) -> Result<(), StateError> {
        let text = serde_json::to_string(seen).unwrap_or_default();
        self.0.set(&of.key(), &text, None).await
    }

    /// Forgets a ref that was deleted, so that one of this name is new again.
    pub(super) async fn forget(&self, of: &WatchedRef<'_>) -> Result<(), StateError> {
        self.0.remove(&of.key()).await
    }
}

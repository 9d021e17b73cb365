//! Keeps in the store what is known of the refs of watched repos, for all replicas.
//!
//! What deliveries bring is a value of its own, which every replica writes. The rest is written by the one that asks the
//! Hub.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::decide::{PendingCommit, SeenCommit};
use crate::state::{SharedState, StateError};

/// What was found out about a ref by asking the Hub.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FoundCommits {
    /// A commit whose delivery may be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pending: Option<PendingCommit>,
    /// The last commit that a delivery was made for, and the delivery's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) made: Option<(String, String)>,
}

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
    fn key(&self, kind: &str) -> String {
        let Self { endpoint, repo, ref_name } = self;
        format!("reconcile.{kind} {endpoint} {repo} {ref_name}")
    }
}

/// What is known of all refs.
#[derive(Clone)]
pub(super) struct RefMemory(pub(super) Arc<dyn SharedState>);

impl RefMemory {
    /// Returns the commit that was seen last.
    pub(super) async fn seen(&self, of: &WatchedRef<'_>) -> Result<Option<SeenCommit>, StateError> {
        self.get(&of.key("seen")).await
    }

    pub(super) async fn set_seen(
        &self,
        of: &WatchedRef<'_>,
        seen: &SeenCommit,
    ) -> Result<(), StateError> {
        self.set(&of.key("seen"), seen).await
    }

    /// Forgets a ref that was deleted, so that one of this name is new again.
    pub(super) async fn forget(&self, of: &WatchedRef<'_>) -> Result<(), StateError> {
        self.0.remove(&of.key("seen")).await
    }

    pub(super) async fn found(&self, of: &WatchedRef<'_>) -> Result<FoundCommits, StateError> {
        Ok(self.get(&of.key("found")).await?.unwrap_or_default())
    }

    pub(super) async fn set_found(
        &self,
        of: &WatchedRef<'_>,
        found: &FoundCommits,
    ) -> Result<(), StateError> {
        self.set(&of.key("found"), found).await
    }

    /// Reads a value. One that another version has written counts as missing: the ref is new then.
    async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, StateError> {
        let text = self.0.get(key).await?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    async fn set<T: Serialize>(&self, key: &str, value: &T) -> Result<(), StateError> {
        let text = serde_json::to_string(value).unwrap_or_default();
        self.0.set(key, &text, None).await
    }
}

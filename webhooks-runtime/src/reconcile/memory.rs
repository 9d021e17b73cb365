//! Keeps in the store what is known of the refs of watched repos, for all replicas.
//!
//! The replica that has the lease writes which commits were seen. Every replica appends to a log how its deliveries have
//! moved the refs. Nothing is removed from the log: each commit that was seen names the newest entry at that time. Its size
//! is limited, because a sender can invent refs.

use std::sync::Arc;
use std::time::Duration;

use super::ref_log::{RefLog, RefLogEntry};
use super::seen::SeenCommits;
use crate::payload::WebhookPayloadUpdatedRef;
use crate::state::{SharedState, StateError};

/// How long a value is stored. A poll stores it again, and the longest time between two polls is 30 days.
pub(crate) const STORED: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// The most characters of a repo's log, which are more than a thousand entries: the Hub triggers a webhook at most so often
/// in a day. If an entry is cut off before a poll has read it, the poll makes its delivery again. If the entry of a made
/// delivery is cut off, the Hub's own delivery runs again.
const LONGEST_LOG: usize = 192 * 1024;

/// The refs of a repo, as an endpoint watches them.
#[derive(Clone, Copy, Debug)]
pub(super) struct ComparedRepo<'a> {
    /// The endpoint's path.
    pub(super) endpoint: &'a str,
    /// `dataset:me/data`.
    pub(super) repo: &'a str,
}

impl ComparedRepo<'_> {
    fn seen_key(&self) -> String {
        format!("reconcile.commits {} {}", self.endpoint, self.repo)
    }

    fn log_key(&self) -> String {
        format!("reconcile.log {} {}", self.endpoint, self.repo)
    }
}

/// What is known of all refs.
#[derive(Clone)]
pub(super) struct RefMemory(pub(super) Arc<dyn SharedState>);

impl RefMemory {
    /// Returns the commits that were seen. All refs are new if they cannot be read.
    pub(super) async fn seen(&self, of: ComparedRepo<'_>) -> Result<SeenCommits, StateError> {
        let text = self.0.get(&of.seen_key()).await?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    }

    pub(super) async fn set_seen(
        &self,
        of: ComparedRepo<'_>,
        seen: &SeenCommits,
    ) -> Result<(), StateError> {
        let text = serde_json::to_string(seen).unwrap_or_default();
        self.0.set(&of.seen_key(), &text, Some(STORED)).await
    }

    /// Returns the log of a repo.
    pub(super) async fn log(&self, of: ComparedRepo<'_>) -> Result<RefLog, StateError> {
        let text = self.0.get(&of.log_key()).await?;
        Ok(RefLog::parse(&text.unwrap_or_default()))
    }

    /// Returns the log of a repo since the first delivery that was made here for one of these commits.
    pub(super) async fn log_since_made(
        &self,
        of: ComparedRepo<'_>,
        refs: &[WebhookPayloadUpdatedRef],
    ) -> Result<RefLog, StateError> {
        let text = self.0.get(&of.log_key()).await?;
        Ok(RefLog::parse_since_made(&text.unwrap_or_default(), refs))
    }

    /// Appends to the log of a repo.
    pub(super) async fn note(
        &self,
        of: ComparedRepo<'_>,
        entries: &[RefLogEntry],
    ) -> Result<(), StateError> {
        let text = RefLog::to_text(entries);
        self.0.append(&of.log_key(), &text, LONGEST_LOG, STORED).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconcile::seen::SeenCommit;
    use crate::state::MemoryState;
    use crate::state::conformance::StateFixture;

    const OF: ComparedRepo<'_> = ComparedRepo { endpoint: "/webhooks/train", repo: "model:me/x" };
    const MAIN: &str = "refs/heads/main";

    #[tokio::test]
    async fn values_are_forgotten_90_days_after_they_were_stored_last() {
        let state = Arc::new(MemoryState::default());
        let memory = RefMemory(Arc::<MemoryState>::clone(&state));
        let seen = SeenCommits::from([(MAIN.to_owned(), SeenCommit::new("a", None))]);
        memory.set_seen(OF, &seen).await.unwrap();
        memory.note(OF, &[RefLogEntry::arrived(MAIN, ("a", "b"))]).await.unwrap();
        StateFixture::advance_clock(&*state, STORED / 2).await;
        memory.set_seen(OF, &seen).await.unwrap();
        assert!(memory.log(OF).await.unwrap().last_id().is_some());
        StateFixture::advance_clock(&*state, STORED / 2).await;
        assert_eq!(memory.seen(OF).await.unwrap(), seen);
        assert_eq!(memory.log(OF).await.unwrap().last_id(), None);
        StateFixture::advance_clock(&*state, STORED / 2).await;
        assert_eq!(memory.seen(OF).await.unwrap(), SeenCommits::new());
    }

    #[tokio::test]
    async fn repos_and_endpoints_have_their_own_commits_and_moves() {
        let memory = RefMemory(Arc::new(MemoryState::default()));
        let commit = SeenCommit { sha: "a".to_owned(), since: 1, after: None };
        let seen = SeenCommits::from([(MAIN.to_owned(), commit)]);
        memory.set_seen(OF, &seen).await.unwrap();
        memory.note(OF, &[RefLogEntry::arrived(MAIN, ("a", "b"))]).await.unwrap();
        assert_eq!(memory.seen(OF).await.unwrap(), seen);
        assert!(memory.log(OF).await.unwrap().last_id().is_some());
        let others =
            [ComparedRepo { repo: "model:me/y", ..OF }, ComparedRepo { endpoint: "/x", ..OF }];
        for other in others {
            assert_eq!(memory.seen(other).await.unwrap(), SeenCommits::new());
            assert_eq!(memory.log(other).await.unwrap().last_id(), None);
        }
    }

    #[tokio::test]
    async fn the_size_of_a_log_is_limited() {
        let memory = RefMemory(Arc::new(MemoryState::default()));
        let sha = "5".repeat(40);
        let mut entries = Vec::new();
        for at in 0..1500 {
            let entry = RefLogEntry::arrived(&format!("refs/heads/{at}"), (&sha, &sha));
            memory.note(OF, std::slice::from_ref(&entry)).await.unwrap();
            entries.push(entry);
        }
        let text = memory.0.get(&OF.log_key()).await.unwrap().unwrap();
        assert_eq!(text.len(), LONGEST_LOG);
        assert!(text.lines().skip(1).count() > 1000);
        assert!(RefLog::to_text(&entries).ends_with(&text));
    }
}

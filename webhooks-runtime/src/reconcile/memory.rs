//! Keeps in the store what is known of the refs of watched repos, for all replicas.
//!
//! The replica that has the lease writes which commits were seen. Every replica writes how its deliveries have moved the
//! refs: each move is a value of its own, so that no replica overwrites what another one notes at the same time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::state::{SharedState, StateError};

/// How long a value is stored. A poll stores it again, and the longest time between two polls is 30 days.
const STORED: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// A ref that does not exist, in place of its commit.
pub(super) const NO_COMMIT: &str = "";

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
        format!("reconcile.seen {} {}", self.endpoint, self.repo)
    }

    fn move_key(&self, ref_name: &str, from: &str) -> String {
        format!("reconcile.move {} {} {ref_name} {from}", self.endpoint, self.repo)
    }
}

/// The commits of a repo that a poll has seen, by the names of their refs.
pub(super) type SeenCommits = BTreeMap<String, SeenCommit>;

/// The commit that a ref had when nothing was missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SeenCommit {
    pub(super) sha: String,
    /// When it was seen first, in milliseconds of Unix time.
    pub(super) since: u64,
    /// The delivery that was made here before. The Hub's own delivery of its commit is a duplicate of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) made: Option<MadeDelivery>,
}

impl SeenCommit {
    /// Returns a commit that is seen first now.
    pub(super) fn new(sha: &str, made: Option<MadeDelivery>) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let since = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        Self { sha: sha.to_owned(), since, made }
    }
}

/// A delivery that was made here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MadeDelivery {
    pub(super) id: Uuid,
    /// Its `newSha`.
    pub(super) sha: String,
}

/// What is known of all refs.
#[derive(Clone)]
pub(super) struct RefMemory(pub(super) Arc<dyn SharedState>);

impl RefMemory {
    /// Returns the commits that were seen. Those that another version has stored count as missing: the refs are new then.
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

    /// Notes that a delivery has moved a ref.
    pub(super) async fn note_move(
        &self,
        of: ComparedRepo<'_>,
        ref_name: &str,
        (from, to): (&str, &str),
    ) -> Result<(), StateError> {
        self.0.set(&of.move_key(ref_name, from), to, Some(STORED)).await
    }

    /// Follows the noted moves of a ref, from a commit to `end` or as far as they lead. Returns the commits on the way,
    /// the first one included.
    ///
    /// A move that no other one leads to is never followed: a sample that a person triggers, the replay of an older
    /// delivery, and a delivery that arrives before the one of the commit before.
    pub(super) async fn follow(
        &self,
        of: ComparedRepo<'_>,
        ref_name: &str,
        (from, end): (&str, &str),
    ) -> Result<Vec<String>, StateError> {
        let mut way = vec![from.to_owned()];
        let mut last = from.to_owned();
        while let Some(next) = self.0.get(&of.move_key(ref_name, &last)).await? {
            let is_end = next == end || way.contains(&next);
            way.push(next.clone());
            if is_end {
                break;
            }
            last = next;
        }
        Ok(way)
    }

    /// Forgets the moves from these commits.
    pub(super) async fn forget_moves(
        &self,
        of: ComparedRepo<'_>,
        ref_name: &str,
        from: &[String],
    ) -> Result<(), StateError> {
        for from in from {
            self.0.remove(&of.move_key(ref_name, from)).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::MemoryState;
    use crate::state::conformance::StateFixture;

    const OF: ComparedRepo<'_> = ComparedRepo { endpoint: "/webhooks/train", repo: "model:me/x" };
    const MAIN: &str = "refs/heads/main";

    async fn way(moves: &[(&str, &str)], end: &str) -> String {
        let memory = RefMemory(Arc::new(MemoryState::default()));
        for moved in moves {
            memory.note_move(OF, MAIN, *moved).await.unwrap();
        }
        memory.follow(OF, MAIN, ("a", end)).await.unwrap().join(" ")
    }

    #[tokio::test]
    async fn moves_are_followed_in_any_order_of_arrival_and_others_do_not_matter() {
        for (name, moves, end, expected) in [
            ("none", &[][..], "b", "a"),
            ("one", &[("a", "b")], "b", "a b"),
            ("in another order", &[("c", "d"), ("a", "b"), ("b", "c")], "d", "a b c d"),
            ("one is missing", &[("b", "c")], "c", "a"),
            ("a sample and a replay", &[("1", "2"), ("a", "b"), ("0", "a")], "b", "a b"),
            ("a forced push back", &[("a", "b"), ("b", "a")], "a", "a b a"),
            ("a forced push back, then one is missing", &[("a", "b"), ("b", "a")], "c", "a b a"),
            ("deleted and created again", &[("a", NO_COMMIT), (NO_COMMIT, "b")], "b", "a  b"),
            ("more than the end", &[("a", "b"), ("b", "c")], "b", "a b"),
        ] {
            assert_eq!(way(moves, end).await, expected, "{name}");
        }
    }

    #[tokio::test]
    async fn values_are_forgotten_90_days_after_they_were_stored_last() {
        let state = Arc::new(MemoryState::default());
        let memory = RefMemory(Arc::<MemoryState>::clone(&state));
        let seen = SeenCommits::from([(MAIN.to_owned(), SeenCommit::new("a", None))]);
        memory.set_seen(OF, &seen).await.unwrap();
        memory.note_move(OF, MAIN, ("a", "b")).await.unwrap();
        StateFixture::advance_clock(&*state, STORED / 2).await;
        memory.set_seen(OF, &seen).await.unwrap();
        StateFixture::advance_clock(&*state, STORED / 2).await;
        assert_eq!(memory.seen(OF).await.unwrap(), seen);
        assert_eq!(memory.follow(OF, MAIN, ("a", "b")).await.unwrap(), ["a"]);
        StateFixture::advance_clock(&*state, STORED / 2).await;
        assert_eq!(memory.seen(OF).await.unwrap(), SeenCommits::new());
    }

    #[tokio::test]
    async fn refs_repos_and_endpoints_have_their_own_commits_and_moves() {
        let memory = RefMemory(Arc::new(MemoryState::default()));
        let other = ComparedRepo { repo: "model:me/y", ..OF };
        let commit = SeenCommit { sha: "a".to_owned(), since: 1, made: None };
        let seen = SeenCommits::from([(MAIN.to_owned(), commit)]);
        memory.set_seen(OF, &seen).await.unwrap();
        memory.note_move(OF, MAIN, ("a", "b")).await.unwrap();
        assert_eq!(memory.seen(OF).await.unwrap(), seen);
        assert_eq!(memory.seen(other).await.unwrap(), SeenCommits::new());
        assert_eq!(memory.follow(other, MAIN, ("a", "b")).await.unwrap(), ["a"]);
        assert_eq!(memory.follow(OF, "refs/tags/v1", ("a", "b")).await.unwrap(), ["a"]);
        memory.forget_moves(OF, MAIN, &["a".to_owned()]).await.unwrap();
        assert_eq!(memory.follow(OF, MAIN, ("a", "b")).await.unwrap(), ["a"]);
    }
}

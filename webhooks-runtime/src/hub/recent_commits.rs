//! Remembers the commits that a program has made, until their deliveries have arrived.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::CommitLog;
use crate::endpoint::checks::Undetermined;
use crate::state::SharedState;

/// How long this process remembers a commit. The Hub sends its delivery within seconds, and again if that fails.
const REMEMBERED: Duration = Duration::from_secs(60 * 60);

/// How long a check waits for commits that are being made. A commit of many files takes longer, and is rarely delivered
/// before its response.
const LONGEST_PENDING: Duration = Duration::from_secs(5);

/// When to ask a state again that could not be read.
const RETRY: Duration = Duration::from_secs(5);

/// The most characters of a commit's id: those of SHA-256.
const LONGEST_ID: usize = 64;

/// The commits of the last hour in this process, and those in the store.
#[derive(Default)]
pub(super) struct RecentCommits {
    /// When this process made each commit.
    made: Mutex<HashMap<String, Instant>>,
    /// How many commits this process is making.
    pending: watch::Sender<usize>,
    /// Has the commits of all replicas, and those from before a restart.
    state: OnceLock<SharedCommits>,
}

/// Where commits are remembered beyond this process, and for how long.
struct SharedCommits {
    state: Arc<dyn SharedState>,
    remembered: Duration,
}

impl RecentCommits {
    /// Sets where commits are remembered beyond this process, and for how long: at least for an hour.
    pub(super) fn share(&self, state: Arc<dyn SharedState>, remembered: Duration) {
        let remembered = remembered.max(REMEMBERED);
        // A server is composed once.
        let _ = self.state.set(SharedCommits { state, remembered });
    }

    /// Returns whether all of these commits are remembered.
    ///
    /// # Errors
    ///
    /// Returns why it is unknown, because the state cannot be read.
    pub(super) async fn contain_all(&self, oids: &[&str]) -> Result<bool, Undetermined> {
        if self.contain_now(oids).await? {
            return Ok(true);
        }
        // The Hub may deliver a commit before its response, with the id, has arrived here.
        let _ = timeout(LONGEST_PENDING, self.finished()).await;
        self.contain_now(oids).await
    }

    async fn contain_now(&self, oids: &[&str]) -> Result<bool, Undetermined> {
        for oid in oids {
            if !self.contain(oid).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Waits until no commit is being made.
    pub(super) async fn finished(&self) {
        let _ = self.pending.subscribe().wait_for(|count| *count == 0).await;
    }

    async fn contain(&self, oid: &str) -> Result<bool, Undetermined> {
        if self.has_made(oid) {
            return Ok(true);
        }
        let is_id = (1..=LONGEST_ID).contains(&oid.len())
            && oid.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let Some(SharedCommits { state, .. }) = self.state.get().filter(|_| is_id) else {
            return Ok(false);
        };
        match state.get(&key(oid)).await {
            Ok(found) => Ok(found.is_some()),
            Err(error) => Err(Undetermined {
                reason: format!("the commits of this program cannot be read: {error}"),
                retry_after: RETRY,
            }),
        }
    }

    /// Returns whether this process has made a commit.
    fn has_made(&self, oid: &str) -> bool {
        self.made().get(oid).is_some_and(|at| at.elapsed() < REMEMBERED)
    }

    /// Notes a commit in this process. Returns the task that stores it for the others; `None` if there is no store.
    fn note(&self, oid: &str) -> Option<impl Future<Output = ()> + Send + 'static> {
        let mut made = self.made();
        made.retain(|_, at| at.elapsed() < REMEMBERED);
        made.insert(oid.to_owned(), Instant::now());
        drop(made);
        let SharedCommits { state, remembered } = self.state.get()?;
        let (state, remembered, key) = (Arc::clone(state), *remembered, key(oid));
        Some(async move {
            if let Err(error) = state.set(&key, "", Some(remembered)).await {
                tracing::warn!(
                    %error,
                    "a commit could not be stored: another replica may not recognize it as the program's own"
                );
            }
        })
    }

    fn made(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CommitLog for RecentCommits {
    fn started(&self) {
        self.pending.send_modify(|count| *count += 1);
    }

    fn ended(&self) {
        self.pending.send_modify(|count| *count -= 1);
    }

    fn committed<'a>(&'a self, oid: &'a str) -> BoxFuture<'a, ()> {
        // The store needs tokio. A function that runs elsewhere has only the memory of its process.
        match self.note(oid).filter(|_| Handle::try_current().is_ok()) {
            Some(stored) => Box::pin(stored),
            None => Box::pin(ready(())),
        }
    }

    fn remember(&self, oid: &str) {
        let (Some(stored), Ok(runtime)) = (self.note(oid), Handle::try_current()) else {
            return;
        };
        let pending = self.pending.clone();
        pending.send_modify(|count| *count += 1);
        let confirmed = async move {
            stored.await;
            pending.send_modify(|count| *count -= 1);
        };
        runtime.spawn(confirmed.boxed());
    }
}

fn key(oid: &str) -> String {
    format!("commit/{oid}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::MemoryState;
    use crate::state::conformance::StateFixture;
    use crate::testing::HubStub;

    #[tokio::test(start_paused = true)]
    async fn commits_of_this_process_are_remembered_for_an_hour() {
        let commits = RecentCommits::default();
        commits.committed("a1").await;
        commits.committed("a2").await;
        assert!(commits.contain_all(&["a1", "a2"]).await.unwrap());
        assert!(!commits.contain_all(&["a1", "b1"]).await.unwrap());
        tokio::time::advance(REMEMBERED).await;
        assert!(!commits.contain_all(&["a1"]).await.unwrap());
        commits.committed("a3").await;
        assert_eq!(commits.made().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_store_can_remember_commits_for_longer() {
        let (state, commits) = (Arc::new(MemoryState::default()), RecentCommits::default());
        commits.share(Arc::<MemoryState>::clone(&state), REMEMBERED * 24);
        commits.committed("a1").await;
        tokio::time::advance(REMEMBERED).await;
        StateFixture::advance_clock(&*state, REMEMBERED * 23).await;
        assert!(!commits.has_made("a1"));
        assert!(commits.contain_all(&["a1"]).await.unwrap());
        StateFixture::advance_clock(&*state, REMEMBERED).await;
        assert!(!commits.contain_all(&["a1"]).await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_waits_for_commits_that_are_being_made_but_not_forever() {
        let commits = Arc::new(RecentCommits::default());
        commits.started();
        let check = tokio::spawn({
            let commits = Arc::clone(&commits);
            async move { commits.contain_all(&["a1"]).await.unwrap() }
        });
        tokio::time::sleep(LONGEST_PENDING / 2).await;
        assert!(!check.is_finished());
        commits.committed("a1").await;
        commits.ended();
        assert!(check.await.unwrap());
        commits.started();
        assert!(commits.contain_all(&["a1"]).await.unwrap());
        assert!(!commits.contain_all(&["b1"]).await.unwrap());
    }

    #[tokio::test]
    async fn replicas_share_their_commits() {
        let state = Arc::new(MemoryState::default());
        let [mine, other] = [RecentCommits::default(), RecentCommits::default()];
        mine.share(Arc::clone(&state) as Arc<dyn SharedState>, Duration::ZERO);
        other.share(state, Duration::ZERO);
        mine.committed("a1").await;
        assert!(other.contain_all(&["a1"]).await.unwrap());
        mine.remember("a2");
        mine.finished().await;
        assert!(other.contain_all(&["a1", "a2"]).await.unwrap());
        assert!(!other.contain_all(&["a1", "b1"]).await.unwrap());
        // No id of a commit.
        assert!(!other.contain_all(&["a1", ""]).await.unwrap());
        assert!(!other.contain_all(&[&"a".repeat(1000)]).await.unwrap());
    }

    #[tokio::test]
    async fn a_commit_of_another_client_is_remembered_on_request() {
        let commits = Arc::new(RecentCommits::default());
        let hub = HubStub::new().hub();
        // Before a server has installed its log, nothing happens.
        hub.remember_commit("a1");
        hub.set_commit_log(Arc::<RecentCommits>::clone(&commits));
        hub.remember_commit("a2");
        assert!(commits.contain_all(&["a2"]).await.unwrap());
        assert!(!commits.contain_all(&["a1"]).await.unwrap());
    }
}

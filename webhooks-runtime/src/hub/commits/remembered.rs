//! Makes commits, and remembers them, so that the program's endpoints skip their deliveries.

use std::future::Future;
use std::panic::resume_unwind;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::runtime::Handle;
use tracing::Instrument;

use crate::hub::client::Hub;
use crate::hub::commit_log::CommitLog;
use crate::hub::error::HubError;
use crate::hub::transport::may_block;

/// Calls about the program's own commits.
impl Hub {
    /// Remembers a commit that this program made with another client, such as the crate `hf-hub`, so that its
    /// endpoints skip the delivery. [`commit`](Self::commit) and [`merge_pull_request`](Self::merge_pull_request) do
    /// that by themselves.
    ///
    /// This process knows the commit at once. Other replicas know it as soon as it is in the store of background
    /// deliveries, usually a few milliseconds later.
    ///
    /// ```
    /// # use webhooks_runtime::testing::HubStub;
    /// # let hub = HubStub::new().hub();
    /// let oid = "0c1a6ca2d2a6d9c4ffa4a8a3e5e1c3b1f6a0e0d1"; // the id that the other client returned
    /// hub.remember_commit(oid);
    /// ```
    pub fn remember_commit(&self, oid: &str) {
        if let Some(log) = self.commit_log() {
            log.remember(oid);
        }
    }

    /// Awaits a call that makes a commit, and remembers the commit before it returns. The call returns the commit's
    /// id, if known, beside its result.
    ///
    /// The caller may give up meanwhile, for example when an attempt has exceeded its timeout. The Hub makes the
    /// commit all the same, so the call goes on in its own task until the commit is remembered.
    pub(in crate::hub) async fn make_commit<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<(T, Option<String>), HubError>> + Send + 'static,
    ) -> Result<T, HubError> {
        let Some(log) = self.commit_log() else {
            return Ok(call.await?.0);
        };
        let pending = PendingCommit::start(log);
        let commit = async move {
            let (result, oid) = call.await?;
            if let Some(oid) = oid {
                pending.0.committed(&oid).await;
            }
            Ok(result)
        };
        match Handle::try_current().ok().filter(|_| !may_block()) {
            Some(runtime) => match runtime.spawn(commit.in_current_span().boxed()).await {
                Ok(result) => result,
                Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
                Err(_) => Err(HubError::NoResponse {
                    call: "the commit".to_owned(),
                    reason: "the program is shutting down".to_owned(),
                }),
            },
            // A thread that waits for the call cannot give up.
            None => commit.await,
        }
    }
}

/// A commit that is being made. It has ended when this is dropped.
struct PendingCommit(Arc<dyn CommitLog>);

impl PendingCommit {
    fn start(log: Arc<dyn CommitLog>) -> Self {
        log.started();
        Self(log)
    }
}

impl Drop for PendingCommit {
    fn drop(&mut self) {
        self.0.ended();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use futures_util::future::BoxFuture;
    use serde_json::json;
    use tokio::sync::Semaphore;
    use tokio::time::timeout;

    use super::*;
    use crate::hub::Commit;
    use crate::testing::HubStub;

    const COMMIT: &str = "/api/models/me/x/commit/main";
    const MERGE: &str = "/api/models/me/x/discussions/1/merge";

    /// Notes what happens. An id is noted once the store has a permit.
    struct Log {
        notes: Mutex<Vec<String>>,
        store: Semaphore,
    }

    impl Log {
        fn add(&self, note: impl Into<String>) {
            self.notes.lock().unwrap().push(note.into());
        }

        fn notes(&self) -> Vec<String> {
            self.notes.lock().unwrap().clone()
        }

        async fn wait_for(&self, notes: &[&str]) {
            let noted = async {
                while self.notes() != notes {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            let in_time = timeout(Duration::from_secs(10), noted).await;
            assert!(in_time.is_ok(), "{:?}", self.notes());
        }
    }

    impl CommitLog for Log {
        fn started(&self) {
            self.add("started");
        }

        fn ended(&self) {
            self.add("ended");
        }

        fn committed<'a>(&'a self, oid: &'a str) -> BoxFuture<'a, ()> {
            Box::pin(async move {
                self.store.acquire().await.unwrap().forget();
                self.add(oid);
            })
        }

        fn remember(&self, oid: &str) {
            self.add(oid);
        }
    }

    /// Returns a stand-in for the Hub, and the log of its client, whose store takes so many ids at once.
    fn start(permits: usize) -> (HubStub, Arc<Log>) {
        let stub = HubStub::new();
        let log = Arc::new(Log { notes: Mutex::default(), store: Semaphore::new(permits) });
        stub.hub().set_commit_log(Arc::<Log>::clone(&log));
        (stub, log)
    }

    fn deletion() -> Commit {
        Commit::new("Delete").delete("a")
    }

    #[tokio::test]
    async fn a_commit_is_noted_and_a_failed_one_is_not() {
        let (stub, log) = start(1);
        let made = json!({ "commitOid": "abc" });
        stub.on("POST", COMMIT).respond(made).error(500, "Oops");
        stub.hub().commit("me/x", "main", &deletion()).await.unwrap();
        assert_eq!(log.notes(), ["started", "abc", "ended"]);
        stub.hub().commit("me/x", "main", &deletion()).await.unwrap_err();
        assert_eq!(log.notes()[3..], ["started", "ended"]);
        // The commit may have been made, so it is sent once.
        assert_eq!(stub.calls().len(), 2);
    }

    #[tokio::test]
    async fn a_commit_returns_when_it_is_stored() {
        let (stub, log) = start(0);
        stub.on("POST", COMMIT).respond(json!({ "commitOid": "abc" }));
        let hub = stub.hub();
        let mut commit = tokio::spawn(async move { hub.commit("me/x", "main", &deletion()).await });
        assert!(timeout(Duration::from_millis(50), &mut commit).await.is_err());
        assert_eq!(log.notes(), ["started"]);
        log.store.add_permits(1);
        assert_eq!(commit.await.unwrap().unwrap().commit_oid, "abc");
    }

    #[tokio::test]
    async fn a_commit_whose_caller_gave_up_is_remembered() {
        let (stub, log) = start(0);
        stub.on("POST", COMMIT).respond(json!({ "commitOid": "abc" }));
        let (hub, commit) = (stub.hub(), deletion());
        let given_up = timeout(Duration::from_millis(50), hub.commit("me/x", "main", &commit));
        assert!(given_up.await.is_err());
        log.store.add_permits(1);
        log.wait_for(&["started", "abc", "ended"]).await;
    }

    #[test]
    fn a_thread_that_waits_for_a_commit_remembers_it() {
        let (stub, log) = start(1);
        stub.on("POST", COMMIT).respond(json!({ "commitOid": "abc" }));
        let hub = stub.hub();
        hub.block_on(hub.commit("me/x", "main", &deletion())).unwrap();
        assert_eq!(log.notes(), ["started", "abc", "ended"]);
    }

    #[tokio::test]
    async fn the_commit_of_a_merge_is_asked_for_and_remembered() {
        let (stub, log) = start(1);
        stub.on("POST", MERGE).respond(json!({}));
        let changes = json!({ "base": "refs/heads/main", "mergeCommitId": "abc" });
        stub.on("GET", "/api/models/me/x/discussions/1").respond(json!({ "changes": changes }));
        stub.hub().merge_pull_request("me/x", 1, None).await.unwrap();
        assert_eq!(log.notes(), ["started", "abc", "ended"]);
        // The second call is not one of the function.
        assert_eq!(stub.calls().len(), 1);
    }

    #[tokio::test]
    async fn a_merge_succeeds_when_its_commit_is_unknown() {
        let (stub, log) = start(1);
        stub.on("POST", MERGE).respond(json!({}));
        let open = json!({ "changes": { "base": "refs/heads/main" } });
        let details = stub.on("GET", "/api/models/me/x/discussions/1");
        details.respond(open).respond(json!({ "changes": null })).error(404, "Gone");
        for _ in 0..3 {
            stub.hub().merge_pull_request("me/x", 1, None).await.unwrap();
        }
        assert_eq!(log.notes(), ["started", "ended"].repeat(3));
    }

    #[tokio::test]
    async fn without_a_server_a_merge_is_one_call() {
        let stub = HubStub::new();
        stub.on("POST", MERGE).respond(json!({}));
        stub.hub().merge_pull_request("me/x", 1, None).await.unwrap();
        stub.on("POST", COMMIT).respond(json!({ "commitOid": "abc" }));
        let commit = stub.hub().commit("me/x", "main", &deletion()).await.unwrap();
        assert_eq!((commit.commit_oid.as_str(), stub.calls().len()), ("abc", 2));
    }
}

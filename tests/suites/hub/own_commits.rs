//! The commits that a bot makes do not come back to it: also when their calls outlive their functions.

use std::sync::Arc;
use std::time::Duration;

use tests::hub::{TestDelivery, TestHub, TestWebhookState, Trouble};
use tokio::sync::Notify;
use webhooks_runtime::hub::Commit;
use webhooks_runtime::{
    Endpoint, Hub, HubError, ServerHandle, WebhookPayload, WebhooksServer, web, webhook_endpoint,
};

const DATA: &str = "dataset:me/data";
const COMMIT: &str = "POST /api/datasets/me/data/commit/main";
const MERGE: &str = "POST /api/datasets/me/data/discussions/1/merge";

/// Lets a test and a function wait for each other.
#[derive(Default)]
struct Gate {
    called: Notify,
    may_commit: Notify,
}

/// Commits a summary.
#[webhook_endpoint(on = "repo.content", background(timeout = "1s", attempts = 1))]
async fn hurries(payload: WebhookPayload, hub: Hub) -> Result<(), HubError> {
    let commit = Commit::new("Summarize the data").add("summary.txt", "all of it");
    hub.commit(&payload, "main", &commit).await?;
    Ok(())
}

/// The same, with as much time as the Hub needs.
#[webhook_endpoint(on = "repo.content", background(attempts = 1))]
async fn summarizes(
    payload: WebhookPayload,
    hub: Hub,
    gate: web::Data<Arc<Gate>>,
) -> Result<(), HubError> {
    gate.called.notify_one();
    gate.may_commit.notified().await;
    let commit = Commit::new("Summarize the data").add("summary.txt", "all of it");
    hub.commit(&payload, "main", &commit).await?;
    Ok(())
}

/// Merges each pull request.
#[webhook_endpoint(on = ["create discussion", "repo.content"], branch = "main")]
async fn merges(payload: WebhookPayload, hub: Hub) -> Result<(), HubError> {
    if let Some(pull_request) = &payload.discussion {
        hub.merge_pull_request(&payload, pull_request.num, None).await?;
    }
    Ok(())
}

/// A Hub, a server of one endpoint, and the webhook of the endpoint.
struct CommittingBot {
    hub: TestHub,
    folder: tempfile::TempDir,
    gate: Arc<Gate>,
}

impl CommittingBot {
    fn new() -> Self {
        let hub = TestHub::start();
        hub.create_repo(DATA);
        Self { hub, folder: tempfile::tempdir().unwrap(), gate: Arc::default() }
    }

    async fn serve(&self, endpoint: Endpoint) -> (ServerHandle, String) {
        let path = endpoint.path();
        let store = self.folder.path().join("webhooks.db");
        let server = WebhooksServer::empty()
            .endpoint(endpoint)
            .data(Arc::clone(&self.gate))
            .hub(Hub::new(self.hub.url(), self.hub.token()).unwrap())
            .store(store.to_str().unwrap())
            .shutdown_timeout(Duration::from_secs(1))
            .share(false)
            .port(0);
        let server = server.start().await.unwrap();
        let url = format!("{}{path}", server.local_url());
        let id = self.hub.create_webhook("me", &url, &[DATA]);
        (server, id)
    }

    fn push(&self) -> String {
        self.hub.push(DATA, "main", &[("train.csv", Some(b"1\n"))])
    }

    /// Waits for the response to the delivery about a commit that the test did not make, on `main`.
    async fn response_to_own_commit(&self, id: &str, pushed: &str) -> String {
        for _ in 0..1500 {
            let deliveries = self.hub.webhook(id).deliveries;
            let is_own = |delivery: &&TestDelivery| {
                let updated = &delivery.payload["updatedRefs"][0];
                updated["ref"] == "refs/heads/main" && updated["newSha"] != pushed
            };
            let attempts = deliveries.iter().find(is_own).map(|delivery| &delivery.attempts);
            match attempts.and_then(|attempts| attempts.last()) {
                Some(attempt) => return attempt.text.clone(),
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
        panic!("no response: {:#?}", self.hub.webhook(id))
    }
}

const OWN: &str = r#"{"skipped":"own: this program has made the commit, as me"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_attempt_was_stopped_does_not_come_back() {
    let bot = CommittingBot::new();
    bot.hub.trouble_at(COMMIT, 1, Trouble::Late { milliseconds: 2500 });
    let (server, id) = bot.serve(hurries::endpoint()).await;
    let pushed = bot.push();
    assert_eq!(bot.response_to_own_commit(&id, &pushed).await, OWN);
    assert_eq!(bot.hub.webhook(&id).deliveries.len(), 2);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_function_a_shutdown_stopped_does_not_come_back_to_the_next_process() {
    let bot = CommittingBot::new();
    bot.hub.trouble_at(COMMIT, 1, Trouble::Late { milliseconds: 3000 });
    let (server, id) = bot.serve(summarizes::endpoint()).await;
    let pushed = bot.push();
    bot.gate.called.notified().await;
    // The delivery is for the next process.
    bot.hub.set_webhook_state(&id, TestWebhookState::Disabled);
    bot.gate.may_commit.notify_one();
    bot.hub.wait_for_requests(COMMIT, 1);
    // It waits a second for the function, and then for the commit.
    server.stop().await;
    let (server, id) = bot.serve(hurries::endpoint()).await;
    let head = bot.hub.head(DATA, "main").unwrap();
    bot.hub.set_ref(DATA, "main", Some(&head));
    assert_eq!(bot.response_to_own_commit(&id, &pushed).await, OWN);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_does_not_come_back() {
    let bot = CommittingBot::new();
    bot.hub.create_org("ada");
    let (server, id) = bot.serve(merges::endpoint()).await;
    // The delivery about the merge is faster than the response to it.
    bot.hub.trouble_at(MERGE, 1, Trouble::Late { milliseconds: 1000 });
    bot.hub.open_pull_request(DATA, "ada", "Add the data", &[("train.csv", Some(b"1\n"))]);
    assert_eq!(bot.response_to_own_commit(&id, "").await, OWN);
    assert_eq!(bot.hub.discussions(DATA)[0].status, "merged");
    bot.hub.assert_no_faults();
    server.stop().await;
}

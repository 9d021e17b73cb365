//! Webhooks deliver to the registered URL, in the form that the Hub documents, and are suspended when that fails.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tests::hub::{DeliveryPolicy, TestDelivery, TestHub, TestWebhookState};
use webhooks_runtime::{
    HttpRequest, HttpResponse, ServerHandle, WebhookPayload, WebhooksServer, web,
};

use super::call;

const DATA: &str = "dataset:me/data";

/// What a bot received: `Webhook-Id`, and the body.
type Received = Arc<Mutex<Vec<(String, Value)>>>;

/// A bot that answers with this status.
#[derive(Clone, Default)]
struct ReceivingBot {
    received: Received,
    status: Arc<Mutex<u16>>,
}

async fn receive(
    request: HttpRequest,
    _payload: WebhookPayload,
    body: web::Json<Value>,
    bot: web::Data<ReceivingBot>,
) -> HttpResponse {
    let id = request.headers().get("Webhook-Id").unwrap().to_str().unwrap().to_owned();
    bot.received.lock().unwrap().push((id, body.into_inner()));
    let status = *bot.status.lock().unwrap();
    HttpResponse::build(status.try_into().unwrap()).body("received")
}

/// A Hub with a dataset, and a running bot with the secret `hush`.
async fn start() -> (TestHub, ReceivingBot, ServerHandle) {
    let hub = TestHub::start();
    hub.set_delivery_policy(DeliveryPolicy {
        attempts: 2,
        wait: Duration::from_millis(1),
        suspend_after: 2,
    });
    hub.create_repo(DATA);
    let bot = ReceivingBot { status: Arc::new(Mutex::new(200)), ..ReceivingBot::default() };
    let server = WebhooksServer::empty().add_webhook("bot", receive).data(bot.clone());
    let server = server.webhook_secret("hush").share(false).port(0).start().await.unwrap();
    (hub, bot, server)
}

/// Registers the bot through the API.
fn register(hub: &TestHub, server: &ServerHandle, secret: &str) -> String {
    let webhook = json!({
        "url": format!("{}/webhooks/bot", server.local_url()),
        "watched": [{ "type": "dataset", "name": "me/data" }],
        "domains": ["repo", "discussion"],
        "secret": secret,
    });
    let created = call(hub, "POST /api/settings/webhooks", &webhook).json();
    created["webhook"]["id"].as_str().unwrap().to_owned()
}

fn statuses(delivery: &TestDelivery) -> Vec<Option<u16>> {
    delivery.attempts.iter().map(|attempt| attempt.status).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_delivered_in_the_form_that_the_hub_documents() {
    let (hub, bot, server) = start().await;
    let id = register(&hub, &server, "hush");
    let old = hub.head(DATA, "main").unwrap();
    let new = hub.push(DATA, "main", &[("a.txt", Some(b"one\n"))]);
    let pushed = hub.wait_for_delivery(&id, "update repo.content");
    assert_eq!(statuses(&pushed), [Some(200)], "{pushed:?}");
    let received = bot.received.lock().unwrap().clone();
    assert_eq!(received, [(pushed.webhook_id.clone(), pushed.payload.clone())]);
    let refs = json!([{ "ref": "refs/heads/main", "oldSha": old, "newSha": new }]);
    assert_eq!(pushed.payload["updatedRefs"], refs);
    assert_eq!(pushed.payload["repo"]["headSha"], new);
    assert_eq!(pushed.payload["webhook"], json!({ "id": id, "version": 3 }));

    let num = hub.open_discussion(DATA, "somebody", "Name the seed", "Which seed was used?");
    let comment = hub.comment(DATA, num, "me", "It was 42.");
    let delivery = hub.wait_for_delivery(&id, "create discussion.comment");
    let payload: WebhookPayload = serde_json::from_value(delivery.payload.clone()).unwrap();
    assert_eq!(payload.discussion.unwrap().author.id, hub.account("somebody").id);
    let author = payload.comment.as_ref().unwrap().author.id.clone();
    assert_eq!((author, payload.comment.unwrap().id), (hub.account("me").id, comment));
    let delivery = hub.wait_for_delivery(&id, "create discussion");
    assert_eq!(delivery.payload["comment"]["content"], "Which seed was used?");
    assert!(delivery.payload["repo"].get("headSha").is_none(), "{delivery:?}");

    let num = hub.open_pull_request(DATA, "me", "Name it", &[("b.txt", Some(b"two\n"))]);
    call(&hub, &format!("POST /api/datasets/me/data/discussions/{num}/merge"), &Value::Null);
    hub.set_private(DATA, true);
    hub.wait_until_delivered();
    let mut events: Vec<_> = hub.webhook(&id).deliveries.iter().map(TestDelivery::event).collect();
    let expected = [
        "update repo.content",
        "create discussion",
        "create discussion.comment",
        // The pull request, its ref, the commit to it, and the merge with its commit.
        "create discussion",
        "update repo.content",
        "update repo.content",
        "update discussion",
        "update repo.content",
        "update repo.config",
    ];
    assert_eq!(events, expected);
    events.dedup();
    assert_eq!(bot.received.lock().unwrap().len(), expected.len());
    for delivery in hub.webhook(&id).deliveries {
        let payload: WebhookPayload = serde_json::from_value(delivery.payload.clone()).unwrap();
        let same = serde_json::to_value(&payload).unwrap();
        assert_eq!(same, delivery.payload);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_a_webhook_watches_is_delivered() {
    let (hub, _bot, server) = start().await;
    let url = format!("{}/webhooks/bot", server.local_url());
    let id = |watched: &str| hub.create_webhook("me", &url, &[watched]);
    let (dataset, model, user, org) =
        (id(DATA), id("model:me/data"), id("user:me"), id("org:acme"));
    hub.push(DATA, "main", &[("a.txt", Some(b"one\n"))]);
    hub.wait_until_delivered();
    let counts = [dataset, model, user, org].map(|id| hub.webhook(&id).deliveries.len());
    assert_eq!(counts, [1, 0, 1, 0]);
    hub.create_repo("bucket:me/files");
    hub.change_bucket("bucket:me/files", &[("a", Some("one")), ("b", None)]);
    hub.wait_until_delivered();
    let deliveries = hub.webhooks()[2].deliveries.clone();
    let files = &deliveries[2].payload["updatedFiles"];
    assert_eq!((&files[0]["action"], &files[0]["size"]), (&json!("add"), &json!(3)));
    assert_eq!(files[1], json!({ "path": "b", "action": "delete" }));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_suspended_after_failures_and_replays_go_to_its_new_secret() {
    let (hub, bot, server) = start().await;
    let id = register(&hub, &server, "old");
    for number in 1..=2 {
        assert_eq!(hub.webhook(&id).state, TestWebhookState::Enabled);
        hub.push(DATA, "main", &[("a.txt", Some(format!("{number}\n").as_bytes()))]);
        hub.wait_until_delivered();
    }
    let webhook = hub.webhook(&id);
    assert_eq!(webhook.state, TestWebhookState::Suspended);
    assert_eq!(statuses(&webhook.deliveries[1]), [Some(403), Some(403)]);
    let one = format!("/api/settings/webhooks/{id}");
    let found = call(&hub, &format!("GET {one}"), &Value::Null).json();
    assert_eq!(found["webhook"]["disabled"], "suspended-after-failure");
    // It delivers nothing, as one that a person disabled.
    hub.push(DATA, "main", &[("a.txt", Some(b"three\n"))]);
    assert_eq!(hub.webhook(&id).deliveries.len(), 2);

    let mut update = found["webhook"].clone();
    update["secret"] = json!("hush");
    for member in ["id", "disabled"] {
        update.as_object_mut().unwrap().remove(member);
    }
    assert_eq!(call(&hub, &format!("POST {one}"), &update).status, 200);
    let delivery = &webhook.deliveries[0];
    let replay = call(&hub, &format!("POST {one}/replay/{}", delivery.log_id), &Value::Null);
    assert_eq!(replay.json(), json!({ "status": 200 }));
    let received = bot.received.lock().unwrap().clone();
    assert_eq!(received, [(delivery.webhook_id.clone(), delivery.payload.clone())]);

    let enabled = call(&hub, &format!("POST {one}/enable"), &Value::Null).json();
    assert_eq!(enabled["webhook"]["disabled"], false);
    hub.push(DATA, "main", &[("a.txt", Some(b"four\n"))]);
    hub.wait_until_delivered();
    assert_eq!(statuses(&hub.webhook(&id).deliveries[2]), [Some(200)]);
    hub.assert_no_faults();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_has_the_same_id_and_a_success_ends_a_row_of_failures() {
    let (hub, bot, server) = start().await;
    let id = register(&hub, &server, "hush");
    for (status, attempts) in [(500, 2), (200, 1), (302, 2)] {
        *bot.status.lock().unwrap() = status;
        bot.received.lock().unwrap().clear();
        hub.push(DATA, "main", &[("a.txt", Some(format!("{status}\n").as_bytes()))]);
        hub.wait_until_delivered();
        let received = bot.received.lock().unwrap().clone();
        assert_eq!(received.len(), attempts, "{status}");
        assert!(received.iter().all(|(id, _)| *id == received[0].0), "{received:?}");
        assert_eq!(hub.webhook(&id).state, TestWebhookState::Enabled);
    }
    server.stop().await;
    // Nobody listens any more: no response is a failure, too.
    hub.push(DATA, "main", &[("a.txt", Some(b"gone\n"))]);
    hub.wait_for_webhook_state(&id, TestWebhookState::Suspended);
    hub.wait_until_delivered();
    assert_eq!(statuses(hub.webhook(&id).deliveries.last().unwrap()), [None, None]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_of_the_internet_is_reached_where_a_test_says() {
    let (hub, bot, server) = start().await;
    let address = server.local_url().trim_start_matches("http://").parse();
    hub.reach("bot.example", address.unwrap());
    let webhook = json!({
        "url": "https://link.bot.example/webhooks/bot?from=hub",
        "watched": [{ "type": "dataset", "name": "me/data" }],
        "domains": ["repo"],
        "secret": "hush",
    });
    call(&hub, "POST /api/settings/webhooks", &webhook);
    let elsewhere = hub.create_webhook("me", "https://elsewhere.example", &[DATA]);
    hub.push(DATA, "main", &[("a.txt", Some(b"one\n"))]);
    hub.wait_until_delivered();
    assert_eq!(bot.received.lock().unwrap().len(), 1);
    let attempt = &hub.webhook(&elsewhere).deliveries[0].attempts[0];
    assert_eq!((attempt.status, attempt.is_success()), (None, false));
    assert!(attempt.text.contains("elsewhere.example"), "{attempt:?}");
    server.stop().await;
}

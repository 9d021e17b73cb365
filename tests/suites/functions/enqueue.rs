//! Deliveries that the program itself enqueues.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tests::background::wait_until;
use tests::client::post;
use tests::payloads::dataset_commit;
use webhooks_runtime::testing::{HubStub, TestClient};
use webhooks_runtime::{
    Delivery, DeliveryStore, EnqueueError, Hub, Note, ServerHandle, StoreError, WebhookPayload,
    WebhooksServer, web, webhook_endpoint,
};

/// What ran.
type Runs = Arc<Mutex<Vec<String>>>;

/// Only for commits to another dataset, and not for those of its own account.
#[webhook_endpoint(
    watch = "dataset:me/data",
    on = "repo.content",
    background(key = "repo", latest)
)]
async fn trains(
    payload: WebhookPayload,
    delivery: Delivery,
    _hub: Hub,
    runs: web::Data<Runs>,
) -> Note {
    assert_eq!((delivery.webhook_id, &*delivery.endpoint), (None, trains::PATH));
    let refs = payload.updated_refs.unwrap_or_default();
    let shas = refs.iter().map(|it| format!("{:?}..{:?}", it.old_sha, it.new_sha));
    runs.lock().unwrap().push(format!("{} {:?}", payload.repo.name, shas.collect::<Vec<_>>()));
    Note(format!("attempt 1 of {}", delivery.max_attempts))
}

#[webhook_endpoint(background)]
async fn converts(file: web::Json<String>, runs: web::Data<Runs>) -> Result<(), String> {
    runs.lock().unwrap().push(file.into_inner());
    Err("the disk is full".to_owned())
}

/// Enqueues deliveries for another function, after its response.
#[webhook_endpoint(background)]
async fn splits(store: DeliveryStore) -> Result<Note, EnqueueError> {
    let id = converts::enqueue(&store, "a.csv").await?;
    converts::enqueue(&store, "b.csv".to_owned()).await?;
    Ok(Note(id))
}

/// Enqueues a delivery for another function, before its response.
#[webhook_endpoint]
async fn asks(store: DeliveryStore) -> Result<String, EnqueueError> {
    converts::enqueue(&store, "c.csv").await
}

#[webhook_endpoint("/enqueue_key", background(key = no_key))]
fn has_no_key() {}

fn no_key(payload: &WebhookPayload) -> String {
    match payload.repo.name.as_str() {
        "long" => "x".repeat(1001),
        _ => panic!("no key for this"),
    }
}

fn server() -> (WebhooksServer, Runs) {
    let runs = Runs::default();
    let server = WebhooksServer::empty()
        .endpoint(trains::endpoint())
        .endpoint(converts::endpoint())
        .endpoint(splits::endpoint())
        .endpoint(asks::endpoint())
        .endpoint(has_no_key::endpoint())
        .hub(HubStub::new().hub())
        .data(Arc::clone(&runs));
    (server, runs)
}

fn ran(runs: &Runs) -> Vec<String> {
    runs.lock().unwrap().clone()
}

/// A commit to a repo that `trains` does not watch.
fn commit(repo: &str, old: &str, new: &str) -> Value {
    let mut commit = dataset_commit();
    commit["repo"]["name"] = json!(repo);
    commit["updatedRefs"] = json!([{ "ref": "refs/heads/main", "oldSha": old, "newSha": new }]);
    commit
}

#[tokio::test]
async fn in_a_test_the_function_runs_whatever_its_filter() {
    let (server, runs) = server();
    let client = TestClient::new(server).unwrap();
    let skipped = client.post(trains::PATH, commit("me/other", "a", "b")).await;
    assert!(skipped.skipped().is_some());
    let response = trains::enqueue(&client, commit("me/other", "a", "b")).await.unwrap();
    assert_eq!((response.status().as_u16(), response.cause()), (202, None));
    assert_eq!(response.note(), Some("attempt 1 of 5"));
    assert_eq!(response.json::<Value>().unwrap()["state"], "queued");
    assert_eq!(ran(&runs), [r#"me/other ["Some(\"a\")..Some(\"b\")"]"#]);
    let response = converts::enqueue(&client, "a.csv").await.unwrap();
    assert_eq!(response.cause(), Some("the disk is full"));
}

#[tokio::test]
async fn in_a_test_a_function_enqueues_for_another_one() {
    let (server, runs) = server();
    let client = TestClient::new(server).unwrap();
    let response = client.post(splits::PATH, dataset_commit()).await;
    // The caller is not notified that the function fails.
    assert_eq!(response.cause(), None);
    assert_eq!(response.note().unwrap().len(), 36);
    assert_eq!(client.post(asks::PATH, dataset_commit()).await.status(), 200);
    assert_eq!(ran(&runs), ["a.csv", "b.csv", "c.csv"]);
}

#[tokio::test]
async fn a_payload_that_the_function_cannot_read_is_an_error_at_once() {
    let (server, _) = server();
    let client = TestClient::new(server).unwrap();
    let error = trains::enqueue(&client, json!({ "epochs": 3 })).await.unwrap_err();
    let text =
        "the function at /webhooks/trains cannot read the payload: event: This field is required. ";
    assert!(error.to_string().starts_with(text), "{error}");
    assert!(matches!(error, EnqueueError::Rejected { .. }));
    let error = converts::enqueue(&client, 7).await.unwrap_err();
    assert!(matches!(error, EnqueueError::Rejected { .. }), "{error}");
    let of_bytes = std::collections::HashMap::from([(vec![0_u8], 1)]);
    let error = converts::enqueue(&client, of_bytes).await.unwrap_err();
    assert!(matches!(error, EnqueueError::Payload(_)), "{error}");
    for (repo, reason) in [
        ("x", "its function panicked: no key for this"),
        ("long", "it has 1001 bytes, at most 1000"),
    ] {
        let error = has_no_key::enqueue(&client, commit(repo, "a", "b")).await.unwrap_err();
        let text =
            format!("the key of the delivery for /webhooks/enqueue_key is unknown: {reason}");
        assert_eq!(error.to_string(), text);
    }
}

#[tokio::test]
async fn an_endpoint_that_the_server_does_not_have_is_an_error() {
    let server = WebhooksServer::empty().endpoint(splits::endpoint()).endpoint(asks::endpoint());
    let client = TestClient::new(server).unwrap();
    let error = converts::enqueue(&client, "a.csv").await.unwrap_err();
    assert!(matches!(error, EnqueueError::UnknownEndpoint { .. }), "{error}");
    let cause =
        "this server has no background endpoint /webhooks/converts: add it with .endpoint(…)";
    assert_eq!(error.to_string(), cause);
    let response = client.post(splits::PATH, dataset_commit()).await;
    assert_eq!(response.cause(), Some(cause));
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("webhooks.db");
    for endpoint in [asks::endpoint(), splits::endpoint()] {
        let server = WebhooksServer::empty().endpoint(endpoint).port(0);
        let server = server.store(store.to_str().unwrap()).start().await.unwrap();
        let error = converts::enqueue(&server, "a.csv").await.unwrap_err();
        assert_eq!(error.to_string(), cause);
        server.stop().await;
    }
}

#[tokio::test]
async fn the_limits_of_the_server_apply_to_a_store_that_another_program_opens() {
    let folder = tempfile::tempdir().unwrap();
    for (name, is_full) in [("backlog.db", false), ("bytes.db", true)] {
        let (server, _) = server();
        let server = match is_full {
            true => server.store_limit(1),
            false => server.backlog_limit(1),
        };
        let file = folder.path().join(name).to_str().unwrap().to_owned();
        server.port(0).store(&*file).start().await.unwrap().stop().await;
        let store = DeliveryStore::open(&file).await.unwrap();
        let first = converts::enqueue(&store, "a.csv").await;
        let second = converts::enqueue(&store, "b.csv").await;
        match is_full {
            true => assert!(matches!(first, Err(EnqueueError::StoreFull)), "{first:?}"),
            false => {
                assert!(first.is_ok(), "{first:?}");
                assert!(matches!(second, Err(EnqueueError::BacklogFull)), "{second:?}");
            }
        }
    }
}

/// Starts a server with a file in a folder.
async fn start(folder: &tempfile::TempDir) -> (ServerHandle, Runs, String) {
    let (server, runs) = server();
    let store = folder.path().join("webhooks.db").to_str().unwrap().to_owned();
    (server.port(0).store(&*store).start().await.unwrap(), runs, store)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_stores_and_runs_what_the_program_enqueues() {
    let folder = tempfile::tempdir().unwrap();
    let (server, runs, store) = start(&folder).await;
    let id = trains::enqueue(&server, commit("me/other", "a", "b")).await.unwrap();
    assert_eq!(id.len(), 36);
    wait_until("it ran", || ran(&runs).len() == 1);
    // A function of the server enqueues in its store.
    assert_eq!(post(server.local_url(), splits::PATH, "{}").unwrap().status, 202);
    wait_until("they ran", || ran(&runs).len() >= 3);
    let error = trains::enqueue(&server, json!({})).await.unwrap_err();
    assert!(matches!(error, EnqueueError::Rejected { .. }));
    // Another program has only the file.
    let opened = DeliveryStore::open(&store).await.unwrap();
    trains::enqueue(&opened, commit("me/data", "c", "d")).await.unwrap();
    converts::enqueue(&opened, "d.csv").await.unwrap();
    wait_until("they ran, too", || {
        let ran = ran(&runs);
        ran.iter().any(|run| run.starts_with("me/data")) && ran.contains(&"d.csv".to_owned())
    });
    server.stop().await;
    // What is enqueued while no server runs waits for one, and newer commits of a key replace older ones.
    for (old, new) in [("a", "b"), ("b", "c")] {
        trains::enqueue(&opened, commit("me/later", old, new)).await.unwrap();
    }
    let (server, runs, _) = start(&folder).await;
    wait_until("it runs later", || ran(&runs).iter().any(|run| run.starts_with("me/later")));
    let run = ran(&runs).into_iter().find(|run| run.starts_with("me/later")).unwrap();
    assert_eq!(run, r#"me/later ["Some(\"a\")..Some(\"c\")"]"#);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_its_server_has_stopped_a_store_accepts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("webhooks.db");
    let kept: Arc<Mutex<Option<DeliveryStore>>> = Arc::default();
    let keeping = Arc::clone(&kept);
    let server = server().0.on_start(async move |store: DeliveryStore| {
        *keeping.lock().unwrap() = Some(store);
        Ok::<_, String>(())
    });
    let server = server.port(0).store(file.to_str().unwrap()).start().await.unwrap();
    wait_until("it has started", || kept.lock().unwrap().is_some());
    let store = kept.lock().unwrap().take().unwrap();
    converts::enqueue(&store, "a.csv").await.unwrap();
    server.stop().await;
    let error = converts::enqueue(&store, "b.csv").await.unwrap_err();
    assert!(matches!(error, EnqueueError::Store(StoreError::Closed)), "{error}");
}

#[tokio::test]
async fn a_store_that_does_not_exist_or_does_not_know_the_endpoint_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("webhooks.db").to_str().unwrap().to_owned();
    let error = DeliveryStore::open(&file).await.unwrap_err();
    assert!(matches!(error, StoreError::Open { .. }), "{error}");
    let error = DeliveryStore::open("mysql://db/webhooks").await.unwrap_err();
    assert!(matches!(error, StoreError::Address { .. }), "{error}");
    let server = WebhooksServer::empty().endpoint(splits::endpoint()).port(0);
    server.store(&*file).start().await.unwrap().stop().await;
    let store = DeliveryStore::open(&file).await.unwrap();
    let error = converts::enqueue(&store, "a.csv").await.unwrap_err();
    assert!(matches!(error, EnqueueError::Store(StoreError::UnknownEndpoint { .. })), "{error}");
    splits::enqueue(&store, ()).await.unwrap();
}

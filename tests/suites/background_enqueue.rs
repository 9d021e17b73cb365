//! Deliveries that another program enqueues for a server, and those that a server enqueues at its start.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::background::Place;
use tests::client::{PATIENCE, request};
use tests::on_both_stores;
use tests::payloads::dataset_commit;
use tokio::runtime::Runtime;
use webhooks_runtime::{DeliveryStore, WebhooksServer, webhook_endpoint};

on_both_stores! {
    a_running_server_runs_what_another_program_enqueues
    what_is_enqueued_while_the_server_is_down_runs_later
}

/// The functions of the other program, whose names and options are those of the server's.
mod other {
    use super::webhook_endpoint;

    #[webhook_endpoint(background(key = "repo", latest = "cancel", debounce = "2s..10s"))]
    pub(super) async fn debounced() {}

    #[webhook_endpoint(background)]
    pub(super) async fn quick() {}
}

/// A commit to a repo, without a `Webhook-Id`.
fn commit(old: &str, new: &str) -> Value {
    let mut commit = dataset_commit();
    commit["updatedRefs"] = json!([{ "ref": "refs/heads/main", "oldSha": old, "newSha": new }]);
    commit
}

/// Enqueues deliveries for both functions, and gives their ids. The debounced one is paused meanwhile: however slow this is,
/// the newer delivery finds the older one queued.
fn enqueue(place: &Place) -> [String; 3] {
    let control = |command| {
        let ended = place.command(&["deliveries", command, "debounced"], &[]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    };
    control("pause");
    let ids = Runtime::new().unwrap().block_on(async {
        let store = DeliveryStore::open(&place.store()).await.unwrap();
        let quick = other::quick::enqueue(&store, ()).await.unwrap();
        let older = other::debounced::enqueue(&store, commit("a", "b")).await.unwrap();
        let newer = other::debounced::enqueue(&store, commit("b", "c")).await.unwrap();
        [quick, older, newer]
    });
    control("resume");
    ids
}

/// Waits for them, and checks what ran.
fn check(place: &Place, ids: &[String; 3]) {
    let states = ["done", "superseded", "done"];
    for (id, state) in ids.iter().zip(states) {
        place.wait_for(id, state);
    }
    let mut runs: Vec<_> = place.journal().into_iter().map(|entry| entry.what).collect();
    runs.sort();
    assert_eq!(runs, ["a..c", "start"]);
    let shown = place.command(&["deliveries", "show", &ids[0]], &[]);
    let origin = shown.stdout.lines().find(|line| line.starts_with("origin "));
    assert!(origin.is_some_and(|line| line.ends_with(" enqueued")), "{}", shown.stdout);
    let shown = place.command(&["deliveries", "show", "--json", &ids[2]], &[]);
    assert_eq!(serde_json::from_str::<Value>(&shown.stdout).unwrap()["origin"], "enqueued");
}

fn a_running_server_runs_what_another_program_enqueues(place: &Place) {
    let program = place.start(&[]);
    let _ = program.local_url();
    check(place, &enqueue(place));
    assert_eq!(program.stop().code, Some(0));
}

fn what_is_enqueued_while_the_server_is_down_runs_later(place: &Place) {
    let program = place.start(&[]);
    let _ = program.local_url();
    assert_eq!(program.stop().code, Some(0));
    let ids = enqueue(place);
    assert_eq!(place.states().get("queued"), Some(&2));
    let program = place.start(&[]);
    check(place, &ids);
    assert_eq!(program.stop().code, Some(0));
}

/// How often `catch_up` ran.
static RUNS: AtomicU32 = AtomicU32::new(0);

#[webhook_endpoint(background)]
async fn catch_up() {
    RUNS.fetch_add(1, Ordering::Relaxed);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_start_enqueues_and_a_function_of_on_start_that_fails_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("webhooks.db");
    for start in 1..=2 {
        let server = WebhooksServer::empty().endpoint(catch_up::endpoint()).port(0);
        let server = server.store(store.to_str().unwrap());
        let server = server.on_start(async |_| Err("no luck"));
        let server = server.on_start(async |_| -> Result<(), String> { panic!("worse") });
        // Never ends by itself.
        let server = server.on_start(|_| std::future::pending::<Result<(), String>>());
        let server = server
            .on_start(async |store: DeliveryStore| catch_up::enqueue(&store, ()).await.map(drop));
        let server = server.start().await.unwrap();
        let deadline = Instant::now() + PATIENCE;
        while RUNS.load(Ordering::Relaxed) < start && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(RUNS.load(Ordering::Relaxed), start);
        let url = server.local_url().to_owned();
        let health = tokio::task::spawn_blocking(move || request(&url, "GET /health", &[], ""));
        assert_eq!(health.await.unwrap().unwrap().status, 200);
        server.stop().await;
    }
}

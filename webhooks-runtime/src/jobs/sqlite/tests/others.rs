//! Tests of commands that change the file while a server has it.

use std::time::Duration;

use uuid::Uuid;

use super::{FileFixture, endpoints};
use crate::endpoint::background::Policy;
use crate::jobs::conformance::new;
use crate::jobs::delivery::{Accepted, ClaimRequest, Completion, DeliveryKey, NewDelivery};
use crate::jobs::inspect::CancelTarget;
use crate::jobs::sqlite::SqliteStore;
use crate::jobs::sqlite::command::WriterCommand;
use crate::jobs::state::{State, Transition};
use crate::jobs::store::{Access, EndpointPolicy, Retention, Store};
use crate::payload::MergeScope;

const REQUESTS: [ClaimRequest; 1] = [ClaimRequest { endpoint: 0, slots: 1 }];

fn keyed(webhook_id: &str) -> NewDelivery {
    let key = DeliveryKey { text: "key".to_owned(), merge: None, merge_bytes: 0 };
    NewDelivery { key: Some(key), ..new(0, Some(webhook_id), "{}") }
}

async fn claim(store: &SqliteStore, me: Uuid) -> Completion {
    let mut claimed = store.complete_and_claim(me, &[], &REQUESTS).await.unwrap().claimed;
    let claimed = claimed.remove(0);
    Completion {
        id: claimed.id,
        fencing_token: claimed.fencing_token,
        next: Transition::Done,
        error: None,
        note: None,
        log: Default::default(),
    }
}

/// Runs a delivery again from the command line after its deduplication window, and sends it again.
async fn send_again(delivery: NewDelivery, while_running: Option<NewDelivery>) {
    let fixture = FileFixture::new();
    let policy = Policy { dedup_window: Duration::from_secs(60), ..Policy::DEFAULT };
    let endpoints: Vec<_> =
        endpoints().into_iter().map(|it| EndpointPolicy { policy, ..it }).collect();
    let store = SqliteStore::open(&fixture.file(), endpoints, 1000, Access::Serve).unwrap();
    let (me, id) = (Uuid::now_v7(), delivery.id);
    store.register(me, Duration::from_secs(3600)).await.unwrap();
    store.accept(vec![delivery.clone()]).await.unwrap();
    let done = claim(&store, me).await;
    store.complete_and_claim(me, &[done], &[]).await.unwrap();
    store.advance_clock(Duration::from_secs(61)).await.unwrap();
    let retention = Retention { done: Duration::from_secs(3600), dead: None };
    store.purge_expired(retention).await.unwrap();
    assert_eq!(store.send(WriterCommand::DedupLen).await.unwrap(), 0);
    if let Some(other) = while_running {
        store.accept(vec![other]).await.unwrap();
        claim(&store, me).await;
    }

    let command = SqliteStore::open(&fixture.file(), Vec::new(), 1, Access::Modify).unwrap();
    assert!(command.rerun(id).await.unwrap());
    command.close().await;
    let again = || vec![NewDelivery { id: Uuid::now_v7(), ..delivery.clone() }];
    for _ in 0..2 {
        let accepted = store.accept(again()).await.unwrap();
        assert_eq!(accepted, [Accepted::Duplicate(id, State::Queued)]);
    }
    store.close().await;
}

#[tokio::test]
async fn a_delivery_that_a_command_runs_again_has_duplicates() {
    send_again(new(0, Some("id"), "{}"), None).await;
    send_again(keyed("id"), None).await;
}

#[tokio::test]
async fn a_delivery_that_waits_behind_one_of_its_key_has_duplicates() {
    send_again(keyed("id"), Some(keyed("other"))).await;
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// Moves all times of the deliveries in a file, as if another clock had written them.
fn move_times(fixture: &FileFixture, millis: i64) {
    let file = rusqlite::Connection::open(fixture.file()).unwrap();
    let deliveries =
        "UPDATE deliveries SET accepted_at = accepted_at + ?1, run_at = run_at + ?1, ended_at = ended_at + ?1,
             debounce_since = debounce_since + ?1";
    for statement in [deliveries, "UPDATE key_heads SET run_at = run_at + ?1"] {
        file.execute(statement, [millis]).unwrap();
    }
}

/// Has a program enqueue a delivery by a clock that is a day ahead of the server's, which claims what is due.
async fn enqueue_a_day_ahead(policy: Policy) -> (FileFixture, SqliteStore, Uuid) {
    let fixture = FileFixture::new();
    let endpoints = || vec![EndpointPolicy { policy, ..endpoints().remove(0) }];
    let server = SqliteStore::open(&fixture.file(), endpoints(), 1000, Access::Serve).unwrap();
    let me = Uuid::now_v7();
    server.register(me, DAY).await.unwrap();
    let program = SqliteStore::open(&fixture.file(), endpoints(), 1000, Access::Modify).unwrap();
    let key =
        DeliveryKey { text: "key".to_owned(), merge: Some(MergeScope::Content), merge_bytes: 0 };
    let new = NewDelivery { key: policy.keyed.then_some(key), ..new(0, None, "{}") };
    program.accept(vec![new]).await.unwrap();
    program.close().await;
    move_times(&fixture, DAY_MILLIS);
    (fixture, server, me)
}

#[tokio::test]
async fn a_delivery_of_a_program_whose_clock_is_ahead_runs_at_once() {
    for policy in [Policy::DEFAULT, Policy { keyed: true, ..Policy::DEFAULT }] {
        let (_fixture, server, me) = enqueue_a_day_ahead(policy).await;
        claim(&server, me).await;
        server.close().await;
    }
}

#[tokio::test]
async fn a_delivery_of_a_program_whose_clock_is_ahead_waits_for_quiet_and_no_longer() {
    let policy = Policy { keyed: true, ..Policy::DEFAULT }.debounce(60_000, 600_000);
    let (_fixture, server, me) = enqueue_a_day_ahead(policy).await;
    let response = server.complete_and_claim(me, &[], &REQUESTS).await.unwrap();
    let next_due = response.next_due.unwrap();
    assert!(response.claimed.is_empty() && next_due <= Duration::from_secs(60), "{next_due:?}");
    server.advance_clock(Duration::from_secs(60)).await.unwrap();
    claim(&server, me).await;
    server.close().await;
}

#[tokio::test]
async fn what_a_command_whose_clock_is_ahead_cancels_and_runs_again_runs_at_once() {
    for delivery in [new(0, None, "{}"), keyed("id")] {
        let fixture = FileFixture::new();
        let server = SqliteStore::open(&fixture.file(), endpoints(), 1000, Access::Serve).unwrap();
        let (me, id) = (Uuid::now_v7(), delivery.id);
        server.register(me, DAY).await.unwrap();
        server.accept(vec![delivery]).await.unwrap();
        // For the command, the delivery was accepted a day ago.
        move_times(&fixture, -DAY_MILLIS);
        let command = SqliteStore::open(&fixture.file(), Vec::new(), 1, Access::Modify).unwrap();
        let report = command.cancel(&CancelTarget::One(id)).await.unwrap();
        assert_eq!(report.cancelled, 1);
        assert!(command.rerun(id).await.unwrap());
        command.close().await;
        move_times(&fixture, DAY_MILLIS);
        assert_eq!(claim(&server, me).await.id, id);
        server.close().await;
    }
}

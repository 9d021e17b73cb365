//! Tests of commands that change the file while a server has it.

use std::time::Duration;

use uuid::Uuid;

use super::{FileFixture, endpoints};
use crate::endpoint::background::Policy;
use crate::jobs::conformance::new;
use crate::jobs::delivery::{Accepted, ClaimRequest, Completion, DeliveryKey, NewDelivery};
use crate::jobs::sqlite::SqliteStore;
use crate::jobs::sqlite::command::WriterCommand;
use crate::jobs::state::{State, Transition};
use crate::jobs::store::{Access, EndpointPolicy, Retention, Store};

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

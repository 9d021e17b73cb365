//! Tests of claims while other sessions have locked deliveries.

use std::time::Duration;

use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

use super::{Database, open, with_database};
use crate::jobs::conformance::new;
use crate::jobs::delivery::{ClaimRequest, DeliveryKey, NewDelivery};
use crate::jobs::store::Store;

/// Queues deliveries, and returns which of them a replica with one free slot claims while another session has locked the
/// first one.
async fn claimed(database: &Database, batch: Vec<NewDelivery>) -> Option<usize> {
    let (store, me) = (open(database).await, Uuid::new_v4());
    store.register(me, Duration::from_secs(30)).await.unwrap();
    let ids: Vec<Uuid> = batch.iter().map(|new| new.id).collect();
    for new in batch {
        store.accept(vec![new]).await.unwrap();
    }
    let mut other = PgConnection::connect(&database.url).await.unwrap();
    other.execute("BEGIN").await.unwrap();
    let lock = "SELECT 1 FROM webhooks_runtime.deliveries WHERE id = $1 FOR UPDATE";
    sqlx::query(lock).bind(ids[0]).execute(&mut other).await.unwrap();
    let requests = [ClaimRequest { endpoint: 0, slots: 1 }];
    let claimed = store.complete_and_claim(me, &[], &requests).await.unwrap().claimed;
    assert!(claimed.len() <= 1);
    claimed.first().and_then(|claimed| ids.iter().position(|id| *id == claimed.id))
}

fn keyed(key: &str) -> NewDelivery {
    let key = DeliveryKey { text: key.to_owned(), merge: None, merge_bytes: 0 };
    NewDelivery { key: Some(key), ..new(0, None, "{}") }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_locked_delivery_leaves_its_slot_to_the_next_one() {
    with_database(|database| {
        Box::pin(async move {
            let batch = vec![new(0, None, "{}"), new(0, None, "{}")];
            assert_eq!(claimed(database, batch).await, Some(1));
        })
    });
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_locked_delivery_leaves_its_slot_to_another_key_but_not_its_turn() {
    with_database(|database| {
        Box::pin(async move {
            let batch = vec![keyed("a"), keyed("a"), keyed("b")];
            assert_eq!(claimed(database, batch).await, Some(2));
        })
    });
}

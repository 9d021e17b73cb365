//! Tests of cancelling deliveries whose attempts end at the same moment.

use std::time::Duration;

use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

use super::{Database, open, with_database};
use crate::jobs::conformance::new;
use crate::jobs::delivery::ClaimRequest;
use crate::jobs::inspect::{CancelReport, CancelTarget};
use crate::jobs::state::State;
use crate::jobs::store::Store;

const REQUESTS: [ClaimRequest; 1] = [ClaimRequest { endpoint: 0, slots: 1 }];

/// Fails the running deliveries, as their replica does.
const FAIL: &str = "
    UPDATE webhooks_runtime.deliveries SET state = 0, owner = NULL, run_at = now() + interval '1 hour'
    WHERE state = 1";

/// Asserts that deliveries are locked in the order of their ids. They are stored in another order.
async fn cancel_in_order(database: &Database, are_running: bool) {
    let store = open(database).await;
    let first = new(0, None, "{}");
    let (id, last) = (first.id, new(0, None, "{}"));
    let last_id = last.id;
    store.accept(vec![last]).await.unwrap();
    store.accept(vec![first]).await.unwrap();
    let me = Uuid::now_v7();
    store.register(me, Duration::from_secs(60)).await.unwrap();
    if are_running {
        for _ in 0..2 {
            store.complete_and_claim(me, &[], &REQUESTS).await.unwrap();
        }
    }
    let mut replica = PgConnection::connect(&database.url).await.unwrap();
    let mut ending = replica.begin().await.unwrap();
    let lock = "SELECT 1 FROM webhooks_runtime.deliveries WHERE id = $1 FOR UPDATE NOWAIT";
    sqlx::query(lock).bind(id).execute(&mut *ending).await.unwrap();
    let target = CancelTarget::Endpoint("/webhooks/train".to_owned());
    let mut cancelling = store.cancel(&target);
    let early = tokio::time::timeout(Duration::from_millis(300), &mut cancelling).await;
    assert!(early.is_err(), "it does not wait: {early:?}");
    sqlx::query(lock).bind(last_id).execute(&mut *ending).await.unwrap();
    ending.commit().await.unwrap();
    let report = cancelling.await.unwrap();
    assert_eq!(report.cancelled + report.stopping.len() as u64, 2);
    store.close().await;
}

#[test]
#[ignore = "needs PostgreSQL"]
fn running_deliveries_are_cancelled_in_the_order_of_their_ids() {
    with_database(|database| Box::pin(cancel_in_order(database, true)));
}

#[test]
#[ignore = "needs PostgreSQL"]
fn queued_deliveries_are_cancelled_in_the_order_of_their_ids() {
    with_database(|database| Box::pin(cancel_in_order(database, false)));
}

/// Cancels a delivery while the transaction is under way in which its attempt fails, so that it is queued again.
async fn cancel_while_it_fails(database: &Database, target: impl FnOnce(Uuid) -> CancelTarget) {
    let store = open(database).await;
    let delivery = new(0, None, "{}");
    let id = delivery.id;
    store.accept(vec![delivery]).await.unwrap();
    let me = Uuid::now_v7();
    store.register(me, Duration::from_secs(60)).await.unwrap();
    let step = store.complete_and_claim(me, &[], &REQUESTS).await.unwrap();
    assert_eq!(step.claimed.len(), 1);

    let mut replica = PgConnection::connect(&database.url).await.unwrap();
    let mut failing = replica.begin().await.unwrap();
    failing.execute(FAIL).await.unwrap();
    let target = target(id);
    let mut cancelling = store.cancel(&target);
    let early = tokio::time::timeout(Duration::from_millis(300), &mut cancelling).await;
    assert!(early.is_err(), "it does not wait: {early:?}");
    failing.commit().await.unwrap();
    let report = cancelling.await.unwrap();
    assert_eq!(report, CancelReport { cancelled: 1, ..CancelReport::default() });
    let shown = store.show(id).await.unwrap().unwrap().summary;
    assert_eq!(shown.state, State::Cancelled);
    store.close().await;
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_delivery_that_fails_meanwhile_is_cancelled() {
    with_database(|database| Box::pin(cancel_while_it_fails(database, CancelTarget::One)));
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_delivery_of_an_endpoint_that_fails_meanwhile_is_cancelled() {
    with_database(|database| {
        let target = |_| CancelTarget::Endpoint("/webhooks/train".to_owned());
        Box::pin(cancel_while_it_fails(database, target))
    });
}

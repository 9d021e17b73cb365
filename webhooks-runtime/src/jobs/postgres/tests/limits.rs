//! Tests of the limits of a program that enqueues deliveries beside a server.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::{Database, endpoints, open, with_database};
use crate::jobs::conformance::new;
use crate::jobs::delivery::Accepted;
use crate::jobs::opening::Obstacle;
use crate::jobs::postgres::PostgresStore;
use crate::jobs::store::{Access, Store, StoreLimits};

async fn open_to_enqueue(database: &Database, limits: StoreLimits) -> Arc<PostgresStore> {
    let obstacle = Obstacle::default();
    let opened = PostgresStore::open(&database.url, endpoints(), limits, Access::Modify, &obstacle);
    opened.await.unwrap()
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_program_that_enqueues_counts_what_was_stored_before() {
    with_database(|database| {
        Box::pin(async move {
            let server = open(database).await;
            server.accept(vec![new(0, None, "{}"), new(0, None, "{}")]).await.unwrap();
            let next = [new(0, None, "{}")];
            let limited = open_to_enqueue(database, 2.into()).await;
            assert_eq!(limited.accept(next.to_vec()).await.unwrap(), [Accepted::BacklogFull]);
            limited.close().await;

            let bytes = StoreLimits { bytes: 4, ..StoreLimits::default() };
            let limited = open_to_enqueue(database, bytes).await;
            let measured = async {
                while limited.size.room(&next) > 0 {
                    sleep(Duration::from_millis(5)).await;
                }
            };
            timeout(Duration::from_secs(20), measured).await.unwrap();
            assert_eq!(limited.accept(next.to_vec()).await.unwrap(), [Accepted::StoreFull]);
            limited.close().await;
            server.close().await;
        })
    });
}

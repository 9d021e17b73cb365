//! Tests of how the server plans the statements that run for each batch and each round.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use uuid::Uuid;

use super::{Database, with_database};
use crate::endpoint::background::{Latest, Policy};
use crate::jobs::conformance::new;
use crate::jobs::delivery::{DeliveryKey, NewDelivery};
use crate::jobs::opening::Obstacle;
use crate::jobs::postgres::{PostgresStore, accept, arrivals, claim, keys, merge, peek, queries};
use crate::jobs::store::{Access, EndpointPolicy, Store};
use crate::payload::MergeScope;

/// How many deliveries are queued, both without and with a key.
const QUEUED: usize = 2000;

/// The most rows that a statement may read: each needs some of them, and a plan that reads all has at least as many as are
/// queued.
const MAX_READ: f64 = 400.0;

async fn open(database: &Database) -> Arc<PostgresStore> {
    let keyed = Policy { keyed: true, ..Policy::DEFAULT };
    let endpoint = |path: &str, policy| EndpointPolicy { path: path.to_owned(), policy };
    let endpoints = vec![
        endpoint("/webhooks/train", keyed),
        endpoint("/webhooks/merge", keyed.latest(Latest::Supersede)),
    ];
    let obstacle = Obstacle::default();
    let opened = PostgresStore::open(&database.url, endpoints, 100_000, Access::Serve, &obstacle);
    opened.await.unwrap()
}

fn keyed(endpoint: usize, key: String, merge: Option<MergeScope>) -> NewDelivery {
    NewDelivery {
        key: Some(DeliveryKey { text: key, merge, merge_bytes: 2 }),
        ..new(endpoint, None, "{}")
    }
}

/// Queues deliveries without keys, of 200 keys, and some that one carries.
async fn fill(store: &PostgresStore) {
    let ids: Vec<String> = (0..QUEUED).map(|number| format!("id {number}")).collect();
    store.accept(ids.iter().map(|id| new(0, Some(id), "{}")).collect()).await.unwrap();
    let of_keys = (0..QUEUED).map(|number| keyed(0, format!("key {}", number % 200), None));
    store.accept(of_keys.collect()).await.unwrap();
    let content = Some(MergeScope::Content);
    let merged = (0..20).map(|_| keyed(1, "key".to_owned(), content));
    store.accept(merged.collect()).await.unwrap();
}

/// Returns how many rows the scans of a plan read. One that finds nothing counts as well.
fn rows_read(node: &Value) -> f64 {
    let number = |name: &str| node[name].as_f64().unwrap_or_default();
    let read = if node["Relation Name"].is_string() {
        let removed = number("Rows Removed by Filter") + number("Rows Removed by Index Recheck");
        (number("Actual Rows") + removed).max(1.0) * number("Actual Loops")
    } else {
        0.0
    };
    read + node["Plans"].as_array().into_iter().flatten().map(rows_read).sum::<f64>()
}

/// Executes a statement with these values, and returns its plan. Changes nothing.
async fn plan(connection: &mut PgConnection, statement: &str, values: &str) -> Value {
    let mut transaction = connection.begin().await.unwrap();
    transaction.execute(AssertSqlSafe(format!("PREPARE planned AS {statement}"))).await.unwrap();
    let explain = format!("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE planned ({values})");
    let row = transaction.fetch_one(AssertSqlSafe(explain)).await.unwrap();
    let plan: Value = serde_json::from_str(row.try_get_unchecked(0).unwrap()).unwrap();
    transaction.execute("DEALLOCATE planned").await.unwrap();
    transaction.rollback().await.unwrap();
    plan[0]["Plan"].clone()
}

#[test]
#[ignore = "needs PostgreSQL"]
fn no_statement_reads_everything_that_is_queued_with_and_without_statistics() {
    with_database(|database| {
        Box::pin(async move {
            let (store, me) = (open(database).await, Uuid::now_v7());
            store.register(me, Duration::from_secs(60)).await.unwrap();
            fill(&store).await;
            let mut connection = store.pool.acquire().await.unwrap();
            let (group, arrival): (Uuid, i64) = sqlx::query_as(
                "SELECT merge_group, arrival FROM webhooks_runtime.deliveries WHERE state = 0 AND merged > 0",
            )
            .fetch_one(&mut *connection)
            .await
            .unwrap();
            let endpoint = store.endpoint_ids[0];
            let statements = [
                (accept::LOCK_EXISTING, format!("'{{{endpoint}}}', '{{id 7,no id}}'")),
                (arrivals::LOCK_TAILS, format!("'{{{endpoint}}}', '{{key 7}}'")),
                (claim::CLAIM, format!("'{me}', '{{{endpoint}}}', '{{10}}', '{{100}}'")),
                (keys::QUEUED_KEYS, format!("{endpoint}, 'key 1', 5")),
                (keys::REFRESH, format!("'{{{endpoint}}}', '{{key 7}}'")),
                (merge::CARRIED, format!("'{{0}}', '{{{group}}}', '{{{arrival}}}'")),
                (peek::PEEK, format!("'{{{endpoint}}}', '{{{endpoint}}}', '{{100}}', '{me}'")),
                (queries::OLDEST_DUE, format!("'{{{endpoint}}}'")),
            ];
            for statistics in [false, true] {
                if statistics {
                    connection.execute("ANALYZE").await.unwrap();
                }
                for (statement, values) in &statements {
                    let plan = plan(&mut connection, statement, values).await;
                    let text = format!("{statement}\n{plan:#}");
                    assert!(!text.contains("Seq Scan") && !text.contains("hashed"), "{text}");
                    let read = rows_read(&plan);
                    assert!(read > 0.0 && read < MAX_READ, "{read} rows: {text}");
                }
            }
        })
    });
}

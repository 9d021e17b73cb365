//! Tests of keys while several replicas accept, claim, complete and cancel at the same time.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{Database, with_database};
use crate::endpoint::background::{Latest, Policy};
use crate::jobs::conformance::new;
use crate::jobs::delivery::{ClaimRequest, Claimed, Completion, DeliveryKey, NewDelivery};
use crate::jobs::opening::Obstacle;
use crate::jobs::postgres::PostgresStore;
use crate::jobs::state::Transition;
use crate::jobs::store::{Access, EndpointPolicy, Store};
use crate::payload::MergeScope;

const LEASE: Duration = Duration::from_secs(60);
const REQUESTS: [ClaimRequest; 1] = [ClaimRequest { endpoint: 0, slots: 4 }];

async fn open(database: &Database, policy: Policy) -> Arc<PostgresStore> {
    let policy = Policy { keyed: true, ..policy };
    let endpoints = vec![EndpointPolicy { path: "/webhooks/train".to_owned(), policy }];
    let obstacle = Obstacle::default();
    let opened = PostgresStore::open(&database.url, endpoints, 100_000, Access::Serve, &obstacle);
    opened.await.unwrap()
}

/// Returns a delivery of a key that changes a ref of its own.
fn push(key: &str, merge: Option<MergeScope>, number: u32) -> NewDelivery {
    let body = format!(
        r#"{{"updatedRefs":[{{"ref":"refs/heads/{number}","oldSha":null,"newSha":"{number}"}}]}}"#
    );
    let key = DeliveryKey { text: key.to_owned(), merge, merge_bytes: body.len() as u32 };
    NewDelivery { key: Some(key), body: body.into(), ..new(0, None, "") }
}

/// Returns the numbers that a body brings.
fn numbers(claimed: &Claimed) -> Vec<u32> {
    let body: serde_json::Value = serde_json::from_slice(&claimed.body).unwrap();
    let refs = body["updatedRefs"].as_array().unwrap();
    refs.iter().map(|it| it["newSha"].as_str().unwrap().parse().unwrap()).collect()
}

/// What all replicas have seen.
#[derive(Default)]
struct SharedView {
    /// How many replicas accept.
    accepting: usize,
    /// The running delivery of each key.
    running: HashMap<String, Uuid>,
    /// The keys of all deliveries.
    keys: HashMap<Uuid, String>,
    /// What was accepted, and what ran to its end.
    accepted: BTreeSet<u32>,
    ran: BTreeSet<u32>,
}

/// Accepts batches of random keys.
async fn accept(
    store: &PostgresStore,
    seen: &Mutex<SharedView>,
    from: u32,
    scopes: &[Option<MergeScope>],
) {
    for round in 0..30 {
        let mut batch = Vec::new();
        for at in 0..8 {
            let number = from + round * 8 + at;
            let key = format!("key {}", fastrand::u32(..4));
            let new = push(&key, fastrand::choice(scopes).copied().flatten(), number);
            let mut seen = seen.lock().unwrap();
            seen.keys.insert(new.id, key);
            seen.accepted.insert(number);
            batch.push(new);
        }
        store.accept(batch).await.unwrap();
    }
    seen.lock().unwrap().accepting -= 1;
}

/// Ends attempts at random, and claims more, until nothing is left for a while.
async fn run(store: &PostgresStore, seen: &Mutex<SharedView>) {
    let me = Uuid::now_v7();
    store.register(me, LEASE).await.unwrap();
    let (mut running, mut stopped, mut idle) = (Vec::<Claimed>::new(), Vec::new(), 0);
    while idle < 20 {
        let mut completions = Vec::new();
        for claimed in running.drain(..) {
            let next = match fastrand::u32(..6) {
                _ if stopped.contains(&(claimed.id, claimed.fencing_token)) => {
                    Transition::Cancelled
                }
                0 => Transition::Retry { after: Duration::from_millis(fastrand::u64(..20)) },
                1 => Transition::Released,
                2 => Transition::Wait { after: Duration::ZERO },
                _ => Transition::Done,
            };
            let mut seen = seen.lock().unwrap();
            let key = seen.keys[&claimed.id].clone();
            assert_eq!(seen.running.remove(&key), Some(claimed.id));
            if next == Transition::Done {
                seen.ran.extend(numbers(&claimed));
            }
            let (id, fencing_token) = (claimed.id, claimed.fencing_token);
            let log = Default::default();
            completions.push(Completion { id, fencing_token, next, error: None, note: None, log });
        }
        let response = store.complete_and_claim(me, &completions, &REQUESTS).await.unwrap();
        assert!(response.stale.is_empty());
        for claimed in response.claimed {
            let mut seen = seen.lock().unwrap();
            let key = seen.keys[&claimed.id].clone();
            let other = seen.running.insert(key, claimed.id);
            assert_eq!(other, None, "two of a key run at the same time");
            running.push(claimed);
        }
        let is_idle = running.is_empty() && seen.lock().unwrap().accepting == 0;
        idle = if is_idle { idle + 1 } else { 0 };
        tokio::time::sleep(Duration::from_millis(fastrand::u64(..10))).await;
        stopped = store.heartbeat(me, LEASE).await.unwrap().cancelled;
    }
}

/// Runs three replicas at the same time until all deliveries have ended. Returns whether all of them ran, maybe merged
/// into others.
async fn all_run(
    database: &Database,
    policy: Policy,
    scopes: &'static [Option<MergeScope>],
) -> bool {
    let seen = Arc::new(Mutex::new(SharedView { accepting: 3, ..SharedView::default() }));
    let mut tasks = JoinSet::new();
    for at in 0..3 {
        let store = open(database, policy).await;
        let (accepting, shared) = (Arc::clone(&store), Arc::clone(&seen));
        tasks.spawn(async move { accept(&accepting, &shared, at * 1000, scopes).await });
        let seen = Arc::clone(&seen);
        tasks.spawn(async move { run(&store, &seen).await });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    let counts: (i64, i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM webhooks_runtime.deliveries WHERE state < 2),
            (SELECT count(*) FROM webhooks_runtime.keys),
            (SELECT deadlocks FROM pg_stat_database WHERE datname = current_database())",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert_eq!(counts, (0, 0, 0), "unfinished deliveries, their keys, deadlocks");
    let seen = seen.lock().unwrap();
    assert!(seen.ran.is_subset(&seen.accepted));
    seen.ran == seen.accepted
}

const CONTENT: &[Option<MergeScope>] = &[Some(MergeScope::Content)];
const MIXED: &[Option<MergeScope>] =
    &[None, Some(MergeScope::Config), CONTENT[0], CONTENT[0], CONTENT[0]];

#[test]
#[ignore = "needs PostgreSQL"]
fn replicas_run_every_delivery_of_a_key_one_at_a_time() {
    with_database(|database| {
        Box::pin(async move {
            assert!(all_run(database, Policy::DEFAULT, &[None]).await);
        })
    });
}

#[test]
#[ignore = "needs PostgreSQL"]
fn replicas_lose_nothing_that_a_newer_delivery_carries() {
    with_database(|database| {
        Box::pin(async move {
            assert!(all_run(database, Policy::DEFAULT.latest(Latest::Supersede), CONTENT).await);
        })
    });
}

#[test]
#[ignore = "needs PostgreSQL"]
fn replicas_lose_nothing_when_newer_deliveries_stop_running_ones() {
    with_database(|database| {
        Box::pin(async move {
            assert!(all_run(database, Policy::DEFAULT.latest(Latest::Cancel), CONTENT).await);
        })
    });
}

#[test]
#[ignore = "needs PostgreSQL"]
fn replicas_end_every_delivery_between_barriers() {
    with_database(|database| {
        Box::pin(async move {
            // A failed one whose newer one is done already is not run again, so not everything runs.
            all_run(database, Policy::DEFAULT.latest(Latest::Cancel), MIXED).await;
        })
    });
}

/// How often statements with a text ran on a connection.
const EXECUTIONS: &str = "
    SELECT coalesce(sum(generic_plans + custom_plans), 0)::bigint FROM pg_prepared_statements
    WHERE statement LIKE $1";

#[test]
#[ignore = "needs PostgreSQL"]
fn a_round_reads_what_all_its_deliveries_carry_with_one_statement() {
    with_database(|database| {
        Box::pin(async move {
            let store = open(database, Policy::DEFAULT.latest(Latest::Supersede)).await;
            let me = Uuid::now_v7();
            store.register(me, LEASE).await.unwrap();
            for (key, numbers) in [("a", 1..=3), ("b", 4..=4), ("c", 5..=6), ("d", 7..=9)] {
                for number in numbers {
                    store.accept(vec![push(key, CONTENT[0], number)]).await.unwrap();
                }
            }
            let mut connection = store.pool.acquire().await.unwrap();
            let step =
                store.step_on(&mut connection, me, &[], &REQUESTS, true, None).await.unwrap();
            let claimed = step.response.claimed;
            let mut brought: Vec<_> =
                claimed.iter().map(|it| (numbers(it), it.merged.len())).collect();
            brought.sort();
            let expected = [(vec![1, 2, 3], 2), (vec![4], 0), (vec![5, 6], 1), (vec![7, 8, 9], 2)];
            assert_eq!(brought, expected);
            let executions: i64 = sqlx::query_scalar(EXECUTIONS)
                .bind("%it.arrival < carrier.arrival%")
                .fetch_one(&mut *connection)
                .await
                .unwrap();
            assert_eq!(executions, 1);
        })
    });
}

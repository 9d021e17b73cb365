//! Tests of the PostgreSQL store on a real server, which `tests/postgres` starts. Each test has its own
//! database.

mod cancel;
mod keys;
mod limits;
mod locks;
mod logs;
mod migration;
mod opening;
mod plans;
mod purge;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, LocalBoxFuture};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::time::timeout;
use uuid::Uuid;

use super::PostgresStore;
use crate::endpoint::background::Policy;
use crate::jobs::Options;
use crate::jobs::conformance::{Behavior, Fixture, conformance, new};
use crate::jobs::delivery::ClaimRequest;
use crate::jobs::opening::Obstacle;
use crate::jobs::store::{Access, EndpointPolicy, Store, StoreLimits};

/// A new database.
struct Database {
    url: String,
}

impl Fixture for Database {
    fn open(
        &self,
        endpoints: Vec<EndpointPolicy>,
        limits: StoreLimits,
    ) -> BoxFuture<'_, Arc<dyn Store>> {
        Box::pin(async move {
            let store = PostgresStore::open(
                &self.url,
                endpoints,
                limits,
                Access::Serve,
                &Obstacle::default(),
            )
            .await
            .unwrap();
            store as Arc<dyn Store>
        })
    }
}

fn server() -> String {
    std::env::var("WEBHOOKS_TEST_POSTGRES").expect(
        "WEBHOOKS_TEST_POSTGRES must be the URL of a PostgreSQL server: \
         export WEBHOOKS_TEST_POSTGRES=$(./tests/postgres start FOLDER)",
    )
}

async fn on_server(statement: String) {
    let mut connection = PgConnection::connect(&server()).await.unwrap();
    connection.execute(AssertSqlSafe(statement)).await.unwrap();
    connection.close().await.unwrap();
}

fn run(behaviour: Behavior) {
    with_database(|database| behaviour(database));
}

fn with_database(test: impl for<'a> FnOnce(&'a Database) -> LocalBoxFuture<'a, ()>) {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let name = format!("test_{}", Uuid::new_v4().simple());
    let mut url = server();
    url.truncate(url.rfind('/').unwrap() + 1);
    let database = Database { url: url + &name };
    runtime().block_on(on_server(format!("CREATE DATABASE {name}")));
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        runtime().block_on(test(&database));
    }));
    runtime().block_on(on_server(format!("DROP DATABASE {name} WITH (FORCE)")));
    if let Err(panic) = ended {
        std::panic::resume_unwind(panic);
    }
}

conformance!(run, #[ignore = "needs PostgreSQL"]);

fn endpoints() -> Vec<EndpointPolicy> {
    vec![EndpointPolicy { path: "/webhooks/train".to_owned(), policy: Policy::DEFAULT }]
}

async fn open(database: &Database) -> Arc<PostgresStore> {
    PostgresStore::open(&database.url, endpoints(), 1000, Access::Serve, &Obstacle::default())
        .await
        .unwrap()
}

/// Terminates all connections except the one that executes it, and waits until they have ended: on a busy machine, one
/// that is only told to end may still begin to work.
const END_CONNECTIONS: &str = "
    SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()";

#[test]
#[ignore = "needs PostgreSQL"]
fn broken_connections_are_replaced() {
    with_database(|database| {
        Box::pin(async move {
            let store = open(database).await;
            for _ in 0..3 {
                let batches = [[new(0, None, "{}")], [new(0, None, "{}")], [new(0, None, "{}")]];
                let accepted = batches.iter().map(|batch| store.accept(batch.to_vec()));
                futures_util::future::try_join_all(accepted).await.unwrap();
                let mut connection = PgConnection::connect(&database.url).await.unwrap();
                connection.execute(END_CONNECTIONS).await.unwrap();
                // A recently used connection is not checked. After it fails, the others are.
                if store.accept(vec![new(0, None, "{}")]).await.is_err() {
                    store.accept(vec![new(0, None, "{}")]).await.unwrap();
                }
            }
        })
    });
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_claim_whose_response_was_lost_is_returned_again() {
    with_database(|database| {
        Box::pin(async move {
            let store = open(database).await;
            let me = Uuid::new_v4();
            let requests = [ClaimRequest { endpoint: 0, slots: 1 }];
            store.register(me, Duration::from_secs(30)).await.unwrap();
            store.accept(vec![new(0, None, "{}"), new(0, None, "{}")]).await.unwrap();
            let first = store.complete_and_claim(me, &[], &requests).await.unwrap().claimed;

            // The server commits the claim, and its response is lost.
            store.ledger.begin(me);
            let mut connection = store.pool.acquire().await.unwrap();
            let lost =
                store.step_on(&mut connection, me, &[], &requests, false, None).await.unwrap();
            let lost = lost.response.claimed;

            let found = store.complete_and_claim(me, &[], &requests).await.unwrap().claimed;
            assert_eq!((lost.len(), found.len()), (1, 1));
            assert_eq!((found[0].id, found[0].fencing_token), (lost[0].id, lost[0].fencing_token));
            assert_ne!(found[0].id, first[0].id);
            assert!(store.complete_and_claim(me, &[], &requests).await.unwrap().claimed.is_empty());
        })
    });
}

#[test]
#[ignore = "needs PostgreSQL"]
fn notifications_come_from_other_replicas_only() {
    with_database(|database| {
        Box::pin(async move {
            let (store, other) = (open(database).await, open(database).await);
            // Each is notified once when it starts to listen.
            store.notified().await;
            other.notified().await;
            store.accept(vec![new(0, None, "{}")]).await.unwrap();
            timeout(Duration::from_secs(5), other.notified()).await.unwrap();
            let own = timeout(Duration::from_millis(200), store.notified()).await;
            assert!(own.is_err(), "it received its own notification");

            // Also after the listening connection was lost.
            let mut connection = PgConnection::connect(&database.url).await.unwrap();
            connection.execute(END_CONNECTIONS).await.unwrap();
            timeout(Duration::from_secs(15), other.notified()).await.unwrap();
        })
    });
}

#[test]
#[ignore = "needs PostgreSQL"]
fn commits_are_synchronous_whatever_the_server_is_set_to() {
    with_database(|database| {
        Box::pin(async move {
            let name = &database.url[database.url.rfind('/').unwrap() + 1..];
            on_server(format!("ALTER DATABASE {name} SET synchronous_commit = off")).await;
            on_server(format!(
                "ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'"
            ))
            .await;
            let store = open(database).await;
            let (commit, isolation): (String, String) = sqlx::query_as(
                "SELECT current_setting('synchronous_commit'), current_setting('transaction_isolation')",
            )
            .fetch_one(&mut *store.pool.acquire().await.unwrap())
            .await
            .unwrap();
            assert_eq!((&*commit, &*isolation), ("on", "read committed"));
        })
    });
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_replica_opens_no_more_connections_than_configured() {
    with_database(|database| {
        Box::pin(async move {
            let options = Options { connections: 3, ..Options::default() };
            let obstacle = Obstacle::default();
            let opened =
                PostgresStore::open(&database.url, endpoints(), options, Access::Serve, &obstacle);
            let (store, me) = (opened.await.unwrap(), Uuid::new_v4());
            let lease = Duration::from_secs(30);
            store.register(me, lease).await.unwrap();
            let mut other = PgConnection::connect(&database.url).await.unwrap();
            let mut max: i64 = 0;
            for _ in 0..20 {
                let accepting = (0..10).map(|_| store.accept(vec![new(0, None, "{}")]));
                let accepting = futures_util::future::try_join_all(accepting);
                let heartbeats =
                    futures_util::future::try_join_all((0..5).map(|_| store.heartbeat(me, lease)));
                let counting = sqlx::query_scalar(
                    "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND application_name = 'webhooks-runtime'",
                );
                let (accepted, renewed, count) =
                    tokio::join!(accepting, heartbeats, counting.fetch_one(&mut other));
                accepted.unwrap();
                renewed.unwrap();
                max = max.max(count.unwrap());
            }
            assert_eq!(max, 3);
            store.close().await;
        })
    });
}

#[test]
#[ignore = "needs PostgreSQL"]
fn accepting_does_not_wait_while_the_backlog_is_counted() {
    with_database(|database| {
        Box::pin(async move {
            let options = Options { connections: 3, limits: 2.into(), ..Options::default() };
            let obstacle = Obstacle::default();
            let opened =
                PostgresStore::open(&database.url, endpoints(), options, Access::Serve, &obstacle);
            let store = opened.await.unwrap();
            store.accept(vec![new(0, None, "{}")]).await.unwrap();
            let reserve = async || {
                store.backlog.make_count_due();
                let reserving = store.backlog.reserve(&store.pool, 1);
                timeout(Duration::from_secs(2), reserving).await.unwrap().unwrap()
            };
            // The only connection, so that the count cannot finish.
            let connection = store.pool.acquire().await.unwrap();
            assert_eq!(reserve().await, 1);
            // The count begins.
            tokio::task::yield_now().await;
            assert_eq!(reserve().await, 0);
            drop(connection);
            // The count finds that the reservation was not used.
            let room = async {
                while reserve().await == 0 {
                    tokio::task::yield_now().await;
                }
            };
            timeout(Duration::from_secs(10), room).await.unwrap();
            store.close().await;
        })
    });
}

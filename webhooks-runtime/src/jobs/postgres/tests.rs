//! The store against a real server, which `tests/postgres` starts. Each test has a database of its own.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::migrate::Migrate;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::time::timeout;
use uuid::Uuid;

use super::PostgresStore;
use crate::endpoint::background::Policy;
use crate::jobs::conformance::{Behaviour, Fixture, conformance, dead, new};
use crate::jobs::opening::Obstacle;
use crate::jobs::store::{Access, Filter, Known, Store, StoreLimits, Want};
use crate::jobs::{Jobs, Options, Place};

/// A database of its own.
struct Database {
    url: String,
}

impl Fixture for Database {
    fn open(&self, known: Vec<Known>, limits: StoreLimits) -> BoxFuture<'_, Arc<dyn Store>> {
        Box::pin(async move {
            let store =
                PostgresStore::open(&self.url, known, limits, Access::Own, &Obstacle::default())
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

fn run(behaviour: Behaviour) {
    with_database(|database| behaviour(database));
}

fn with_database(test: impl for<'a> FnOnce(&'a Database) -> BoxFuture<'a, ()>) {
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

fn known() -> Vec<Known> {
    vec![Known { path: "/webhooks/train".to_owned(), policy: Policy::DEFAULT }]
}

async fn open(database: &Database) -> Arc<PostgresStore> {
    PostgresStore::open(&database.url, known(), 1000, Access::Own, &Obstacle::default())
        .await
        .unwrap()
}

/// Ends all connections but the one that it is asked on.
const END_CONNECTIONS: &str = "
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
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
                // One that was used a moment ago is believed in; when it fails, no other is.
                if store.accept(vec![new(0, None, "{}")]).await.is_err() {
                    store.accept(vec![new(0, None, "{}")]).await.unwrap();
                }
            }
        })
    });
}

#[test]
#[ignore = "needs PostgreSQL"]
fn what_was_claimed_without_an_answer_is_claimed_again() {
    with_database(|database| {
        Box::pin(async move {
            let store = open(database).await;
            let me = Uuid::new_v4();
            let wants = [Want { endpoint: 0, slots: 1 }];
            store.enlist(me, Duration::from_secs(30)).await.unwrap();
            store.accept(vec![new(0, None, "{}"), new(0, None, "{}")]).await.unwrap();
            let first = store.advance(me, &[], &wants).await.unwrap().claimed;

            // The server did it, and the answer to it is lost.
            store.holdings.begin(me);
            let mut connection = store.pool.lend().await.unwrap();
            let lost = store.step_in(&mut connection, me, &[], &wants, None).await.unwrap().claimed;

            let found = store.advance(me, &[], &wants).await.unwrap().claimed;
            assert_eq!((lost.len(), found.len()), (1, 1));
            assert_eq!((found[0].id, found[0].fence), (lost[0].id, lost[0].fence));
            assert_ne!(found[0].id, first[0].id);
            assert!(store.advance(me, &[], &wants).await.unwrap().claimed.is_empty());
        })
    });
}

#[test]
#[ignore = "needs PostgreSQL"]
fn news_come_from_other_replicas_only() {
    with_database(|database| {
        Box::pin(async move {
            let (store, other) = (open(database).await, open(database).await);
            // Both hear that they listen now.
            store.news().await;
            other.news().await;
            store.accept(vec![new(0, None, "{}")]).await.unwrap();
            timeout(Duration::from_secs(5), other.news()).await.unwrap();
            let own = timeout(Duration::from_millis(200), store.news()).await;
            assert!(own.is_err(), "it heard itself");

            // Also after the connection that it listened on was lost.
            let mut connection = PgConnection::connect(&database.url).await.unwrap();
            connection.execute(END_CONNECTIONS).await.unwrap();
            timeout(Duration::from_secs(15), other.news()).await.unwrap();
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
            .fetch_one(&mut *store.pool.lend().await.unwrap())
            .await
            .unwrap();
            assert_eq!((&*commit, &*isolation), ("on", "read committed"));
        })
    });
}

/// How many schemas and relations a database has besides the server's own.
async fn objects(database: &Database) -> (i64, i64) {
    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    sqlx::query_as("SELECT (SELECT count(*) FROM pg_namespace), (SELECT count(*) FROM pg_class)")
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

#[test]
#[ignore = "needs PostgreSQL"]
fn only_a_server_creates_the_tables_or_updates_them() {
    with_database(|database| {
        Box::pin(async move {
            let visit = async |access| {
                PostgresStore::open(&database.url, Vec::new(), 1, access, &Obstacle::default())
                    .await
                    .err()
                    .map(|error| error.to_string())
            };
            let before = objects(database).await;
            for access in [Access::Read, Access::Change] {
                let error = visit(access).await.unwrap();
                assert!(error.contains("there are no background deliveries in it"), "{error}");
            }
            assert_eq!(objects(database).await, before);

            open(database).await.close().await;
            assert_eq!(visit(Access::Read).await, None);
            let mut connection = PgConnection::connect(&database.url).await.unwrap();
            let older = "DELETE FROM webhooks_runtime.migrations WHERE version > 1";
            connection.execute(older).await.unwrap();
            for access in [Access::Read, Access::Change] {
                let error = visit(access).await.unwrap();
                assert!(error.contains("start the server once"), "{error}");
            }
        })
    });
}

#[test]
#[ignore = "needs PostgreSQL"]
fn what_only_reads_cannot_change_anything() {
    with_database(|database| {
        Box::pin(async move {
            open(database).await.close().await;
            let obstacle = Obstacle::default();
            let opened = PostgresStore::open(&database.url, Vec::new(), 1, Access::Read, &obstacle);
            let reading = opened.await.unwrap();
            assert!(
                reading.list(&Filter { limit: 1, ..Filter::default() }).await.unwrap().is_empty()
            );
            let refused = reading.purge(&dead(Duration::ZERO)).await.unwrap_err().to_string();
            assert!(refused.contains("read-only"), "{refused}");
        })
    });
}

#[test]
#[ignore = "needs PostgreSQL"]
fn replicas_that_start_together_make_the_tables_once() {
    with_database(|database| {
        Box::pin(async move {
            let obstacle = Obstacle::default();
            let stores = (0..5)
                .map(|_| PostgresStore::open(&database.url, known(), 1000, Access::Own, &obstacle));
            futures_util::future::try_join_all(stores).await.unwrap();
        })
    });
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_at_once_and_without_the_password() {
    let begun = std::time::Instant::now();
    let url = "postgres://me:hunter2@127.0.0.1:1/hooks";
    let opened = PostgresStore::open(url, known(), 1000, Access::Own, &Obstacle::default()).await;
    let error = opened.err().unwrap().to_string();
    assert!(error.starts_with("The background deliveries in 127.0.0.1:1/hooks cannot be opened"));
    assert!(!error.contains("hunter2"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_lock_that_another_session_keeps_ends_the_start_and_names_that_session() {
    with_database(|database| {
        Box::pin(async move {
            let mut other = PgConnection::connect(&database.url).await.unwrap();
            other.execute("SET application_name = 'stopped-bot'").await.unwrap();
            other.lock().await.unwrap();
            let process: i32 =
                sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut other).await.unwrap();
            let how = Options { lock_limit: Duration::from_secs(3), ..Options::default() };
            let obstacle = Obstacle::default();
            let opened = PostgresStore::open(&database.url, known(), how, Access::Own, &obstacle);
            let error = opened.await.err().unwrap().to_string();
            for part in [
                &format!("process {process} of the database server (stopped-bot, 127.0.0.1)"),
                "kept it for 3s",
                &format!("SELECT pg_terminate_backend({process})"),
            ] {
                assert!(error.contains(part), "{part}: {error}");
            }
            other.unlock().await.unwrap();
            open(database).await.close().await;
        })
    });
}

#[test]
#[ignore = "needs PostgreSQL"]
fn other_tasks_of_a_runtime_go_on_while_the_store_is_waited_for() {
    with_database(|database| {
        Box::pin(async move {
            let mut other = PgConnection::connect(&database.url).await.unwrap();
            other.lock().await.unwrap();
            let place = Place::Postgres(database.url.clone());
            let opening = tokio::spawn(async move {
                Jobs::open(&place, &Options::default(), Vec::new(), |_| {}).await
            });
            // On the same thread.
            for _ in 0..100 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            assert!(!opening.is_finished());
            other.unlock().await.unwrap();
            opening.await.unwrap().unwrap().close().await;
        })
    });
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_replica_opens_no_more_connections_than_it_may() {
    with_database(|database| {
        Box::pin(async move {
            let how = Options { connections: 3, ..Options::default() };
            let obstacle = Obstacle::default();
            let opened = PostgresStore::open(&database.url, known(), how, Access::Own, &obstacle);
            let (store, me) = (opened.await.unwrap(), Uuid::new_v4());
            let lease = Duration::from_secs(30);
            store.enlist(me, lease).await.unwrap();
            let mut other = PgConnection::connect(&database.url).await.unwrap();
            let mut most: i64 = 0;
            for _ in 0..20 {
                let accepting = (0..10).map(|_| store.accept(vec![new(0, None, "{}")]));
                let accepting = futures_util::future::try_join_all(accepting);
                let beating =
                    futures_util::future::try_join_all((0..5).map(|_| store.beat(me, lease)));
                let counting = sqlx::query_scalar(
                    "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND application_name = 'webhooks-runtime'",
                );
                let (accepted, beaten, count) =
                    tokio::join!(accepting, beating, counting.fetch_one(&mut other));
                accepted.unwrap();
                beaten.unwrap();
                most = most.max(count.unwrap());
            }
            assert_eq!(most, 3);
            store.close().await;
        })
    });
}

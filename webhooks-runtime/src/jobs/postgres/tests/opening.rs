//! Tests of opening the store: its tables, locks, and errors.

use std::time::Duration;

use sqlx::migrate::Migrate;
use sqlx::{Connection, Executor, PgConnection};

use super::{Database, endpoints, on_server, open, with_database};
use crate::jobs::conformance::dead;
use crate::jobs::inspect::DeliveryFilter;
use crate::jobs::opening::Obstacle;
use crate::jobs::postgres::PostgresStore;
use crate::jobs::store::{Access, Store};
use crate::jobs::{Jobs, Options, StoreUrl};

/// Returns the number of schemas and relations in a database.
async fn objects(database: &Database) -> (i64, i64) {
    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    sqlx::query_as("SELECT (SELECT count(*) FROM pg_namespace), (SELECT count(*) FROM pg_class)")
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

#[test]
#[ignore = "needs PostgreSQL"]
fn only_a_server_creates_or_migrates_the_tables() {
    with_database(|database| {
        Box::pin(async move {
            let inspect = async |access| {
                PostgresStore::open(&database.url, Vec::new(), 1, access, &Obstacle::default())
                    .await
                    .err()
                    .map(|error| error.to_string())
            };
            let before = objects(database).await;
            for access in [Access::Read, Access::Modify] {
                let error = inspect(access).await.unwrap();
                assert!(error.contains("there are no background deliveries in it"), "{error}");
            }
            assert_eq!(objects(database).await, before);

            open(database).await.close().await;
            assert_eq!(inspect(Access::Read).await, None);
            let mut connection = PgConnection::connect(&database.url).await.unwrap();
            let older = "DELETE FROM webhooks_runtime.migrations WHERE version > 1";
            connection.execute(older).await.unwrap();
            for access in [Access::Read, Access::Modify] {
                let error = inspect(access).await.unwrap();
                assert!(error.contains("start the server once"), "{error}");
            }
        })
    });
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_database_in_another_encoding_is_rejected_and_left_as_it_is() {
    with_database(|database| {
        Box::pin(async move {
            let name = &database.url[database.url.rfind('/').unwrap() + 1..];
            let latin = Database { url: format!("{}_latin", database.url) };
            let options = "TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'";
            on_server(format!("CREATE DATABASE {name}_latin {options}")).await;
            let before = objects(&latin).await;
            for access in [Access::Serve, Access::Modify, Access::Read] {
                let obstacle = Obstacle::default();
                let opened = PostgresStore::open(&latin.url, endpoints(), 1, access, &obstacle);
                let error = opened.await.err().unwrap().to_string();
                assert!(error.contains("the encoding of the database is LATIN1"), "{error}");
                assert_eq!(objects(&latin).await, before);
            }
            // As the message says.
            let options = "TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'";
            on_server(format!("DROP DATABASE {name}_latin WITH (FORCE)")).await;
            on_server(format!("CREATE DATABASE {name}_latin {options}")).await;
            open(&latin).await.close().await;
            on_server(format!("DROP DATABASE {name}_latin WITH (FORCE)")).await;
        })
    });
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_read_only_store_cannot_be_changed() {
    with_database(|database| {
        Box::pin(async move {
            open(database).await.close().await;
            let obstacle = Obstacle::default();
            let opened = PostgresStore::open(&database.url, Vec::new(), 1, Access::Read, &obstacle);
            let reading = opened.await.unwrap();
            assert!(
                reading
                    .list(&DeliveryFilter { limit: 1, ..DeliveryFilter::default() })
                    .await
                    .unwrap()
                    .is_empty()
            );
            let error = reading.purge(&dead(Duration::ZERO)).await.unwrap_err().to_string();
            assert!(error.contains("read-only"), "{error}");
        })
    });
}

#[test]
#[ignore = "needs PostgreSQL"]
fn replicas_that_start_together_create_the_tables_once() {
    with_database(|database| {
        Box::pin(async move {
            let obstacle = Obstacle::default();
            let stores = (0..5).map(|_| {
                PostgresStore::open(&database.url, endpoints(), 1000, Access::Serve, &obstacle)
            });
            futures_util::future::try_join_all(stores).await.unwrap();
        })
    });
}

#[tokio::test]
async fn an_unreachable_server_is_reported_at_once_without_the_password() {
    let start = std::time::Instant::now();
    let url = "postgres://me:hunter2@127.0.0.1:1/hooks";
    let opened =
        PostgresStore::open(url, endpoints(), 1000, Access::Serve, &Obstacle::default()).await;
    let error = opened.err().unwrap().to_string();
    assert!(error.starts_with("The background deliveries in 127.0.0.1:1/hooks cannot be opened"));
    assert!(!error.contains("hunter2"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_lock_that_another_session_holds_fails_the_start_and_names_the_session() {
    with_database(|database| {
        Box::pin(async move {
            let mut other = PgConnection::connect(&database.url).await.unwrap();
            other.execute("SET application_name = 'stopped-bot'").await.unwrap();
            other.lock().await.unwrap();
            let process: i32 =
                sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut other).await.unwrap();
            let options = Options { lock_limit: Duration::from_secs(3), ..Options::default() };
            let obstacle = Obstacle::default();
            let opened =
                PostgresStore::open(&database.url, endpoints(), options, Access::Serve, &obstacle);
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
fn opening_does_not_block_other_tasks_of_the_runtime() {
    with_database(|database| {
        Box::pin(async move {
            let mut other = PgConnection::connect(&database.url).await.unwrap();
            other.lock().await.unwrap();
            let url = StoreUrl::parse(&database.url).unwrap();
            let opening = tokio::spawn(async move {
                Jobs::open(&url, &Options::default(), Vec::new(), |_| {}).await
            });
            // This task runs on the same thread.
            for _ in 0..100 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            assert!(!opening.is_finished());
            other.unlock().await.unwrap();
            opening.await.unwrap().unwrap().close().await;
        })
    });
}

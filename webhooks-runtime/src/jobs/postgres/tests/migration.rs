//! Tests of migrating the tables of an older version, and of programs of that version beside a newer one.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use uuid::Uuid;

use super::{Database, endpoints, open, with_database};
use crate::jobs::conformance::{new, version_3};
use crate::jobs::delivery::{ClaimRequest, Completion, DeliveryKey, NewDelivery};
use crate::jobs::opening::Obstacle;
use crate::jobs::postgres::PostgresStore;
use crate::jobs::state::{State, Transition};
use crate::jobs::store::{Access, Retention, Store};

/// The tables of version 3, as its last program left them when it was killed: with deliveries that were done, dead,
/// running and queued.
const VERSION_3: &str = include_str!("version_3.sql");

/// The statements of a replica of version 2: it accepts, claims, and completes.
const REPLICA_OF_VERSION_2: [&str; 4] = [
    "INSERT INTO webhooks_runtime.deliveries (id, endpoint, webhook_id, received_at, event, repo)
        VALUES ('0198f0c2-6ad5-7b1e-9f60-3a1c5d2e7b84', 1, 'an id', to_timestamp(1), 'update repo', 'me/data')",
    "INSERT INTO webhooks_runtime.payloads (delivery, body)
        VALUES ('0198f0c2-6ad5-7b1e-9f60-3a1c5d2e7b84', '{}')",
    CLAIM_OF_VERSION_2,
    RECOVERY_OF_VERSION_2,
];

const CLAIM_OF_VERSION_2: &str = "UPDATE webhooks_runtime.deliveries
    SET state = 1, attempt = attempt + 1, fence = fence + 1, started_at = statement_timestamp()";

const RECOVERY_OF_VERSION_2: &str = "UPDATE webhooks_runtime.deliveries
    SET state = 0, attempt = attempt - 1, releases = releases + 1, owner = NULL";

/// What a server of version 2 or 3 does when it starts.
const START_OF_VERSION_3: &str = "
    INSERT INTO webhooks_runtime.endpoints (path)
    SELECT path FROM UNNEST(ARRAY['/webhooks/train']) AS new (path) ON CONFLICT DO NOTHING";

/// What `deliveries retry --all` of version 3 does.
const RETRY_OF_VERSION_3: &str = "UPDATE webhooks_runtime.deliveries
    SET state = 0, attempt = 0, releases = 0, waits = 0, note = NULL, ended_at = NULL,
        run_at = least(statement_timestamp(), ended_at)
    WHERE state = 3";

/// Creates the tables of version 2.
async fn create_version_2(database: &Database) -> PgConnection {
    open(database).await.close().await;
    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    for statement in [
        "DELETE FROM webhooks_runtime.migrations WHERE version > 2",
        "DROP TABLE webhooks_runtime.shared_values, webhooks_runtime.shared_leases",
        "ALTER TABLE webhooks_runtime.deliveries DROP COLUMN note, DROP COLUMN waits",
    ] {
        connection.execute(statement).await.unwrap();
    }
    connection
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_replica_of_version_2_that_runs_already_keeps_running_deliveries_without_keys() {
    with_database(|database| {
        Box::pin(async move {
            let mut older = create_version_2(database).await;
            let store = open(database).await;
            for statement in REPLICA_OF_VERSION_2 {
                older.execute(statement).await.unwrap();
            }
            let me = Uuid::new_v4();
            store.register(me, Duration::from_secs(30)).await.unwrap();
            let requests = [ClaimRequest { endpoint: 0, slots: 1 }];
            let claimed = store.complete_and_claim(me, &[], &requests).await.unwrap().claimed;
            let claimed = &claimed[0];
            assert_eq!((claimed.attempt, claimed.releases, claimed.waits), (1, 1, 0));
            let done = done(claimed.id, claimed.fencing_token, Some("data/a.csv"));
            store.complete_and_claim(me, &[done], &[]).await.unwrap();
            let shown = store.show(claimed.id).await.unwrap().unwrap();
            assert_eq!(shown.summary.state, State::Done);
            assert_eq!(shown.summary.note.as_deref(), Some("data/a.csv"));
            store.close().await;
        })
    });
}

fn done(id: Uuid, fencing_token: i64, note: Option<&str>) -> Completion {
    let note = note.map(str::to_owned);
    let log = Default::default();
    Completion { id, fencing_token, next: Transition::Done, error: None, note, log }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_replica_of_an_older_version_neither_runs_nor_recovers_deliveries_with_keys() {
    with_database(|database| {
        Box::pin(async move {
            let store = open(database).await;
            let key = DeliveryKey { text: "me/data".to_owned(), merge: None, merge_bytes: 0 };
            let keyed = NewDelivery { key: Some(key), ..new(0, None, "{}") };
            store.accept(vec![keyed]).await.unwrap();
            let mut older = PgConnection::connect(&database.url).await.unwrap();
            let refused = async |older: &mut PgConnection, statement: &'static str| {
                let error = older.execute(statement).await.unwrap_err().to_string();
                let why = "\"this program is too old for deliveries with keys: update it\"";
                assert!(error.contains(why), "{error}");
            };
            refused(&mut older, CLAIM_OF_VERSION_2).await;
            let me = Uuid::new_v4();
            store.register(me, Duration::from_secs(30)).await.unwrap();
            let requests = [ClaimRequest { endpoint: 0, slots: 1 }];
            let claimed = store.complete_and_claim(me, &[], &requests).await.unwrap().claimed;
            assert_eq!(claimed.len(), 1);
            refused(&mut older, RECOVERY_OF_VERSION_2).await;
            let done = done(claimed[0].id, claimed[0].fencing_token, None);
            let response = store.complete_and_claim(me, &[done], &[]).await.unwrap();
            assert!(response.stale.is_empty());
            store.close().await;
        })
    });
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_delivery_with_a_key_that_an_older_version_retries_runs_after_the_next_purge() {
    with_database(|database| {
        Box::pin(async move {
            let store = open(database).await;
            let key = DeliveryKey { text: "me/data".to_owned(), merge: None, merge_bytes: 0 };
            let keyed = NewDelivery { key: Some(key), ..new(0, None, "{}") };
            store.accept(vec![keyed]).await.unwrap();
            let me = Uuid::new_v4();
            store.register(me, Duration::from_secs(30)).await.unwrap();
            let requests = [ClaimRequest { endpoint: 0, slots: 1 }];
            let claimed = store.complete_and_claim(me, &[], &requests).await.unwrap().claimed;
            let done = done(claimed[0].id, claimed[0].fencing_token, None);
            let dead = Completion { next: Transition::Dead, ..done };
            store.complete_and_claim(me, &[dead], &[]).await.unwrap();
            let mut older = PgConnection::connect(&database.url).await.unwrap();
            older.execute(RETRY_OF_VERSION_3).await.unwrap();
            let retention = Retention { done: Duration::from_secs(3600), dead: None };
            store.purge_expired(retention).await.unwrap();
            let again = store.complete_and_claim(me, &[], &requests).await.unwrap().claimed;
            assert_eq!(again.iter().map(|it| it.id).collect::<Vec<_>>(), [claimed[0].id]);
            store.close().await;
        })
    });
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_server_of_an_older_version_does_not_start() {
    with_database(|database| {
        Box::pin(async move {
            let mut older = PgConnection::connect(&database.url).await.unwrap();
            older.execute(AssertSqlSafe(VERSION_3)).await.unwrap();
            older.execute(START_OF_VERSION_3).await.unwrap();
            open(database).await.close().await;
            // Also if it had this endpoint before.
            let error = older.execute(START_OF_VERSION_3).await.unwrap_err().to_string();
            let why = "\"this program is too old for these tables: update it\"";
            assert!(error.contains(why), "{error}");
        })
    });
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_newer_version_can_exclude_this_one() {
    with_database(|database| {
        Box::pin(async move {
            open(database).await.close().await;
            let mut newer = PgConnection::connect(&database.url).await.unwrap();
            for statement in [
                "INSERT INTO webhooks_runtime.migrations VALUES (5, 'later', now(), true, '', 0)",
                "ALTER TABLE webhooks_runtime.endpoints ADD CHECK (version >= 5) NOT VALID",
            ] {
                newer.execute(statement).await.unwrap();
            }
            let obstacle = Obstacle::default();
            let opened =
                PostgresStore::open(&database.url, endpoints(), 1000, Access::Serve, &obstacle);
            let error = opened.await.err().unwrap().to_string();
            assert!(
                error.contains("version 5, is newer than this program's, version 4"),
                "{error}"
            );
        })
    });
}

#[test]
#[ignore = "needs PostgreSQL"]
fn tables_of_version_3_keep_their_deliveries_of_every_state() {
    with_database(|database| {
        Box::pin(async move {
            let mut older = PgConnection::connect(&database.url).await.unwrap();
            older.execute(AssertSqlSafe(VERSION_3)).await.unwrap();
            older.close().await.unwrap();
            let (endpoints, obstacle) = (version_3::endpoints(), Obstacle::default());
            let opened =
                PostgresStore::open(&database.url, endpoints, 1000, Access::Serve, &obstacle);
            let store = opened.await.unwrap();
            version_3::keeps_its_deliveries_of_every_state(&*store).await;
            store.close().await;
        })
    });
}

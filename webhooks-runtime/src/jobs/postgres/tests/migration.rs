//! Tests of migrating the tables of an older version, which its replicas keep using.

use std::time::Duration;

use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

use super::{Database, open, with_database};
use crate::jobs::delivery::{ClaimRequest, Completion};
use crate::jobs::state::{State, Transition};
use crate::jobs::store::Store;

/// The statements of a replica of version 2: it accepts, claims, and completes.
const REPLICA_OF_VERSION_2: [&str; 4] = [
    "INSERT INTO webhooks_runtime.deliveries (id, endpoint, webhook_id, received_at, event, repo)
        VALUES ('0198f0c2-6ad5-7b1e-9f60-3a1c5d2e7b84', 1, 'an id', to_timestamp(1), 'update repo', 'me/data')",
    "INSERT INTO webhooks_runtime.payloads (delivery, body)
        VALUES ('0198f0c2-6ad5-7b1e-9f60-3a1c5d2e7b84', '{}')",
    "UPDATE webhooks_runtime.deliveries
        SET state = 1, attempt = attempt + 1, fence = fence + 1, started_at = statement_timestamp()",
    "UPDATE webhooks_runtime.deliveries SET state = 0, attempt = attempt - 1, releases = releases + 1, owner = NULL",
];

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
fn replicas_of_version_2_keep_working_beside_a_newer_one() {
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
            let done = Completion {
                id: claimed.id,
                fencing_token: claimed.fencing_token,
                next: Transition::Done,
                error: None,
                note: Some("data/a.csv".to_owned()),
            };
            store.complete_and_claim(me, &[done], &[]).await.unwrap();
            let shown = store.show(claimed.id).await.unwrap().unwrap();
            assert_eq!(shown.summary.state, State::Done);
            assert_eq!(shown.summary.note.as_deref(), Some("data/a.csv"));
            store.close().await;
        })
    });
}

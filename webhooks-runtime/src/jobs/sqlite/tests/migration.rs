//! Tests of migrating the file of an older version.

use std::time::Duration;

use rusqlite::Connection;
use uuid::Uuid;

use super::FileFixture;
use crate::endpoint::background::Policy;
use crate::jobs::conformance::{Fixture, version_3};
use crate::jobs::delivery::{ClaimRequest, Completion};
use crate::jobs::sqlite::{SqliteStore, schema};
use crate::jobs::state::{State, Transition};
use crate::jobs::store::{Access, EndpointPolicy, Store};
use crate::state::SharedState;

/// The tables of schema version 2.
const VERSION_2: &str = concat!(
    include_str!("../../../../migrations/sqlite/1_deliveries.sql"),
    include_str!("../../../../migrations/sqlite/2_names.sql"),
    "PRAGMA user_version = 2;
     INSERT INTO endpoints (path) VALUES ('/webhooks/train');
     INSERT INTO deliveries
         (id, endpoint, webhook_id, received_at, accepted_at, run_at, event, repo, releases)
         VALUES (x'0198f0c26ad57b1e9f603a1c5d2e7b84', 1, 'an id', 1, 1, 1, 'update repo.content', 'me/data', 2);
     INSERT INTO payloads VALUES (1, x'7b7d');
     INSERT INTO attempts VALUES (1, 1, 1, 2, 'the disk is full');"
);

fn fixture() -> FileFixture {
    let fixture = FileFixture::new();
    let old = Connection::open(fixture.file()).unwrap();
    old.execute_batch(VERSION_2).unwrap();
    old.pragma_update(None, "application_id", schema::APPLICATION_ID).unwrap();
    old.close().unwrap();
    fixture
}

#[tokio::test]
async fn a_file_of_version_2_keeps_its_deliveries() {
    let fixture = fixture();
    let endpoints =
        vec![EndpointPolicy { path: "/webhooks/train".to_owned(), policy: Policy::DEFAULT }];
    let store = fixture.open(endpoints, 10.into()).await;
    let me = Uuid::now_v7();
    store.register(me, Duration::from_secs(30)).await.unwrap();
    let requests = [ClaimRequest { endpoint: 0, slots: 1 }];
    let claimed = store.complete_and_claim(me, &[], &requests).await.unwrap().claimed.remove(0);
    assert_eq!((claimed.attempt, claimed.releases, claimed.waits), (1, 2, 0));
    let done = Completion {
        id: claimed.id,
        fencing_token: claimed.fencing_token,
        next: Transition::Done,
        error: None,
        note: Some("data/a.csv".to_owned()),
        log: Default::default(),
    };
    store.complete_and_claim(me, &[done], &[]).await.unwrap();
    let shown = store.show(claimed.id).await.unwrap().unwrap();
    assert_eq!((shown.summary.state, shown.failed.len()), (State::Done, 1));
    assert_eq!(shown.summary.repo.as_deref(), Some("me/data"));
    assert_eq!(shown.summary.note.as_deref(), Some("data/a.csv"));
    store.set("id", "1", None).await.unwrap();
    assert_eq!(store.get("id").await.unwrap().as_deref(), Some("1"));
    store.close().await;
}

/// A store of schema version 3, as its last program left it when it was killed: with deliveries that were done, dead,
/// running and queued. A Space's repository accepts no binary file, and has a copy of this folder.
const VERSION_3: &str = include_str!("version_3.sql");

#[tokio::test]
async fn a_file_of_version_3_keeps_its_deliveries_of_every_state() {
    let fixture = FileFixture::new();
    Connection::open(fixture.file()).unwrap().execute_batch(VERSION_3).unwrap();
    let store = fixture.open(version_3::endpoints(), 10.into()).await;
    version_3::keeps_its_deliveries_of_every_state(&*store).await;
    store.close().await;
    drop(store);
    // The former program refuses any newer version.
    let file = Connection::open(fixture.file()).unwrap();
    let version: i64 = file.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 4);
}

#[tokio::test]
async fn a_command_leaves_a_file_of_version_2_unchanged() {
    let fixture = fixture();
    let before = std::fs::read(fixture.file()).unwrap();
    for access in [Access::Read, Access::Modify] {
        let error = SqliteStore::open(&fixture.file(), Vec::new(), 1, access).err().unwrap();
        let error = error.to_string();
        assert!(error.contains("version 2, is older than this program's, version 4"), "{error}");
    }
    assert_eq!(std::fs::read(fixture.file()).unwrap(), before);
}

#[tokio::test]
async fn a_lease_of_the_former_process_is_over_when_the_file_is_opened() {
    let fixture = FileFixture::new();
    let hour = Duration::from_secs(3600);
    let store = fixture.open(Vec::new(), 1.into()).await;
    assert!(store.lease("register", Uuid::new_v4(), hour).await.unwrap());
    store.close().await;
    drop(store);
    let store = fixture.open(Vec::new(), 1.into()).await;
    assert!(store.lease("register", Uuid::new_v4(), hour).await.unwrap());
    store.close().await;
}

#[tokio::test]
async fn a_command_can_use_the_values_beside_the_server() {
    let fixture = FileFixture::new();
    let store = fixture.open(Vec::new(), 1.into()).await;
    let command = SqliteStore::open(&fixture.file(), Vec::new(), 1, Access::Modify).unwrap();
    command.set("id", "1", None).await.unwrap();
    assert_eq!(store.get("id").await.unwrap().as_deref(), Some("1"));
    assert!(store.lease("register", Uuid::nil(), Duration::from_secs(60)).await.unwrap());
    assert!(!command.lease("register", Uuid::max(), Duration::from_secs(60)).await.unwrap());
    command.close().await;
    store.close().await;
}

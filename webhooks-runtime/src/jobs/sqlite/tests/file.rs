//! Tests of the file: who may use it, its versions, and its durability.

use std::io::Write;
use std::thread;
use std::time::Duration;

use rusqlite::types::Value;
use uuid::Uuid;

use super::FileFixture;
use crate::endpoint::background::Policy;
use crate::jobs::conformance::{Fixture, new};
use crate::jobs::delivery::{ClaimRequest, NewDelivery};
use crate::jobs::error::StoreError;
use crate::jobs::inspect::DeliveryFilter;
use crate::jobs::sqlite::{SqliteStore, open, schema};
use crate::jobs::store::{Access, EndpointPolicy};

#[tokio::test]
async fn a_file_is_used_by_one_process() {
    let fixture = FileFixture::new();
    let store = fixture.open(Vec::new(), 1.into()).await;
    let second = SqliteStore::open(&fixture.file(), Vec::new(), 1, Access::Serve);
    assert!(matches!(second.err(), Some(StoreError::Taken { path }) if path == fixture.file()));
    store.close().await;
    fixture.open(Vec::new(), 1.into()).await.close().await;
}

#[tokio::test]
async fn due_deliveries_stay_due_when_the_machine_loses_its_time() {
    let fixture = FileFixture::new();
    let endpoints =
        || vec![EndpointPolicy { path: "/webhooks/train".to_owned(), policy: Policy::DEFAULT }];
    let store = fixture.open(endpoints(), 10.into()).await;
    store.accept(vec![new(0, Some("one"), "{}")]).await.unwrap();
    store.close().await;
    drop(store);
    // It was accepted while the clock was a year ahead.
    let connection = rusqlite::Connection::open(fixture.file()).unwrap();
    let later = "UPDATE deliveries SET accepted_at = accepted_at + ?1, run_at = run_at + ?1";
    connection.execute(later, [365_i64 * 86_400_000]).unwrap();
    connection.close().unwrap();

    let store = fixture.open(endpoints(), 10.into()).await;
    let me = Uuid::now_v7();
    store.register(me, Duration::from_secs(30)).await.unwrap();
    let response =
        store.complete_and_claim(me, &[], &[ClaimRequest { endpoint: 0, slots: 1 }]).await.unwrap();
    assert_eq!(response.claimed.len(), 1);
    store.close().await;
}

#[tokio::test]
async fn a_command_creates_no_file() {
    let fixture = FileFixture::new();
    for access in [Access::Read, Access::Modify] {
        let inspect = SqliteStore::open(&fixture.file(), Vec::new(), 1, access);
        assert!(matches!(inspect.err(), Some(StoreError::Open { .. })));
    }
    assert!(fixture.folder.path().read_dir().unwrap().next().is_none());
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_user_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = FileFixture::new();
    let store = fixture.open(Vec::new(), 1.into()).await;
    for end in ["", "-wal", "-lock"] {
        let file = fixture.folder.path().join(format!("webhooks.db{end}"));
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{end}");
    }
    store.close().await;
}

#[cfg(unix)]
#[tokio::test]
async fn an_interrupted_first_start_is_repeated() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = FileFixture::new();
    std::fs::write(fixture.file(), "").unwrap();
    let set_mode = |mode| {
        std::fs::set_permissions(fixture.file(), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    // Not if another program created the file.
    set_mode(0o644);
    let other = SqliteStore::open(&fixture.file(), Vec::new(), 1, Access::Serve);
    assert!(other.err().unwrap().to_string().contains("did not create"));
    set_mode(0o600);
    fixture.open(Vec::new(), 1.into()).await.close().await;
}

/// The tables of schema version 1.
const VERSION_1: &str = concat!(
    include_str!("../../../../migrations/sqlite/1_deliveries.sql"),
    "PRAGMA user_version = 1; INSERT INTO endpoints (path) VALUES ('/webhooks/train');"
);

#[tokio::test]
async fn a_store_without_an_application_id_is_recognized_and_gets_one() {
    // The tables are in the file, or still in its log, as after the server was killed.
    for in_its_log in [false, true] {
        let fixture = FileFixture::new();
        let old = rusqlite::Connection::open(fixture.file()).unwrap();
        if in_its_log {
            old.pragma_update(None, "journal_mode", "WAL").unwrap();
        }
        old.execute_batch(VERSION_1).unwrap();
        let copy = FileFixture::new();
        for end in ["", "-wal"].into_iter().take(1 + usize::from(in_its_log)) {
            let file =
                |fixture: &FileFixture| fixture.folder.path().join(format!("webhooks.db{end}"));
            std::fs::copy(file(&fixture), file(&copy)).unwrap();
        }
        old.close().unwrap();
        let store = copy.open(Vec::new(), 1.into()).await;
        store.close().await;
        let file = rusqlite::Connection::open(copy.file()).unwrap();
        let id: i32 = file.pragma_query_value(None, "application_id", |row| row.get(0)).unwrap();
        assert_eq!(id, schema::APPLICATION_ID);
        let endpoints: i64 =
            file.query_row("SELECT count(*) FROM endpoints", [], |row| row.get(0)).unwrap();
        assert_eq!(endpoints, 1, "{in_its_log}");
    }
}

/// A file and its log as they are while SQLite writes the log back: the first page first, which says how long the file
/// will be. And the whole file.
async fn half_written() -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let fixture = FileFixture::new();
    let store = fixture.open(train(), 100.into()).await;
    for _ in 0..10 {
        let long = NewDelivery { body: vec![b' '; 100_000].into(), ..new(0, None, "") };
        store.accept(vec![long]).await.unwrap();
    }
    let file = |end: &str| std::fs::read(fixture.folder.path().join(format!("webhooks.db{end}")));
    let (mut database, log) = (file("").unwrap(), file("-wal").unwrap());
    // <https://www.sqlite.org/fileformat.html#wal_file_format>
    let page_size = 4096;
    let mut frames = log[32..].chunks_exact(24 + page_size);
    let first_page = frames.rfind(|frame| frame[..4] == 1_u32.to_be_bytes()).unwrap();
    database[..page_size].copy_from_slice(&first_page[24..]);
    store.close().await;
    drop(store);
    (database, log, file("").unwrap())
}

fn train() -> Vec<EndpointPolicy> {
    vec![EndpointPolicy { path: "/webhooks/train".to_owned(), policy: Policy::DEFAULT }]
}

async fn assert_has_ten_deliveries(fixture: &FileFixture) {
    let store = fixture.open(train(), 100.into()).await;
    let filter = DeliveryFilter { limit: 100, ..DeliveryFilter::default() };
    assert_eq!(store.list(&filter).await.unwrap().len(), 10);
    store.close().await;
}

#[tokio::test]
async fn a_store_whose_log_was_being_written_back_when_its_process_was_killed_is_opened() {
    let (database, log, _) = half_written().await;
    let fixture = FileFixture::new();
    std::fs::write(fixture.file(), database).unwrap();
    std::fs::write(fixture.folder.path().join("webhooks.db-wal"), log).unwrap();
    assert_has_ten_deliveries(&fixture).await;
}

#[tokio::test]
async fn a_store_whose_log_is_written_back_by_another_process_meanwhile_is_opened() {
    let (database, _, whole) = half_written().await;
    let fixture = FileFixture::new();
    std::fs::write(fixture.file(), database).unwrap();
    let mut file = std::fs::OpenOptions::new().write(true).open(fixture.file()).unwrap();
    let writing = thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        file.write_all(&whole).unwrap();
    });
    assert_has_ten_deliveries(&fixture).await;
    writing.join().unwrap();
}

#[tokio::test]
async fn similar_tables_are_not_mistaken_for_a_store() {
    for (change, version) in [
        ("CREATE TABLE users (name)", 1),
        ("ALTER TABLE owners ADD COLUMN name", 1),
        ("CREATE VIEW others AS SELECT 1", 1),
        ("DROP TABLE attempts", 1),
        ("", 2),
        ("PRAGMA application_id = 7", 1),
    ] {
        let fixture = FileFixture::new();
        let other = rusqlite::Connection::open(fixture.file()).unwrap();
        other.execute_batch(VERSION_1).unwrap();
        other.execute_batch(change).unwrap();
        other.pragma_update(None, "user_version", version).unwrap();
        other.close().unwrap();
        let before = std::fs::read(fixture.file()).unwrap();
        let error = SqliteStore::open(&fixture.file(), Vec::new(), 1, Access::Serve);
        let error = error.err().unwrap().to_string();
        assert!(error.contains("is not a store of background deliveries"), "{change}: {error}");
        assert_eq!(std::fs::read(fixture.file()).unwrap(), before);
    }
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_rejected() {
    let fixture = FileFixture::new();
    fixture.open(Vec::new(), 1.into()).await.close().await;
    let newer = rusqlite::Connection::open(fixture.file()).unwrap();
    newer.pragma_update(None, "user_version", 1000).unwrap();
    newer.close().unwrap();
    let error = SqliteStore::open(&fixture.file(), Vec::new(), 1, Access::Serve);
    assert!(error.err().unwrap().to_string().contains("version 1000, is newer"));
}

#[test]
fn a_commit_is_synced_to_disk() {
    let fixture = FileFixture::new();
    let opened = open::open(&fixture.file(), Access::Serve).unwrap();
    let pragma = |name: &str| -> String {
        let value = opened
            .writer
            .as_ref()
            .unwrap()
            .pragma_query_value(None, name, |row| row.get(0))
            .unwrap();
        match value {
            Value::Text(text) => text,
            Value::Integer(number) => number.to_string(),
            value => panic!("{value:?}"),
        }
    };
    assert_eq!(pragma("journal_mode"), "wal");
    // FULL: each commit syncs the log.
    assert_eq!(pragma("synchronous"), "2");
    assert_eq!(pragma("fullfsync"), "1");
}

#[test]
fn sqlite_has_no_known_defect_in_its_log() {
    // Older versions can lose commits while the log is written back.
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
}

//! The store in a file of its own for each test.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::Duration;

use futures_util::future::BoxFuture;
use rusqlite::types::Value;
use tempfile::TempDir;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::SqliteStore;
use super::writer::Command;
use crate::endpoint::background::Policy;
use crate::jobs::conformance::{Behaviour, Fixture, conformance, dead, new};
use crate::jobs::error::StoreError;
use crate::jobs::state::{Next, State};
use crate::jobs::store::{
    Accepted, Access, Claimed, Known, New, Retention, Settlement, Store, StoreLimits, Want,
};

/// A file. One process has it, so all who open it at the same time have the same store.
struct InFile {
    folder: TempDir,
    open: Mutex<Weak<SqliteStore>>,
}

impl InFile {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), open: Mutex::default() }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("webhooks.db")
    }
}

impl Fixture for InFile {
    fn open(&self, known: Vec<Known>, limits: StoreLimits) -> BoxFuture<'_, Arc<dyn Store>> {
        Box::pin(async move {
            let open = self.open.lock().unwrap().upgrade();
            if let Some(store) = open
                && !store.commands.is_closed()
            {
                return store as Arc<dyn Store>;
            }
            let store = SqliteStore::open(&self.file(), known, limits, Access::Own);
            let store = Arc::new(store.unwrap());
            *self.open.lock().unwrap() = Arc::downgrade(&store);
            store
        })
    }
}

fn run(behaviour: Behaviour) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(behaviour(&InFile::new()));
}

conformance!(run);

#[tokio::test]
async fn a_file_belongs_to_one_process() {
    let place = InFile::new();
    let store = place.open(Vec::new(), 1.into()).await;
    let second = SqliteStore::open(&place.file(), Vec::new(), 1, Access::Own);
    assert!(matches!(second.err(), Some(StoreError::Taken { path }) if path == place.file()));
    store.close().await;
    place.open(Vec::new(), 1.into()).await.close().await;
}

#[tokio::test]
async fn what_was_due_is_due_on_a_machine_that_has_lost_its_time() {
    let place = InFile::new();
    let known = || vec![Known { path: "/webhooks/train".to_owned(), policy: Policy::DEFAULT }];
    let store = place.open(known(), 10.into()).await;
    store.accept(vec![new(0, Some("one"), "{}")]).await.unwrap();
    store.close().await;
    drop(store);
    // It was taken in with a clock that was a year ahead.
    let connection = rusqlite::Connection::open(place.file()).unwrap();
    let later = "UPDATE deliveries SET accepted_at = accepted_at + ?1, run_at = run_at + ?1";
    connection.execute(later, [365_i64 * 86_400_000]).unwrap();
    connection.close().unwrap();

    let store = place.open(known(), 10.into()).await;
    let me = Uuid::now_v7();
    store.enlist(me, Duration::from_secs(30)).await.unwrap();
    let advanced = store.advance(me, &[], &[Want { endpoint: 0, slots: 1 }]).await.unwrap();
    assert_eq!(advanced.claimed.len(), 1);
    store.close().await;
}

#[tokio::test]
async fn the_ids_of_what_was_done_long_ago_are_forgotten() {
    let place = InFile::new();
    let policy = Policy::DEFAULT.dedup_window(60_000).concurrency(5000);
    let known = vec![Known { path: "/webhooks/train".to_owned(), policy }];
    let store = SqliteStore::open(&place.file(), known, 10_000, Access::Own).unwrap();
    let batch = (0..2500).map(|id| new(0, Some(&id.to_string()), "{}")).collect();
    store.accept(batch).await.unwrap();
    let me = Uuid::now_v7();
    store.enlist(me, Duration::from_secs(3600)).await.unwrap();
    let advanced = store.advance(me, &[], &[Want { endpoint: 0, slots: 2500 }]).await.unwrap();
    let done = |claimed: &Claimed| Settlement {
        id: claimed.id,
        fence: claimed.fence,
        next: Next::Done,
        error: None,
    };
    let settled: Vec<_> = advanced.claimed.iter().map(done).collect();
    assert!(store.advance(me, &settled, &[]).await.unwrap().refused.is_empty());
    let keys = async || store.ask(Command::Keys).await.unwrap();
    let retention = Retention { done: Duration::from_secs(3600), dead: None };
    assert_eq!((store.sweep(retention).await.unwrap(), keys().await), (0, 2500));
    store.pass(Duration::from_secs(61)).await.unwrap();
    assert_eq!((store.sweep(retention).await.unwrap(), keys().await), (0, 0));
    let again = store.accept(vec![new(0, Some("7"), "{}")]).await.unwrap();
    assert!(matches!(again[..], [Accepted::Queued(_)]));
    store.pass(Duration::from_secs(3600)).await.unwrap();
    assert_eq!(store.sweep(retention).await.unwrap(), 2500);
    store.close().await;
}

#[tokio::test]
async fn who_deletes_many_lets_the_server_write_in_between() {
    const DEAD: u32 = 60_000;
    let place = InFile::new();
    let known = vec![Known { path: "/webhooks/train".to_owned(), policy: Policy::DEFAULT }];
    place.open(known.clone(), 100_000.into()).await.close().await;
    let connection = rusqlite::Connection::open(place.file()).unwrap();
    let many = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT ?)
        INSERT INTO deliveries (id, endpoint, state, received_at, accepted_at, run_at, ended_at)
        SELECT randomblob(16), 1, 3, 0, 0, 0, 0 FROM n";
    connection.execute(many, [DEAD]).unwrap();
    connection.close().unwrap();

    let store = place.open(known, 100_000.into()).await;
    let file = place.file();
    let (begun, purge_begins) = oneshot::channel();
    let purging = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let visit = SqliteStore::open(&file, Vec::new(), 1, Access::Change).unwrap();
            begun.send(()).unwrap();
            let purged = visit.purge(&dead(Duration::ZERO)).await;
            visit.close().await;
            purged
        })
    });
    purge_begins.await.unwrap();
    let mut kept = 0;
    while !purging.is_finished() {
        store.accept(vec![new(0, None, "{}")]).await.unwrap();
        kept += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(purging.join().unwrap().unwrap(), u64::from(DEAD));
    assert!(kept > 20, "{kept}");
    store.close().await;
}

#[tokio::test]
async fn what_arrives_during_a_sweep_is_counted_once() {
    let place = InFile::new();
    let known = vec![Known { path: "/webhooks/train".to_owned(), policy: Policy::DEFAULT }];
    let store = SqliteStore::open(&place.file(), known, 10, Access::Own).unwrap();
    let some = || (0..5).map(|_| new(0, None, "{}")).collect();
    let retention = Retention { done: Duration::from_secs(3600), dead: None };
    // Both are asked for before the writer comes to them, so it does them in one transaction.
    let (accepted, swept) = tokio::join!(store.accept(some()), store.sweep(retention));
    assert_eq!((accepted.unwrap().len(), swept.unwrap()), (5, 0));
    let accepted = store.accept(some()).await.unwrap();
    assert!(accepted.iter().all(|it| matches!(it, Accepted::Queued(_))), "{accepted:?}");
    let full = store.accept(some()).await.unwrap();
    assert!(full.iter().all(|it| *it == Accepted::BacklogFull), "{full:?}");
    store.close().await;
}

#[tokio::test]
async fn all_deliveries_together_have_a_limit_and_give_their_space_back() {
    const LIMIT: u64 = 1 << 20;
    let place = InFile::new();
    let policy = Policy::DEFAULT.concurrency(100);
    let known = vec![Known { path: "/webhooks/train".to_owned(), policy }];
    let limits = StoreLimits { deliveries: 1000, bytes: LIMIT };
    let store = SqliteStore::open(&place.file(), known, limits, Access::Own).unwrap();
    let large = || New { body: vec![b'x'; 100_000].into(), ..new(0, None, "") };
    // One by one and together.
    let mut accepted = store.accept(vec![large()]).await.unwrap();
    accepted.extend(store.accept((0..20).map(|_| large()).collect()).await.unwrap());
    let queued = accepted.iter().filter(|it| matches!(it, Accepted::Queued(_))).count();
    assert!((8..=11).contains(&queued), "{accepted:?}");
    assert_eq!(accepted.last(), Some(&Accepted::StoreFull));

    // Dead ones take as much.
    let me = Uuid::now_v7();
    store.enlist(me, Duration::from_secs(3600)).await.unwrap();
    let claimed = store.advance(me, &[], &[Want { endpoint: 0, slots: 100 }]).await.unwrap();
    let died = |claimed: &Claimed| Settlement {
        id: claimed.id,
        fence: claimed.fence,
        next: Next::Dead,
        error: None,
    };
    let settled: Vec<_> = claimed.claimed.iter().map(died).collect();
    store.advance(me, &settled, &[]).await.unwrap();
    assert_eq!(store.accept(vec![large()]).await.unwrap(), [Accepted::StoreFull]);

    let retention = Retention { done: Duration::ZERO, dead: Some(Duration::ZERO) };
    assert_eq!(store.sweep(retention).await.unwrap(), queued as u64);
    let accepted = store.accept(vec![new(0, None, "{}")]).await.unwrap();
    assert!(matches!(accepted[..], [Accepted::Queued(_)]));
    store.close().await;
    let len = std::fs::metadata(place.file()).unwrap().len();
    assert!(len < LIMIT / 4, "{len}");
}

#[tokio::test]
async fn who_visits_makes_no_file() {
    let place = InFile::new();
    for access in [Access::Read, Access::Change] {
        let visit = SqliteStore::open(&place.file(), Vec::new(), 1, access);
        assert!(matches!(visit.err(), Some(StoreError::Open { .. })));
    }
    assert!(place.folder.path().read_dir().unwrap().next().is_none());
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_user_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let place = InFile::new();
    let store = place.open(Vec::new(), 1.into()).await;
    for end in ["", "-wal", "-lock"] {
        let file = place.folder.path().join(format!("webhooks.db{end}"));
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{end}");
    }
    store.close().await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_start_that_was_cut_off_is_begun_again() {
    use std::os::unix::fs::PermissionsExt;
    let place = InFile::new();
    std::fs::write(place.file(), "").unwrap();
    let set_mode = |mode| {
        std::fs::set_permissions(place.file(), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    // Not one that was created by somebody else.
    set_mode(0o644);
    let other = SqliteStore::open(&place.file(), Vec::new(), 1, Access::Own);
    assert!(other.err().unwrap().to_string().contains("did not create"));
    set_mode(0o600);
    place.open(Vec::new(), 1.into()).await.close().await;
}

/// The tables as the first version had them.
const VERSION_1: &str = concat!(
    include_str!("../../../migrations/sqlite/1_deliveries.sql"),
    "PRAGMA user_version = 1; INSERT INTO endpoints (path) VALUES ('/webhooks/train');"
);

#[tokio::test]
async fn a_store_from_before_stores_had_an_id_is_known_and_gets_one() {
    // The tables are in the file, or still in its log, as when the server was killed.
    for in_its_log in [false, true] {
        let place = InFile::new();
        let old = rusqlite::Connection::open(place.file()).unwrap();
        if in_its_log {
            old.pragma_update(None, "journal_mode", "WAL").unwrap();
        }
        old.execute_batch(VERSION_1).unwrap();
        let copy = InFile::new();
        for end in ["", "-wal"].into_iter().take(1 + usize::from(in_its_log)) {
            let file = |place: &InFile| place.folder.path().join(format!("webhooks.db{end}"));
            std::fs::copy(file(&place), file(&copy)).unwrap();
        }
        old.close().unwrap();
        let store = copy.open(Vec::new(), 1.into()).await;
        store.close().await;
        let file = rusqlite::Connection::open(copy.file()).unwrap();
        let id: i32 = file.pragma_query_value(None, "application_id", |row| row.get(0)).unwrap();
        assert_eq!(id, super::schema::APPLICATION_ID);
        let endpoints: i64 =
            file.query_row("SELECT count(*) FROM endpoints", [], |row| row.get(0)).unwrap();
        assert_eq!(endpoints, 1, "{in_its_log}");
    }
}

#[tokio::test]
async fn tables_like_those_of_a_store_are_not_enough() {
    for (change, version) in [
        ("CREATE TABLE users (name)", 1),
        ("ALTER TABLE owners ADD COLUMN name", 1),
        ("CREATE VIEW others AS SELECT 1", 1),
        ("DROP TABLE attempts", 1),
        ("", 2),
        ("PRAGMA application_id = 7", 1),
    ] {
        let place = InFile::new();
        let other = rusqlite::Connection::open(place.file()).unwrap();
        other.execute_batch(VERSION_1).unwrap();
        other.execute_batch(change).unwrap();
        other.pragma_update(None, "user_version", version).unwrap();
        other.close().unwrap();
        let before = std::fs::read(place.file()).unwrap();
        let refused = SqliteStore::open(&place.file(), Vec::new(), 1, Access::Own);
        let refused = refused.err().unwrap().to_string();
        assert!(refused.contains("is not a store of background deliveries"), "{change}: {refused}");
        assert_eq!(std::fs::read(place.file()).unwrap(), before);
    }
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_left_as_it_is() {
    let place = InFile::new();
    place.open(Vec::new(), 1.into()).await.close().await;
    let newer = rusqlite::Connection::open(place.file()).unwrap();
    newer.pragma_update(None, "user_version", 1000).unwrap();
    newer.close().unwrap();
    let refused = SqliteStore::open(&place.file(), Vec::new(), 1, Access::Own);
    assert!(refused.err().unwrap().to_string().contains("version 1000, is newer"));
}

#[test]
fn a_commit_waits_for_the_disk() {
    let place = InFile::new();
    let opened = super::open::open(&place.file(), Access::Own).unwrap();
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
    // FULL: the log is synced by each commit.
    assert_eq!(pragma("synchronous"), "2");
    assert_eq!(pragma("fullfsync"), "1");
}

#[test]
fn the_library_has_no_known_fault_in_its_log() {
    // Older ones can lose what was committed while the log is written back.
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
}

#[tokio::test]
async fn the_store_goes_on_after_a_panic_while_it_is_written() {
    let place = InFile::new();
    let known = vec![Known { path: "/webhooks/train".to_owned(), policy: Policy::DEFAULT }];
    let store = SqliteStore::open(&place.file(), known, 10, Access::Own).unwrap();
    let first = new(0, Some("first"), "{}");
    store.accept(vec![first.clone()]).await.unwrap();
    // Of an endpoint that isn't there, after another one of the same transaction.
    let unknown = vec![new(0, Some("second"), "{}"), new(99, Some("third"), "{}")];
    let failed = store.accept(unknown).await.unwrap_err();
    assert!(matches!(failed, StoreError::Closed), "{failed}");
    let accepted = store.accept(vec![first.clone(), new(0, Some("second"), "{}")]).await.unwrap();
    assert_eq!(accepted[0], Accepted::Known(first.id, State::Queued));
    assert!(matches!(accepted[1], Accepted::Queued(_)), "{accepted:?}");
    assert!(store.oldest_due().await.unwrap().is_some());
    store.close().await;
}

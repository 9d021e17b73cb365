//! Tests of the SQLite store. Each test has its own file.

mod file;
mod idle;
mod logs;
mod migration;
mod others;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tempfile::TempDir;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::SqliteStore;
use super::command::WriterCommand;
use crate::endpoint::background::Policy;
use crate::jobs::conformance::{Behavior, Fixture, conformance, dead, new};
use crate::jobs::delivery::{Accepted, ClaimRequest, Claimed, Completion, NewDelivery};
use crate::jobs::error::StoreError;
use crate::jobs::state::{State, Transition};
use crate::jobs::store::{Access, EndpointPolicy, Retention, Store, StoreLimits};

fn endpoints() -> Vec<EndpointPolicy> {
    vec![EndpointPolicy { path: "/webhooks/train".to_owned(), policy: Policy::DEFAULT }]
}

/// Opens a file as a server does.
fn open(fixture: &FileFixture) -> SqliteStore {
    SqliteStore::open(&fixture.file(), endpoints(), 1000, Access::Serve).unwrap()
}

/// A file. Only one process can use it, so opening it twice returns the same store.
struct FileFixture {
    folder: TempDir,
    open: Mutex<Weak<SqliteStore>>,
}

impl FileFixture {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), open: Mutex::default() }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("webhooks.db")
    }
}

impl Fixture for FileFixture {
    fn open(
        &self,
        endpoints: Vec<EndpointPolicy>,
        limits: StoreLimits,
    ) -> BoxFuture<'_, Arc<dyn Store>> {
        Box::pin(async move {
            let open = self.open.lock().unwrap().upgrade();
            if let Some(store) = open
                && !store.commands.is_closed()
            {
                return store as Arc<dyn Store>;
            }
            let store = SqliteStore::open(&self.file(), endpoints, limits, Access::Serve);
            let store = Arc::new(store.unwrap());
            *self.open.lock().unwrap() = Arc::downgrade(&store);
            store
        })
    }
}

fn run(behaviour: Behavior) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(behaviour(&FileFixture::new()));
}

conformance!(run);

#[tokio::test]
async fn a_program_enqueues_while_a_server_has_the_file() {
    let fixture = FileFixture::new();
    let endpoints = |path: &str| {
        vec![EndpointPolicy { path: path.to_owned(), policy: Policy::DEFAULT.concurrency(10) }]
    };
    let train = || endpoints("/webhooks/train");
    let missing = SqliteStore::open(&fixture.file(), train(), 10, Access::Modify).err();
    assert!(matches!(missing, Some(StoreError::Open { .. })));
    let server = SqliteStore::open(&fixture.file(), train(), 10, Access::Serve).unwrap();
    let unknown = SqliteStore::open(&fixture.file(), endpoints("/x"), 10, Access::Modify).err();
    assert!(matches!(unknown, Some(StoreError::UnknownEndpoint { path }) if path == "/x"));
    let program = SqliteStore::open(&fixture.file(), train(), 10, Access::Modify).unwrap();
    let mut ids = Vec::new();
    for store in [&server, &program, &server, &program, &program, &server] {
        let new = new(0, Some(&ids.len().to_string()), "{}");
        ids.push(new.id);
        assert_eq!(store.accept(vec![new]).await.unwrap(), [Accepted::Queued(ids[ids.len() - 1])]);
    }
    // It knows how many the server had accepted before.
    let limited = SqliteStore::open(&fixture.file(), train(), 6, Access::Modify).unwrap();
    let accepted = limited.accept(vec![new(0, None, "{}")]).await.unwrap();
    assert_eq!(accepted, [Accepted::BacklogFull]);
    let me = Uuid::now_v7();
    server.register(me, Duration::from_secs(60)).await.unwrap();
    let request = ClaimRequest { endpoint: 0, slots: 10 };
    let claimed = server.complete_and_claim(me, &[], &[request]).await.unwrap().claimed;
    // Those of one millisecond in any order: each has a clock of its own.
    let claimed: BTreeSet<_> = claimed.iter().map(|it| it.id).collect();
    assert_eq!(claimed, ids.iter().copied().collect());
    // The ids of the server's own deliveries are still known.
    let again = server.accept(vec![new(0, Some("5"), "{}")]).await.unwrap();
    assert_eq!(again, [Accepted::Duplicate(ids[5], State::Running)]);
}

#[tokio::test]
async fn ids_leave_the_index_after_the_deduplication_window() {
    let fixture = FileFixture::new();
    let policy = Policy::DEFAULT.dedup_window(60_000).concurrency(5000);
    let endpoints = vec![EndpointPolicy { path: "/webhooks/train".to_owned(), policy }];
    let store = SqliteStore::open(&fixture.file(), endpoints, 10_000, Access::Serve).unwrap();
    let batch = (0..2500).map(|id| new(0, Some(&id.to_string()), "{}")).collect();
    store.accept(batch).await.unwrap();
    let me = Uuid::now_v7();
    store.register(me, Duration::from_secs(3600)).await.unwrap();
    let response = store
        .complete_and_claim(me, &[], &[ClaimRequest { endpoint: 0, slots: 2500 }])
        .await
        .unwrap();
    let done = |claimed: &Claimed| Completion {
        id: claimed.id,
        fencing_token: claimed.fencing_token,
        next: Transition::Done,
        error: None,
        note: None,
        log: Default::default(),
    };
    let completions: Vec<_> = response.claimed.iter().map(done).collect();
    assert!(store.complete_and_claim(me, &completions, &[]).await.unwrap().stale.is_empty());
    let ids = async || store.send(WriterCommand::DedupLen).await.unwrap();
    let retention = Retention { done: Duration::from_secs(3600), dead: None };
    assert_eq!((store.purge_expired(retention).await.unwrap(), ids().await), (0, 2500));
    store.advance_clock(Duration::from_secs(61)).await.unwrap();
    assert_eq!((store.purge_expired(retention).await.unwrap(), ids().await), (0, 0));
    let again = store.accept(vec![new(0, Some("7"), "{}")]).await.unwrap();
    assert!(matches!(again[..], [Accepted::Queued(_)]));
    store.advance_clock(Duration::from_secs(3600)).await.unwrap();
    assert_eq!(store.purge_expired(retention).await.unwrap(), 2500);
    store.close().await;
}

#[tokio::test]
async fn a_long_purge_lets_the_server_write_in_between() {
    const DEAD: u32 = 60_000;
    let fixture = FileFixture::new();
    let endpoints =
        vec![EndpointPolicy { path: "/webhooks/train".to_owned(), policy: Policy::DEFAULT }];
    fixture.open(endpoints.clone(), 100_000.into()).await.close().await;
    let connection = rusqlite::Connection::open(fixture.file()).unwrap();
    let many = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT ?)
        INSERT INTO deliveries (id, endpoint, state, received_at, accepted_at, run_at, ended_at)
        SELECT randomblob(16), 1, 3, 0, 0, 0, 0 FROM n";
    connection.execute(many, [DEAD]).unwrap();
    connection.close().unwrap();

    let store = fixture.open(endpoints, 100_000.into()).await;
    let file = fixture.file();
    let (started, purge_started) = oneshot::channel();
    let purging = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let inspect = SqliteStore::open(&file, Vec::new(), 1, Access::Modify).unwrap();
            started.send(()).unwrap();
            let purged = inspect.purge(&dead(Duration::ZERO)).await;
            inspect.close().await;
            purged
        })
    });
    purge_started.await.unwrap();
    let mut accepted = 0;
    while !purging.is_finished() {
        store.accept(vec![new(0, None, "{}")]).await.unwrap();
        accepted += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(purging.join().unwrap().unwrap(), u64::from(DEAD));
    assert!(accepted > 20, "{accepted}");
    store.close().await;
}

#[tokio::test]
async fn deliveries_accepted_during_a_purge_are_counted_once() {
    let fixture = FileFixture::new();
    let endpoints =
        vec![EndpointPolicy { path: "/webhooks/train".to_owned(), policy: Policy::DEFAULT }];
    let store = SqliteStore::open(&fixture.file(), endpoints, 10, Access::Serve).unwrap();
    let some = || (0..5).map(|_| new(0, None, "{}")).collect();
    let retention = Retention { done: Duration::from_secs(3600), dead: None };
    // Both are sent before the writer receives them, so they share a transaction.
    let (accepted, purged) = tokio::join!(store.accept(some()), store.purge_expired(retention));
    assert_eq!((accepted.unwrap().len(), purged.unwrap()), (5, 0));
    let accepted = store.accept(some()).await.unwrap();
    assert!(accepted.iter().all(|it| matches!(it, Accepted::Queued(_))), "{accepted:?}");
    let full = store.accept(some()).await.unwrap();
    assert!(full.iter().all(|it| *it == Accepted::BacklogFull), "{full:?}");
    store.close().await;
}

#[tokio::test]
async fn the_file_shrinks_after_a_purge() {
    const LIMIT: u64 = 1 << 20;
    let fixture = FileFixture::new();
    let policy = Policy::DEFAULT.concurrency(100);
    let endpoints = vec![EndpointPolicy { path: "/webhooks/train".to_owned(), policy }];
    let limits = StoreLimits { deliveries: 1000, bytes: LIMIT, body: 10 << 20 };
    let store = SqliteStore::open(&fixture.file(), endpoints, limits, Access::Serve).unwrap();
    let large = || NewDelivery { body: vec![b'x'; 100_000].into(), ..new(0, None, "") };
    // One by one and in a batch.
    let mut accepted = store.accept(vec![large()]).await.unwrap();
    accepted.extend(store.accept((0..20).map(|_| large()).collect()).await.unwrap());
    let queued = accepted.iter().filter(|it| matches!(it, Accepted::Queued(_))).count();
    assert!((8..=11).contains(&queued), "{accepted:?}");
    assert_eq!(accepted.last(), Some(&Accepted::StoreFull));

    // Dead deliveries occupy as much.
    let me = Uuid::now_v7();
    store.register(me, Duration::from_secs(3600)).await.unwrap();
    let claimed = store
        .complete_and_claim(me, &[], &[ClaimRequest { endpoint: 0, slots: 100 }])
        .await
        .unwrap();
    let died = |claimed: &Claimed| Completion {
        id: claimed.id,
        fencing_token: claimed.fencing_token,
        next: Transition::Dead,
        error: None,
        note: None,
        log: Default::default(),
    };
    let completions: Vec<_> = claimed.claimed.iter().map(died).collect();
    store.complete_and_claim(me, &completions, &[]).await.unwrap();
    assert_eq!(store.accept(vec![large()]).await.unwrap(), [Accepted::StoreFull]);

    let retention = Retention { done: Duration::ZERO, dead: Some(Duration::ZERO) };
    assert_eq!(store.purge_expired(retention).await.unwrap(), queued as u64);
    let accepted = store.accept(vec![new(0, None, "{}")]).await.unwrap();
    assert!(matches!(accepted[..], [Accepted::Queued(_)]));
    store.close().await;
    let len = std::fs::metadata(fixture.file()).unwrap().len();
    assert!(len < LIMIT / 4, "{len}");
}

#[tokio::test]
async fn the_writer_continues_after_a_panic() {
    let fixture = FileFixture::new();
    let endpoints =
        vec![EndpointPolicy { path: "/webhooks/train".to_owned(), policy: Policy::DEFAULT }];
    let store = SqliteStore::open(&fixture.file(), endpoints, 10, Access::Serve).unwrap();
    let first = new(0, Some("first"), "{}");
    store.accept(vec![first.clone()]).await.unwrap();
    // The second delivery has an unknown endpoint, and is in the same transaction as a valid one.
    let unknown = vec![new(0, Some("second"), "{}"), new(99, Some("third"), "{}")];
    let failed = store.accept(unknown).await.unwrap_err();
    assert!(matches!(failed, StoreError::Closed), "{failed}");
    let accepted = store.accept(vec![first.clone(), new(0, Some("second"), "{}")]).await.unwrap();
    assert_eq!(accepted[0], Accepted::Duplicate(first.id, State::Queued));
    assert!(matches!(accepted[1], Accepted::Queued(_)), "{accepted:?}");
    assert!(store.oldest_due().await.unwrap().is_some());
    store.close().await;
}

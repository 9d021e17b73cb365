//! Tests of the engine and its handle.

use std::pin::pin;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tracing::Level;
use uuid::Uuid;

use super::attempt_log::LogPosition;
use super::conformance::{dead, new};
use super::delivery::ClaimRequest;
use super::inspect::DeliveryFilter;
use super::log_buffer::AttemptLog;
use super::log_writer::LogWriter;
use super::observer::JobsObservers;
use super::sqlite::SqliteStore;
use super::store::{Access, EndpointPolicy, Store};
use super::{Jobs, Options, StoreError, StoreUrl};
use crate::endpoint::background::Policy;

/// A store in a file that another connection has locked, with a purge that waits for the lock.
struct BlockedStore {
    jobs: Jobs,
    other: Connection,
    purging: tokio::task::JoinHandle<Result<u64, StoreError>>,
    _folder: TempDir,
}

impl BlockedStore {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("webhooks.db");
        let url = StoreUrl::File(file.clone());
        let jobs = Jobs::open(&url, &Options::default(), Vec::new(), |_| {}).await.unwrap();
        jobs.start();
        let other = Connection::open(file).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let purge = jobs.clone();
        let purging = tokio::spawn(async move { purge.purge(dead(Duration::ZERO)).await });
        tokio::task::yield_now().await;
        // Real time, even where the test's clock is paused.
        thread::sleep(Duration::from_millis(200));
        Self { jobs, other, purging, _folder: folder }
    }
}

#[test]
fn by_default_done_deliveries_are_retained_for_7_days_and_dead_ones_for_30() {
    let Options { retain_done, retain_dead, .. } = Options::default();
    assert_eq!((retain_done.as_secs(), retain_dead.as_secs()), (7 * 86_400, 30 * 86_400));
    assert_eq!(Policy::DEFAULT.dedup_window.as_secs(), 120);
}

#[tokio::test]
async fn reads_do_not_wait_while_a_write_waits_for_a_lock() {
    let BlockedStore { jobs, other, mut purging, _folder } = BlockedStore::new().await;
    let filter = DeliveryFilter { limit: 1, ..DeliveryFilter::default() };
    assert_eq!(jobs.list(filter).await.unwrap(), []);
    assert!(jobs.show(Uuid::now_v7()).await.unwrap().is_none());
    assert!((&mut purging).now_or_never().is_none());
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(purging.await.unwrap().unwrap(), 0);
    jobs.shut_down(Instant::now()).await;
    jobs.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_unresponsive_store_does_not_block_shutdown() {
    let BlockedStore { jobs, other, mut purging, _folder } = BlockedStore::new().await;
    let start = Instant::now();
    jobs.shut_down(start + Duration::from_secs(30)).await;
    assert_eq!(start.elapsed().as_secs(), 40);
    jobs.close().await;
    assert_eq!(start.elapsed().as_secs(), 50);
    assert!((&mut purging).now_or_never().is_none());
    other.execute_batch("COMMIT").unwrap();
}

#[tokio::test]
async fn lines_are_written_after_a_second_and_those_that_are_not_stay() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = EndpointPolicy { path: "/webhooks/train".to_owned(), policy: Policy::DEFAULT };
    let file = folder.path().join("webhooks.db");
    let store = Arc::new(SqliteStore::open(&file, vec![endpoint], 10, Access::Serve).unwrap());
    store.accept(vec![new(0, None, "{}")]).await.unwrap();
    let me = Uuid::now_v7();
    store.register(me, Duration::from_secs(60)).await.unwrap();
    let requests = [ClaimRequest { endpoint: 0, slots: 1 }];
    let claimed = store.complete_and_claim(me, &[], &requests).await.unwrap().claimed.remove(0);

    let (sender, unwritten) = mpsc::unbounded_channel();
    let claims = [claimed.fencing_token, claimed.fencing_token - 1];
    let [current, stale] = claims.map(|token| AttemptLog::new((claimed.id, token), sender.clone()));
    for log in [&current, &stale] {
        log.push(SystemTime::now(), Level::INFO, "training".to_owned());
    }
    let mut writer = LogWriter {
        store: Arc::clone(&store) as Arc<dyn Store>,
        unwritten,
        observers: JobsObservers::default(),
    };
    let stored = async || store.logs(claimed.id, None, 10).await.unwrap();
    let mut running = pin!(writer.run());
    assert!((&mut running).now_or_never().is_none());
    assert_eq!(stored().await, []);
    let written = async {
        while !current.unwritten().lines.is_empty() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        () = running => panic!("the writer has ended"),
        written = timeout(Duration::from_secs(60), written) => written.unwrap(),
    }
    let lines = stored().await;
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].position(), LogPosition { fence: claimed.fencing_token, number: 1 });
    assert_eq!(stale.close().lines.len(), 1);
    store.close().await;
}

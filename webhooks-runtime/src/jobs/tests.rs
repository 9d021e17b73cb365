//! Tests of the engine and its handle.

use std::thread;
use std::time::Duration;

use futures_util::FutureExt;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::time::Instant;
use uuid::Uuid;

use super::conformance::dead;
use super::inspect::DeliveryFilter;
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

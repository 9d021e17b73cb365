//! The end of a server.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tests::background::{Place, accepted};
use tests::client::{PATIENCE, connect};
use webhooks_runtime::{WebhooksServer, webhook_endpoint};

use super::{posting, until};

/// Counts when it is dropped.
struct Dropping;

impl Drop for Dropping {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::SeqCst);
    }
}

static BEGUN: AtomicUsize = AtomicUsize::new(0);
static DROPPED: AtomicUsize = AtomicUsize::new(0);

#[webhook_endpoint(background)]
async fn endless_task() {
    let _dropping = Dropping;
    BEGUN.fetch_add(1, Ordering::SeqCst);
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_stop_has_one_deadline_for_functions_and_background_deliveries() {
    const LIMIT: Duration = Duration::from_secs(4);
    async fn endless() {
        let _dropping = Dropping;
        BEGUN.fetch_add(1, Ordering::SeqCst);
        std::future::pending::<()>().await;
    }
    let place = Place::file();
    let server = WebhooksServer::empty()
        .endpoint(endless_task::endpoint())
        .add_webhook("endless", endless)
        .store(place.store())
        .shutdown_timeout(LIMIT);
    let server = server.port(0).start().await.unwrap();
    let url = server.local_url().to_owned();
    let mut client = connect(&url).unwrap();
    client.write_all(posting("/webhooks/endless").as_bytes()).unwrap();
    let id = accepted(&url, "endless_task", None, 0);
    until("both run", || BEGUN.load(Ordering::SeqCst) == 2);
    // One after the other would take twice as long.
    tokio::time::timeout(LIMIT * 2, server.stop()).await.unwrap();
    assert_eq!(DROPPED.load(Ordering::SeqCst), 2);
    assert!(connect(&url).is_err(), "the port is closed");
    let released = place.delivery(&id);
    assert_eq!((released.state, released.error), ("queued", None));
}

static RUNS: AtomicUsize = AtomicUsize::new(0);
static ENDS: AtomicUsize = AtomicUsize::new(0);

/// Never ends the first time.
#[webhook_endpoint(background)]
async fn second_time() {
    if RUNS.fetch_add(1, Ordering::SeqCst) == 0 {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    ENDS.fetch_add(1, Ordering::SeqCst);
}

#[tokio::test]
async fn a_server_that_ends_by_itself_lets_its_background_deliveries_end() {
    let place = Place::file();
    let server = || {
        let server = WebhooksServer::empty().endpoint(second_time::endpoint());
        server.store(place.store()).port(0).workers(1)
    };
    let first = server().shutdown_timeout(Duration::from_millis(100)).start().await.unwrap();
    let id = accepted(first.local_url(), "second_time", None, 0);
    until("it runs", || RUNS.load(Ordering::SeqCst) == 1);
    first.stop().await;
    assert_eq!(place.delivery(&id).state, "queued");

    // Its worker's thread ends while the function runs.
    let second = server().configure(|_| {
        if std::thread::current().name().is_some_and(|name| name.starts_with("webhooks-worker")) {
            until("it runs again", || RUNS.load(Ordering::SeqCst) == 2);
            panic!("the app of a test cannot be set up");
        }
    });
    let second = second.start().await.unwrap();
    tokio::time::timeout(PATIENCE, second.wait()).await.unwrap();
    assert_eq!(ENDS.load(Ordering::SeqCst), 1);
    assert_eq!(place.delivery(&id).state, "done");
}

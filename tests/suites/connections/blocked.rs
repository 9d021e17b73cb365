//! Functions that block their thread.

use std::collections::{HashMap, HashSet};
use std::io::{ErrorKind, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tests::client::{connect, post, read_answer};
use tests::program::Program;
use tests::programs::slow;
use webhooks_runtime::WebhooksServer;

use super::{posting, until};

#[test]
fn a_function_that_blocks_its_thread_is_named_while_it_does() {
    let program = Program::start(&slow(), &["--port", "0"], &[]).unwrap();
    let mut client = connect(&program.local_url()).unwrap();
    client.write_all(posting("/webhooks/blocks").as_bytes()).unwrap();
    let _ = program.wait_for("blocks started");
    let line = program.wait_for_log("blocks its thread");
    assert!(line.contains("WARN") && line.contains("endpoint=\"/webhooks/blocks\""), "{line}");
    // It is still running.
    client.set_nonblocking(true).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    let _ = program.kill();
}

#[tokio::test]
async fn requests_that_waited_behind_a_blocked_thread_are_told_to_come_again() {
    const BLOCKED: Duration = Duration::from_secs(4);
    async fn blocking() {
        std::thread::sleep(BLOCKED);
    }
    let server = WebhooksServer::empty()
        .add_webhook("blocking", blocking)
        .add_webhook("hello", async || "hello");
    let server = server.request_timeout(Duration::from_secs(2)).port(0).workers(1);
    let server = server.start().await.unwrap();
    let url = server.local_url().to_owned();
    // One that is used, and one that has sent nothing when the thread is blocked.
    let mut used = connect(&url).unwrap();
    used.write_all(posting("/webhooks/hello").as_bytes()).unwrap();
    assert_eq!(read_answer(&mut used).unwrap().status, 200);
    let mut fresh = connect(&url).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let mut blocking = connect(&url).unwrap();
    blocking.write_all(posting("/webhooks/blocking").as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    for stream in [&mut used, &mut fresh] {
        stream.write_all(posting("/webhooks/hello").as_bytes()).unwrap();
    }
    assert_eq!(read_answer(&mut blocking).unwrap().status, 200);
    for stream in [&mut used, &mut fresh] {
        let answer = read_answer(stream).unwrap();
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("10")), "{answer:?}");
    }
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(post(&url, "/webhooks/hello", "{}").unwrap().status, 200);
    server.stop().await;
}

/// Blocks its thread until the test releases it.
mod gate {
    use super::*;

    static STARTED: AtomicBool = AtomicBool::new(false);
    static IS_OPEN: AtomicBool = AtomicBool::new(false);

    pub(super) async fn blocking() {
        STARTED.store(true, Ordering::Relaxed);
        while !IS_OPEN.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(super) fn has_started() -> bool {
        STARTED.load(Ordering::Relaxed)
    }

    pub(super) fn open() {
        IS_OPEN.store(true, Ordering::Relaxed);
    }
}

/// The name of the thread that serves the request.
async fn thread_name() -> String {
    std::thread::current().name().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn new_connections_go_past_a_worker_whose_thread_is_blocked() {
    let server = WebhooksServer::empty()
        .add_webhook("blocking", gate::blocking)
        .add_webhook("thread", thread_name);
    let server = server.port(0).workers(2).start().await.unwrap();
    let url = server.local_url().to_owned();
    let mut blocking = connect(&url).unwrap();
    blocking.write_all(posting("/webhooks/blocking").as_bytes()).unwrap();
    until("the function runs", gate::has_started);
    for _ in 0..20 {
        assert_eq!(post(&url, "/webhooks/thread", "{}").unwrap().status, 200);
    }
    blocking.set_nonblocking(true).unwrap();
    assert_eq!(blocking.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    blocking.set_nonblocking(false).unwrap();
    gate::open();
    assert_eq!(read_answer(&mut blocking).unwrap().status, 200);
    // Its thread gets connections again.
    let mut threads = HashSet::new();
    until("both threads serve", || {
        threads.insert(post(&url, "/webhooks/thread", "{}").unwrap().body);
        threads.len() == 2
    });
    server.stop().await;
}

#[tokio::test]
async fn connections_are_spread_evenly_over_the_workers() {
    let server = WebhooksServer::empty().add_webhook("thread", thread_name);
    let server = server.port(0).workers(4).start().await.unwrap();
    let mut clients: Vec<_> = (0..64).map(|_| connect(server.local_url()).unwrap()).collect();
    let mut served: HashMap<String, usize> = HashMap::new();
    for client in &mut clients {
        client.write_all(posting("/webhooks/thread").as_bytes()).unwrap();
        *served.entry(read_answer(client).unwrap().body).or_default() += 1;
    }
    // 16 each, unless the system gives a thread no time at all.
    assert!(served.len() == 4 && served.values().all(|&count| count >= 8), "{served:?}");
    server.stop().await;
}

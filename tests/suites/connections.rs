//! Connections: what happens to a delivery whose client goes away, and how little a client that sends or
//! reads nothing can hold.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use std::collections::{HashMap, HashSet};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use socket2::SockRef;
use tests::background::{Place, accepted};
use tests::client::{PATIENCE, connect, get, head, post, read_answer};
use tests::program::{Program, build};
use webhooks_runtime::{HttpResponse, WebhooksServer, webhook_endpoint};

fn slow() -> PathBuf {
    build("fixture-slow", "dev")
}

/// Waits until `condition` holds.
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Closes a connection the hard way, as a crashed client's system does.
fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
}

fn posting(path: &str) -> String {
    head(&format!("POST {path}"), &["Content-Length: 2"]) + "{}"
}

// ---- clients that go away

#[test]
fn a_function_whose_client_resets_the_connection_runs_to_its_end_and_leaves_one_line() {
    let program = Program::start(&slow(), &["--port", "0"], &[]).unwrap();
    let mut client = connect(&program.local_url()).unwrap();
    client.write_all(posting("/webhooks/second").as_bytes()).unwrap();
    let _ = program.wait_for("second started");
    reset(client);
    let _ = program.wait_for("second ended");
    let line = program.wait_for_log("endpoint=\"/webhooks/second\"");
    assert!(line.contains("status=200") && line.contains("client=\"disconnected\""), "{line}");
    // A client that stays leaves a line that says nothing of it.
    assert_eq!(post(&program.local_url(), "/webhooks/panics", "{}").unwrap().status, 500);
    let line = program.wait_for_log("endpoint=\"/webhooks/panics\" status=500");
    assert!(!line.contains("client="), "{line}");
    let ended = program.stop();
    assert_eq!(
        ended.stderr.matches("endpoint=\"/webhooks/second\"").count(),
        1,
        "{}",
        ended.stderr
    );
}

#[test]
fn a_shutdown_waits_for_a_function_whose_client_is_gone() {
    let program = Program::start(&slow(), &["--port", "0"], &[]).unwrap();
    let mut client = connect(&program.local_url()).unwrap();
    client.write_all(posting("/webhooks/second").as_bytes()).unwrap();
    let _ = program.wait_for("second started");
    reset(client);
    let ended = program.stop();
    assert_eq!(ended.code, Some(0));
    assert!(ended.stdout.contains("second ended"), "{}", ended.stdout);
    assert!(ended.stderr.contains("status=200"), "{}", ended.stderr);
}

#[test]
fn a_body_whose_client_goes_away_half_way_is_one_line() {
    let program = Program::start(&slow(), &["--port", "0"], &[]).unwrap();
    let mut client = connect(&program.local_url()).unwrap();
    let half = head("POST /webhooks/second", &["Content-Length: 1000"]) + "{";
    client.write_all(half.as_bytes()).unwrap();
    // Its head is read by now, or never.
    std::thread::sleep(Duration::from_millis(200));
    reset(client);
    let line = program.wait_for_log("endpoint=\"/webhooks/second\"");
    assert!(line.contains("status=400 reason=\"The body is incomplete or malformed.\""), "{line}");
    assert!(line.contains("client=\"disconnected\""), "{line}");
    let _ = program.stop();
}

// ---- clients that read nothing

/// More than the system buffers for a client that does not read.
const LARGE: usize = 64 * 1024 * 1024;

/// Writes until nothing more is taken, and then waits for the end of the connection.
fn write_without_reading(mut stream: TcpStream, bytes: &str) -> Duration {
    stream.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        match stream.write(bytes.as_bytes()) {
            Ok(_) => std::thread::sleep(Duration::from_millis(10)),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    started.elapsed()
}

#[tokio::test]
async fn a_client_that_reads_no_response_is_cut_off() {
    async fn large() -> HttpResponse {
        HttpResponse::Ok().body(vec![b'x'; LARGE])
    }
    async fn medium() -> HttpResponse {
        HttpResponse::Ok().body(vec![b'x'; 12 * 1024])
    }
    async fn nothing() -> HttpResponse {
        HttpResponse::NoContent().finish()
    }
    async fn running() {
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    let server = WebhooksServer::empty()
        .add_webhook("large", large)
        .add_webhook("medium", medium)
        .add_webhook("nothing", nothing)
        .add_webhook("running", running);
    let server = server.request_timeout(Duration::from_secs(1)).port(0).start().await.unwrap();
    let cases = [
        ("one large response", posting("/webhooks/large")),
        (
            "small ones without end",
            posting("/webhooks/large") + &posting("/webhooks/nothing").repeat(500),
        ),
        ("those of a medium size", posting("/webhooks/medium").repeat(500)),
        (
            "a function behind a large one",
            posting("/webhooks/large") + &posting("/webhooks/running"),
        ),
    ];
    let clients = cases.map(|(name, bytes)| {
        let stream = connect(server.local_url()).unwrap();
        // Little room here, so that the server notices soon.
        SockRef::from(&stream).set_recv_buffer_size(4096).unwrap();
        (name, std::thread::spawn(move || write_without_reading(stream, &bytes)))
    });
    for (name, client) in clients {
        let held = client.join().unwrap();
        assert!(held < PATIENCE, "{name}: {held:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_slow_reader_gets_all_of_a_large_response() {
    async fn large() -> HttpResponse {
        HttpResponse::Ok().body(vec![b'x'; LARGE])
    }
    let server = WebhooksServer::empty().add_webhook("large", large);
    let server = server.request_timeout(Duration::from_secs(1)).port(0).start().await.unwrap();
    let mut stream = connect(server.local_url()).unwrap();
    stream.write_all(posting("/webhooks/large").as_bytes()).unwrap();
    let mut received = 0;
    let mut buffer = vec![0; LARGE / 8];
    while received < LARGE {
        // Takes longer in all than the server waits for the next bytes.
        std::thread::sleep(Duration::from_millis(300));
        let mut piece = 0;
        while piece < buffer.len() && received + piece < LARGE {
            match stream.read(&mut buffer[piece..]).unwrap() {
                0 => break,
                read => piece += read,
            }
        }
        assert_ne!(piece, 0, "ended after {received} bytes");
        received += piece;
    }
    server.stop().await;
}

// ---- functions that block their thread

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

// ---- connections between requests

#[tokio::test]
async fn a_connection_may_pause_as_long_as_proxies_let_it() {
    let server = WebhooksServer::empty().add_webhook("hello", async || "hello");
    let server = server.request_timeout(Duration::from_secs(1)).port(0).start().await.unwrap();
    let mut stream = connect(server.local_url()).unwrap();
    for pause in [0, 8] {
        std::thread::sleep(Duration::from_secs(pause));
        stream.write_all(posting("/webhooks/hello").as_bytes()).unwrap();
        assert_eq!(read_answer(&mut stream).unwrap().status, 200, "after {pause} s");
    }
    server.stop().await;
}

// ---- the end of a server

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

#[cfg(target_os = "linux")]
mod descriptors {
    use super::*;

    fn open(program: &Program) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", program.id())).unwrap().count()
    }

    #[test]
    fn a_connection_takes_one_descriptor_and_gives_it_back_at_its_end() {
        const CLIENTS: usize = 40;
        let program = Program::start(&slow(), &["--port", "0"], &[]).unwrap();
        let url = program.local_url();
        // Some descriptors are opened by the first request, and stay.
        assert_eq!(post(&url, "/webhooks/fails", "{}").unwrap().status, 500);
        let before = open(&program);
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let mut stream = connect(&url).unwrap();
                stream.write_all(head("GET /nowhere", &[]).as_bytes()).unwrap();
                assert_eq!(read_answer(&mut stream).unwrap().status, 404);
                stream
            })
            .collect();
        let each = (open(&program) - before) as f64 / CLIENTS as f64;
        assert!(each < 1.5, "{each} for each connection");
        drop(clients);
        until("all descriptors are given back", || open(&program) <= before);
        let _ = program.stop();
    }

    #[test]
    fn a_connection_too_many_is_rejected_in_words_and_one_line() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "ulimit -n 256 && exec \"$0\" --port 0"]).arg(slow()).env_clear();
        let program = Program::spawn(shell.env("GRADIO_SHARE", "false")).unwrap();
        let url = program.local_url();
        let mut clients = Vec::new();
        let rejected = loop {
            assert!(clients.len() < 256, "no connection was rejected");
            let mut stream = connect(&url).unwrap();
            stream.write_all(head("GET /nowhere", &[]).as_bytes()).unwrap();
            let answer = read_answer(&mut stream).unwrap();
            if answer.status != 404 {
                break answer;
            }
            clients.push(stream);
        };
        assert!(clients.len() > 100, "{}", clients.len());
        assert_eq!(rejected.status, 503);
        assert_eq!(rejected.header("retry-after"), Some("10"));
        assert!(rejected.json()["error"].is_string(), "{}", rejected.body);
        // The ones that are open are served, and so is a new one when there is room.
        clients[0].write_all(head("GET /nowhere", &[]).as_bytes()).unwrap();
        assert_eq!(read_answer(&mut clients[0]).unwrap().status, 404);
        clients.truncate(10);
        until("there is room again", || get(&url, "/nowhere").is_ok_and(|a| a.status == 404));
        let ended = program.stop();
        assert_eq!(
            ended.stderr.matches("too many open connections").count(),
            1,
            "{}",
            ended.stderr
        );
    }

    #[test]
    fn a_server_without_descriptors_accepts_again_when_there_are_some() {
        let mut shell = Command::new("sh");
        // What the threads of the workers hold leaves too few for as many connections as may be open.
        let limited = "ulimit -n 80 && exec \"$0\" --port 0 --workers 12";
        shell.args(["-c", limited]).arg(slow()).env_clear();
        let program = Program::spawn(shell.env("GRADIO_SHARE", "false")).unwrap();
        let url = program.local_url();
        let clients: Vec<_> = (0..80).map(|_| connect(&url).unwrap()).collect();
        let line = program.wait_for_log("cannot accept connections at the moment");
        assert!(line.contains("ERROR") && line.contains("open files"), "{line}");
        drop(clients);
        until("it accepts again", || get(&url, "/nowhere").is_ok_and(|a| a.status == 404));
        let ended = program.stop();
        assert_eq!(ended.stderr.matches("cannot accept").count(), 1, "{}", ended.stderr);
    }
}

//! Clients that go away, and connections that pause.

use std::io::Write;
use std::time::Duration;

use tests::client::{connect, head, post, read_answer};
use tests::program::Program;
use tests::programs::slow;
use webhooks_runtime::WebhooksServer;

use super::{posting, reset};

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

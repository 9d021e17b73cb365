//! A collector that does not take what is sent to it.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use tests::collector::Collector;
use tests::program::Program;
use tests::programs::quickstart;

use super::{post_with, sending_to};

const BODY: &str =
    r#"{"event":{"action":"update","scope":"repo"},"repo":{"type":"model","name":"a/b"}}"#;

fn start(variables: &[(&str, &str)]) -> Program {
    Program::start(&quickstart(), &["--port", "0"], variables).unwrap()
}

#[test]
fn a_collector_that_hangs_delays_neither_requests_nor_the_shutdown_for_long() {
    // Accepts connections, and never responds.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let program = start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "64"),
    ]);
    let url = program.local_url();
    let started = Instant::now();
    for _ in 0..300 {
        let _ = post_with(&url, "trigger_training", &[], BODY);
    }
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    let stopped = Instant::now();
    let ended = program.stop();
    assert!(stopped.elapsed() < Duration::from_secs(6), "{:?}", stopped.elapsed());
    assert_eq!(ended.code, Some(0));
    assert!(ended.stderr.contains("the last traces were not sent"), "{}", ended.stderr);
}

#[test]
fn a_full_queue_is_logged_once() {
    // Accepts connections, and never responds.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let program = start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "1"),
    ]);
    let url = program.local_url();
    // The first is being sent, and one waits.
    for _ in 0..20 {
        let _ = post_with(&url, "trigger_training", &[], BODY);
    }
    let line = program.wait_for_log("the queue of spans is full");
    assert!(line.contains("OTEL_BSP_MAX_QUEUE_SIZE") && line.contains("dropped="), "{line}");
    let ended = program.stop();
    assert_eq!(ended.stderr.matches("queue of spans is full").count(), 1, "{}", ended.stderr);
}

#[test]
fn an_outage_is_logged_once_and_so_is_its_end() {
    let collector = Collector::start();
    collector.respond_with(403);
    let program = start(&sending_to(&collector));
    let url = program.local_url();
    for batches in 1..=3 {
        let _ = post_with(&url, "trigger_training", &[], BODY);
        tests::background::wait_until("a batch", || collector.batches().len() >= batches);
    }
    collector.respond_with(200);
    let _ = post_with(&url, "trigger_training", &[], BODY);
    let _ = program.wait_for_log("traces are sent again");
    let ended = program.stop();
    assert_eq!(ended.stderr.matches("traces cannot be sent").count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("403") && !ended.stderr.contains("no spans today"));
}

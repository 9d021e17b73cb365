//! How a program shuts down.

use std::io::Write;

use nix::sys::signal::Signal;
use tests::client::{connect, head, read_answer};
use tests::programs::slow;

use super::start;

#[test]
fn a_signal_lets_the_running_delivery_end_and_takes_no_other() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let program = start(&slow(), &["--port", "0"], &[]);
        let url = program.local_url();
        let mut idle = connect(&url).unwrap();
        idle.write_all(head("GET /", &[]).as_bytes()).unwrap();
        read_answer(&mut idle).unwrap();
        let mut running = connect(&url).unwrap();
        let bytes = head("POST /webhooks/second", &["Content-Length: 2"]) + "{}";
        running.write_all(bytes.as_bytes()).unwrap();
        let _ = program.wait_for("second started");
        program.signal(signal).unwrap();
        let _ = program.wait_for_log("Shutting down");
        let answer = read_answer(&mut running).unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (200, "\"done\""));
        let ended = program.wait();
        assert_eq!(ended.code, Some(0), "{signal}");
        assert!(connect(&url).is_err(), "the port is closed");
    }
}

#[test]
fn what_runs_longer_than_the_limit_is_not_waited_for() {
    let program = start(&slow(), &["--port", "0"], &[("SHUTDOWN_SECONDS", "1")]);
    let url = program.local_url();
    let mut running = connect(&url).unwrap();
    let bytes = head("POST /webhooks/hour", &["Content-Length: 2"]) + "{}";
    running.write_all(bytes.as_bytes()).unwrap();
    let _ = program.wait_for("hour started");
    let ended = program.stop();
    assert_eq!(ended.code, Some(0));
    let line =
        ended.stderr.lines().find(|line| line.contains("the shutdown timeout is over")).unwrap();
    assert!(line.contains("count=1 endpoints=\"/webhooks/hour (1)\""), "{line}");
}

#[test]
fn a_thread_that_is_blocked_does_not_hold_up_the_end() {
    let program = start(&slow(), &["--port", "0"], &[("SHUTDOWN_SECONDS", "1")]);
    let mut running = connect(&program.local_url()).unwrap();
    let bytes = head("POST /webhooks/blocks", &["Content-Length: 2"]) + "{}";
    running.write_all(bytes.as_bytes()).unwrap();
    let _ = program.wait_for("blocks started");
    let ended = program.stop();
    assert_eq!(ended.code, Some(0));
    assert!(!ended.stdout.contains("blocks ended"), "{}", ended.stdout);
    assert!(ended.stderr.contains("endpoints=\"/webhooks/blocks (1)\""), "{}", ended.stderr);
}

#[test]
fn a_second_signal_stops_at_once() {
    for path in ["/webhooks/hour", "/webhooks/blocking_hour"] {
        let program = start(&slow(), &["--port", "0"], &[("SHUTDOWN_SECONDS", "3600")]);
        let url = program.local_url();
        let mut running = connect(&url).unwrap();
        let bytes = head(&format!("POST {path}"), &["Content-Length: 2"]) + "{}";
        running.write_all(bytes.as_bytes()).unwrap();
        let _ = program.wait_for("hour started");
        program.signal(Signal::SIGINT).unwrap();
        let _ = program.wait_for_log("Shutting down");
        program.signal(Signal::SIGINT).unwrap();
        assert_eq!(program.wait().code, Some(0));
    }
}

//! The log.

use std::io::{Read, Write};

use serde_json::json;
use tests::client::{PATIENCE, connect, head, post, read_answer, request};
use tests::payloads::dataset_commit;
use tests::programs::{quickstart, slow};

use super::start;

#[test]
fn a_payload_that_differs_from_the_documentation_leaves_one_warning() {
    let program = start(&quickstart(), &["--port", "0"], &[]);
    let url = program.local_url();
    let body = json!({
        "event": { "action": "create", "scope": "discussion" },
        "repo": { "type": "model", "name": "acme/tiny-model", "private": false, "url": null },
        "discussion": {
            "id": "1", "num": 7, "title": "s3cret", "author": "s3cret",
            "url": { "web": "https://huggingface.co/acme/tiny-model/discussions/7" },
            "isPullRequest": false, "status": "open"
        },
        "webhook": { "id": "2", "version": 3 }
    });
    let first = "POST /webhooks/trigger_training";
    let answer = request(&url, first, &["Webhook-Id: 7f3a"], &body.to_string()).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    request(&url, first, &["Webhook-Id: 7f3b"], &dataset_commit().to_string()).unwrap();
    let _ = program.wait_for_log("webhook_id=\"7f3b\"");
    let stderr = program.stop().stderr;
    let warnings: Vec<_> = stderr
        .lines()
        .filter(|line| line.contains("differs from the Hub's documentation"))
        .collect();
    let [warning] = warnings[..] else { panic!("{stderr}") };
    for part in [
        "WARN",
        "endpoint=\"/webhooks/trigger_training\"",
        "webhook_id=\"7f3a\"",
        "missing=\"repo.id, repo.url, repo.owner\"",
        "dropped=\"discussion.author\"",
    ] {
        assert!(warning.contains(part), "{part}: {warning}");
    }
    assert!(!stderr.contains("s3cret"), "{stderr}");
}

#[test]
fn each_delivery_is_one_line_on_standard_error() {
    let program = start(&quickstart(), &["--port", "0"], &[]);
    let url = program.local_url();
    let first = "POST /webhooks/trigger_training";
    request(&url, first, &["Webhook-Id: 7f3a"], &dataset_commit().to_string()).unwrap();
    request(&url, first, &[], "{}").unwrap();
    let mut forged = dataset_commit();
    forged["repo"]["name"] = json!("x\n2026 INFO forged line\u{1b}[31m");
    request(&url, first, &["Webhook-Id: forged"], &forged.to_string()).unwrap();
    let line = program.wait_for_log("webhook_id=\"7f3a\" event=");
    for part in [
        "INFO",
        "endpoint=\"/webhooks/trigger_training\"",
        "event=\"update repo.content\"",
        "repo=\"openai/gsm8k\"",
        "status=200",
        "duration=",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    let line = program.wait_for_log("status=422");
    assert!(line.contains("reason=\"body.event"), "{line}");
    let _ = program.wait_for_log("webhook_id=\"forged\" event=");
    let ended = program.stop();
    assert!(!ended.stderr.contains('\u{1b}'), "{}", ended.stderr);
    assert!(!ended.stderr.lines().any(|line| line.starts_with("2026 INFO")), "{}", ended.stderr);
    // The warning, the three lines, the one of the function for each of two, and the one about stopping.
    assert_eq!(ended.stderr.lines().count(), 7, "{}", ended.stderr);
}

#[test]
fn a_rejected_delivery_is_logged_with_the_reason() {
    let program = start(&slow(), &["--port", "0"], &[("WEBHOOK_SECRET", "hush")]);
    let url = program.local_url();
    let secret = "X-Webhook-Secret: hush";
    let form = "Content-Type: application/x-www-form-urlencoded";
    for (path, headers, status, reason) in [
        ("second", &[][..], 401, "x-webhook-secret header not set."),
        ("second", &["X-Webhook-Secret: s3cret"], 403, "Invalid webhook secret."),
        ("second", &[secret, form], 415, "A webhook endpoint accepts JSON, not a form."),
        ("rejects", &[secret], 409, "The function responded with this status."),
        ("busy", &[secret], 423, "the model is being trained\\nalready\""),
    ] {
        let first = format!("POST /webhooks/{path}");
        assert_eq!(request(&url, &first, headers, "{}").unwrap().status, status);
        let line = program.wait_for_log(&format!("status={status}"));
        assert!(line.contains(&format!("reason=\"{reason}")), "{line}");
    }
    assert!(!program.stop().stderr.contains("s3cret"));
}

/// How many lines of the log hold `text`.
fn lines_with(log: &str, text: &str) -> usize {
    log.lines().filter(|line| line.contains(text)).count()
}

#[test]
fn strangers_cause_a_few_lines_and_one_with_their_count() {
    const REQUESTS: usize = 1000;
    let program = start(&slow(), &["--port", "0"], &[("WEBHOOK_SECRET", "hush")]);
    let url = program.local_url();
    let post = |secret: &str, path: &str, body: &str| {
        let secret = format!("X-Webhook-Secret: {secret}");
        request(&url, &format!("POST /webhooks/{path}"), &[&secret], body).unwrap().status
    };
    for _ in 0..REQUESTS / 2 {
        assert_eq!(post("s3cret", "second", "{}"), 403);
    }
    assert_eq!(post("hush", "second", "{}"), 200);
    for _ in 0..REQUESTS / 2 {
        assert_eq!(post("s3cret", "second", "{}"), 403);
    }
    // The right secret is no stranger's.
    for _ in 0..30 {
        assert_eq!(post("hush", "panics_with", "no JSON"), 422);
    }
    let log = program.stop().stderr;
    assert_eq!(lines_with(&log, "reason=\"Invalid webhook secret.\""), 10, "{log}");
    let rest = log.lines().find(|line| line.contains("further rejected requests")).unwrap();
    assert!(rest.contains("status=403 count=990"), "{rest}");
    assert_eq!(lines_with(&log, "status=200"), 1, "{log}");
    assert_eq!(lines_with(&log, "status=422"), 30, "{log}");
}

#[test]
fn without_a_secret_everyone_is_a_stranger() {
    let program = start(&slow(), &["--port", "0"], &[]);
    let url = program.local_url();
    for _ in 0..30 {
        assert_eq!(post(&url, "/webhooks/panics_with", "no JSON").unwrap().status, 422);
    }
    let log = program.stop().stderr;
    assert_eq!(lines_with(&log, "status=422"), 11, "{log}");
    assert_eq!(lines_with(&log, "count=20"), 1, "{log}");
}

#[test]
fn rust_log_decides_what_is_logged() {
    let program = start(&quickstart(), &["--port", "0"], &[("RUST_LOG", "warn")]);
    let url = program.local_url();
    post(&url, "/webhooks/trigger_training", &dataset_commit().to_string()).unwrap();
    post(&url, "/webhooks/trigger_training", "{}").unwrap();
    let _ = program.wait_for_log("status=422");
    assert!(!program.stop().stderr.contains("status=200"));
}

#[test]
fn a_failure_is_logged_with_its_causes_and_a_panic_with_its_words() {
    let program = start(&slow(), &["--port", "0"], &[]);
    let url = program.local_url();
    for path in ["/webhooks/fails", "/webhooks/panics"] {
        assert_eq!(post(&url, path, "{}").unwrap().status, 500);
    }
    let line = program.wait_for_log("the function failed");
    assert!(line.contains("the training failed: the disk is full"), "{line}");
    assert!(line.contains("endpoint=\"/webhooks/fails\""), "{line}");
    let line = program.wait_for_log("the function panicked");
    assert!(line.contains("oh no"), "{line}");
    assert_eq!(program.stop().code, Some(0));
}

#[test]
fn a_response_after_the_hub_s_30_seconds_is_warned_of() {
    let program = start(&slow(), &["--port", "0"], &[]);
    let url = program.local_url();
    let mut stream = connect(&url).unwrap();
    stream.set_read_timeout(Some(3 * PATIENCE)).unwrap();
    let bytes = head("POST /webhooks/late", &["Webhook-Id: late", "Content-Length: 2"]) + "{}";
    stream.write_all(bytes.as_bytes()).unwrap();
    assert_eq!(read_answer(&mut stream).unwrap().status, 200);
    let line = program.wait_for_log("the Hub has given up on this delivery");
    assert!(line.contains(" WARN ") && line.contains("webhook_id=\"late\""), "{line}");
    assert!(line.contains("#[webhook_endpoint(background)]"), "{line}");
    assert_eq!(program.stop().stderr.matches("has given up").count(), 1);
}

#[test]
fn what_comes_from_outside_is_one_line_and_gives_a_terminal_no_orders() {
    let name = "a\n2026 ERROR forged\r\u{1b}[2J\u{9b}2J\u{202e}b\u{2028}c";
    let body = json!({ "repo": { "name": name } }).to_string();
    for path in ["panics_with", "panics_blocking", "panics_elsewhere", "fails_with"] {
        let program = start(&slow(), &["--port", "0"], &[]);
        let url = program.local_url();
        let answer = post(&url, &format!("/webhooks/{path}"), &body).unwrap();
        assert_eq!(answer.status, if path == "panics_elsewhere" { 200 } else { 500 });
        let line = program.wait_for_log("cannot train on a\\n2026 ERROR forged\\");
        assert!(line.contains(" ERROR "), "{line}");
        if path != "fails_with" {
            assert!(line.contains("src/main.rs:"), "{line}");
        }
        let log = program.stop().stderr;
        assert_eq!(log.matches("cannot train on").count(), 1, "once: {log}");
        let orders = ['\r', '\u{1b}', '\u{9b}', '\u{202e}', '\u{2028}'];
        assert!(!log.contains(orders), "{path}: {log:?}");
        assert!(!log.lines().any(|line| line.starts_with("2026 ERROR")), "{path}: {log}");
    }
}

#[test]
fn a_panic_hook_of_the_program_is_kept() {
    let program = start(&slow(), &["--port", "0"], &[("OWN_HOOK", "1")]);
    assert_eq!(post(&program.local_url(), "/webhooks/panics", "{}").unwrap().status, 500);
    let _ = program.wait_for_log("the program's own hook");
    let line = program.wait_for_log("the function panicked");
    assert!(line.contains("oh no"), "{line}");
    program.stop();
}

#[test]
fn what_is_no_http_leaves_no_log_lines_unless_they_are_asked_for() {
    let scan = |url: &str| {
        for _ in 0..20 {
            let mut stream = connect(url).unwrap();
            stream.write_all(b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n").unwrap();
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            assert!(answer.starts_with(b"HTTP/1.1 400"), "{answer:?}");
        }
    };
    let program = start(&quickstart(), &["--port", "0"], &[]);
    scan(&program.local_url());
    let ended = program.stop();
    // The warning about the API, and the line about stopping.
    assert_eq!(ended.stderr.lines().count(), 2, "{}", ended.stderr);
    let program = start(&quickstart(), &["--port", "0"], &[("RUST_LOG", "debug")]);
    scan(&program.local_url());
    let _ = program.wait_for_log("stream error");
    program.stop();
}

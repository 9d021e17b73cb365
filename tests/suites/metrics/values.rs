//! The values of the metrics, and what is in none of them.

use std::collections::BTreeSet;

use tests::background::{Place, accepted, deliver};
use tests::client::{post, request};
use tests::program::Program;
use tests::programs::{filtered, secrets};

use super::scrape::Scrape;
use super::{metrics_url, scrape_until};

#[test]
fn nothing_from_a_request_is_in_the_metrics() {
    let arguments = ["--port", "0", "--metrics-port", "0"];
    let variables = [("TEAM_WATCH", "model:me/tiny")];
    let program = Program::start(&filtered(), &arguments, &variables).unwrap();
    let (url, metrics) = (program.local_url(), metrics_url(&program));
    let paths: BTreeSet<_> = Scrape::of(&metrics)
        .samples
        .iter()
        .filter_map(|sample| sample.labels.get("endpoint").cloned())
        .collect();
    assert!(paths.len() > 1, "{paths:?}");
    let body = r#"{"event":{"action":"update","scope":"repo.content"},"repo":{"type":"dataset",
        "name":"private-name/of-a-repo","id":"1"},"updatedRefs":[{"ref":"refs/heads/private-name","oldSha":"1","newSha":"2"}]}"#;
    let headers = ["Content-Type: application/json", "Webhook-Id: private-name"];
    for path in &paths {
        for body in [body, "private-name", r#"{"private-name":1}"#] {
            let first = format!("POST {path}?private-name=private-name");
            let _ = request(&url, &first, &headers, body).unwrap();
        }
    }
    let _ = post(&url, "/webhooks/private-name", body).unwrap();
    let scrape = Scrape::of(&metrics);
    assert!(!scrape.text.contains("private-name"), "{}", scrape.text);
    let of_name = |name: &str| {
        let samples = scrape.samples.iter().filter(|sample| sample.name == name);
        samples.map(|sample| sample.value).sum::<f64>()
    };
    let requests = 3.0 * paths.len() as f64;
    assert_eq!(of_name("webhooks_deliveries_total"), requests, "{}", scrape.text);
    assert_eq!(of_name("webhooks_delivery_duration_seconds_count"), requests);
    for sample in &scrape.samples {
        let path = sample.labels.get("endpoint");
        assert!(path.is_none_or(|path| paths.contains(path)), "{sample:?}");
    }
    program.stop();
}

#[test]
fn each_rejection_has_its_reason() {
    let variables = [("WEBHOOK_SECRET", "hush"), ("TRAINING_SECRET", "other")];
    let arguments = ["--port", "0", "--metrics-port", "0"];
    let program = Program::start(&secrets(), &arguments, &variables).unwrap();
    let (url, metrics) = (program.local_url(), metrics_url(&program));
    let path = "/webhooks/evaluation";
    let send = |headers: &[&str], body: &str| {
        request(&url, &format!("POST {path}"), headers, body).unwrap().status
    };
    let right = "X-Webhook-Secret: hush";
    assert_eq!(send(&[], "{}"), 401);
    assert_eq!(send(&["X-Webhook-Secret: loud"], "{}"), 403);
    assert_eq!(send(&[right, right], "{}"), 400);
    assert_eq!(send(&[right, "Content-Encoding: gzip"], "{}"), 415);
    assert_eq!(send(&[right, "Content-Type: multipart/form-data; boundary=x"], "{}"), 415);
    let scrape = Scrape::of(&metrics);
    let rejected = |reason: &str| {
        let labels = [("endpoint", path), ("outcome", "rejected"), ("reason", reason)];
        scrape.value("webhooks_deliveries_total", &labels)
    };
    for (reason, count) in [
        ("secret_missing", 1.0),
        ("forbidden", 1.0),
        ("bad_request", 1.0),
        ("unsupported_body", 2.0),
    ] {
        assert_eq!(rejected(reason), Some(count), "{reason}: {}", scrape.text);
    }
    program.stop();
}

/// Checks what is counted of background deliveries.
fn background_deliveries_are_counted_in(place: &Place) {
    let program = place.start(&[("WEBHOOKS_METRICS_PORT", "0")]);
    let (url, metrics) = (program.local_url(), metrics_url(&program));
    for (function, id) in [("quick", "1"), ("recovers", "2"), ("gives_up", "3"), ("fails", "4")] {
        let _ = accepted(&url, function, Some(id), 0);
    }
    // A duplicate.
    assert_eq!(deliver(&url, "quick", Some("1"), 0).unwrap().status, 200);
    // One runs, and one waits for it.
    let _ = accepted(&url, "alone", Some("5"), 3_600_000);
    let _ = accepted(&url, "alone", Some("6"), 0);
    let _ = accepted(&url, "busy", Some("7"), 0);
    // Logs a line, and runs.
    let _ = accepted(&url, "logs", Some("8"), 3_600_000);
    let path = |function: &str| format!("/webhooks/{function}");
    let attempts = |scrape: &Scrape, function: &str, result: &str| {
        let labels = [("endpoint", &*path(function)), ("result", result)];
        scrape.value("webhooks_background_attempts_total", &labels)
    };
    let count = |scrape: &Scrape, function: &str, state: &str| {
        let labels = [("endpoint", &*path(function)), ("state", state)];
        scrape.value("webhooks_background_deliveries", &labels)
    };
    let operation = |scrape: &Scrape, value: &str, operation: &str| {
        let name = format!("webhooks_store_operation_{value}");
        scrape.value(&name, &[("operation", operation)])
    };
    let scrape = scrape_until(&metrics, "all attempts", |scrape| {
        let ended = [("quick", "succeeded"), ("recovers", "succeeded"), ("gives_up", "dead")];
        let ended = ended.iter().chain([&("fails", "dead"), &("busy", "snoozed")]);
        ended.into_iter().all(|(function, result)| attempts(scrape, function, result) == Some(1.0))
            && count(scrape, "fails", "dead") == Some(1.0)
            && count(scrape, "alone", "running") == Some(1.0)
            && scrape.value("webhooks_background_oldest_due_seconds", &[]) > Some(0.0)
            && operation(scrape, "duration_seconds_count", "write_logs") > Some(0.0)
    });
    assert_eq!(attempts(&scrape, "recovers", "failed"), Some(1.0));
    assert_eq!(attempts(&scrape, "fails", "failed"), Some(2.0));
    for (function, state, expected) in [
        ("quick", "queued", 0.0),
        ("gives_up", "dead", 1.0),
        ("alone", "queued", 1.0),
        ("busy", "queued", 1.0),
        ("busy", "dead", 0.0),
        ("quick", "superseded", 0.0),
        ("quick", "cancelled", 0.0),
    ] {
        assert_eq!(count(&scrape, function, state), Some(expected), "{function} {state}");
    }
    let run = [("endpoint", "/webhooks/fails")];
    assert_eq!(scrape.value("webhooks_background_run_duration_seconds_count", &run), Some(3.0));
    let outcome = |outcome: &str| {
        let labels = [("endpoint", "/webhooks/quick"), ("outcome", outcome)];
        scrape.value("webhooks_deliveries_total", &labels)
    };
    assert_eq!((outcome("accepted"), outcome("duplicate")), (Some(1.0), Some(1.0)));
    for name in ["accept", "claim", "heartbeat", "query", "write_logs"] {
        for value in ["count", "sum"] {
            let value = operation(&scrape, &format!("duration_seconds_{value}"), name);
            assert!(value > Some(0.0), "{name}: {}", scrape.text);
        }
        let errors = scrape.value("webhooks_store_errors_total", &[("operation", name)]);
        assert_eq!(errors, Some(0.0), "{name}");
    }
    assert_eq!(scrape.value("webhooks_store_up", &[]), Some(1.0));

    assert_eq!(place.command(&["deliveries", "pause", "quick"], &[]).code, Some(0));
    let paused = [("endpoint", "/webhooks/quick")];
    let _ = scrape_until(&metrics, "paused", |scrape| {
        scrape.value("webhooks_background_paused", &paused) == Some(1.0)
    });
    program.kill();
}

#[test]
fn background_deliveries_are_counted() {
    background_deliveries_are_counted_in(&Place::file());
}

#[test]
#[ignore = "needs PostgreSQL"]
fn background_deliveries_in_postgresql_are_counted() {
    background_deliveries_are_counted_in(&Place::database());
}

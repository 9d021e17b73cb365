//! The metrics of background deliveries: each result of an attempt, each state, the run times, and what is in none of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Instant;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tests::background::{Place, accepted, deliver, id_of};
use tests::client::request;
use tests::hub::{TestHub, Trouble};
use tests::program::Program;
use tests::programs::acting;

use super::scrape::Scrape;
use super::{metrics_url, scrape_until};

const METRICS_PORT: (&str, &str) = ("WEBHOOKS_METRICS_PORT", "0");

tests::on_both_stores! {
    cancelled_and_superseded_deliveries_are_counted
    a_delivery_that_a_shutdown_releases_is_counted
    skipped_and_undecided_attempts_are_counted
    a_function_that_runs_after_its_timeout_is_counted_until_it_ends
    run_times_are_in_their_buckets
    nothing_from_a_background_delivery_is_in_the_metrics
}

/// Returns the number of attempts at deliveries for a function that had this result.
fn attempts(scrape: &Scrape, function: &str, result: &str) -> Option<f64> {
    let path = format!("/webhooks/{function}");
    let labels = [("endpoint", path.as_str()), ("result", result)];
    scrape.value("webhooks_background_attempts_total", &labels)
}

/// Returns the number of deliveries for a function in this state.
fn deliveries(scrape: &Scrape, function: &str, state: &str) -> Option<f64> {
    let path = format!("/webhooks/{function}");
    let labels = [("endpoint", path.as_str()), ("state", state)];
    scrape.value("webhooks_background_deliveries", &labels)
}

/// A payload of a repo with this name. The functions run for so many milliseconds, and log and fail with the name.
fn payload(repo: &str, milliseconds: u32) -> Value {
    json!({
        "event": { "action": "update", "scope": "repo.content" },
        "repo": { "type": "dataset", "name": repo, "id": repo },
        "updatedRefs": [{ "ref": format!("refs/heads/{repo}"), "oldSha": "1", "newSha": "2" }],
        "milliseconds": milliseconds,
        "error": repo,
        "text": repo,
        "lines": 1,
    })
}

/// Posts a payload that is accepted, with a `Webhook-Id`, and returns the id of the delivery.
fn post_payload(url: &str, function: &str, webhook_id: &str, payload: &Value) -> String {
    let id = format!("Webhook-Id: {webhook_id}");
    let headers = ["Content-Type: application/json", &id];
    let first = format!("POST /webhooks/{function}?{webhook_id}");
    let response = request(url, &first, &headers, &payload.to_string()).unwrap();
    assert_eq!(response.status, 202, "{function}: {response:?}");
    id_of(&response)
}

fn cancelled_and_superseded_deliveries_are_counted(place: &Place) {
    let program = place.start(&[METRICS_PORT]);
    let (url, metrics) = (program.local_url(), metrics_url(&program));
    let running = accepted(&url, "alone", None, 600_000);
    place.wait_for(&running, "running");
    let queued = accepted(&url, "alone", None, 0);
    for id in [&queued, &running] {
        assert_eq!(place.command(&["deliveries", "cancel", id], &[]).code, Some(0));
    }
    let older = post_payload(&url, "newest_only", "1", &payload("me/data", 600_000));
    place.wait_for(&older, "running");
    let _ = post_payload(&url, "newest_only", "2", &payload("me/data", 600_000));
    let scrape = scrape_until(&metrics, "cancelled and superseded", |scrape| {
        deliveries(scrape, "alone", "cancelled") == Some(2.0)
            && deliveries(scrape, "newest_only", "superseded") == Some(1.0)
            && attempts(scrape, "newest_only", "superseded") == Some(1.0)
    });
    // The queued delivery had no attempt.
    assert_eq!(attempts(&scrape, "alone", "cancelled"), Some(1.0));
    assert_eq!(attempts(&scrape, "newest_only", "cancelled"), Some(0.0));
    assert_eq!(deliveries(&scrape, "alone", "superseded"), Some(0.0));
    assert_eq!(deliveries(&scrape, "newest_only", "cancelled"), Some(0.0));
    program.kill();
}

fn a_delivery_that_a_shutdown_releases_is_counted(place: &Place) {
    let file = place.folder().join("on_dead ends");
    let program = place.start(&[
        METRICS_PORT,
        ("SHUTDOWN_SECONDS", "1"),
        ("ON_DEAD", "waits for a file"),
        ("ON_DEAD_FILE", file.to_str().unwrap()),
    ]);
    let (url, metrics) = (program.local_url(), metrics_url(&program));
    let id = accepted(&url, "alone", None, 600_000);
    place.wait_for(&id, "running");
    // The shutdown waits for the function `on_dead`, and closes the port of the metrics after it.
    let _ = accepted(&url, "gives_up", None, 0);
    let _ = program.wait_for("on_dead begins with");
    program.signal(Signal::SIGTERM).unwrap();
    let _ = scrape_until(&metrics, "released", |scrape| {
        attempts(scrape, "alone", "released") == Some(1.0)
    });
    fs::write(file, "").unwrap();
    assert_eq!(program.wait().code, Some(0));
    assert_eq!(place.delivery(&id).state, "queued");
}

fn skipped_and_undecided_attempts_are_counted(place: &Place) {
    const DATA: &str = "dataset:me/data";
    let hub = TestHub::start();
    hub.create_repo(DATA);
    hub.create_org("ada");
    // Whether a comment is the program's own is unknown until the Hub has named its account.
    hub.trouble_at("GET /api/whoami-v2", 1, Trouble::Status(500));
    let arguments = ["--port", "0", "--metrics-port", "0", "--store", &place.store()];
    let program = Program::start(&acting(), &arguments, &hub.variables()).unwrap();
    let (url, metrics) = (program.local_url(), metrics_url(&program));
    let _ = program.wait_for_log("the account on the Hub is unknown");
    let _ = hub.create_webhook("me", &format!("{url}/webhooks/answer_later"), &[DATA]);
    let num = hub.open_discussion(DATA, "ada", "Where is the data?", "I cannot find it.");
    hub.comment(DATA, num, "ada", "Anybody?");
    let scrape = scrape_until(&metrics, "an undecided attempt", |scrape| {
        attempts(scrape, "answer_later", "undecided") >= Some(1.0)
    });
    assert_eq!(attempts(&scrape, "answer_later", "failed"), Some(0.0));
    let scrape = scrape_until(&metrics, "the next attempt", |scrape| {
        attempts(scrape, "answer_later", "succeeded") >= Some(1.0)
    });
    assert_eq!(attempts(&scrape, "summarize", "skipped"), Some(0.0));
    // A file that the function is not for, which the Hub says when the delivery is due.
    let _ = hub.create_webhook("me", &format!("{url}/webhooks/summarize"), &[DATA]);
    hub.push(DATA, "main", &[("data/README.md", Some(b"# Data"))]);
    let scrape = scrape_until(&metrics, "a skipped attempt", |scrape| {
        attempts(scrape, "summarize", "skipped") == Some(1.0)
    });
    assert_eq!(attempts(&scrape, "summarize", "succeeded"), Some(0.0));
    program.kill();
}

fn a_function_that_runs_after_its_timeout_is_counted_until_it_ends(place: &Place) {
    let program = place.start(&[METRICS_PORT]);
    let (url, metrics) = (program.local_url(), metrics_url(&program));
    let overdue = |scrape: &Scrape| scrape.value("webhooks_background_overdue", &[]);
    assert_eq!(overdue(&Scrape::of(&metrics)), Some(0.0));
    // May take 200 ms. Its thread cannot be stopped.
    let id = accepted(&url, "thread", None, 8000);
    let _ = scrape_until(&metrics, "it is overdue", |scrape| overdue(scrape) == Some(1.0));
    let _ = scrape_until(&metrics, "it has ended", |scrape| overdue(scrape) == Some(0.0));
    place.wait_for(&id, "done");
    program.kill();
}

fn run_times_are_in_their_buckets(place: &Place) {
    let program = place.start(&[METRICS_PORT]);
    let (url, metrics) = (program.local_url(), metrics_url(&program));
    let started = Instant::now();
    // Two in the background, and one in its request, of 300 ms each.
    for _ in 0..2 {
        let _ = accepted(&url, "sleeps", None, 300);
    }
    assert_eq!(deliver(&url, "responds", None, 300).unwrap().status, 200);
    let scrape = scrape_until(&metrics, "both have ended", |scrape| {
        attempts(scrape, "sleeps", "succeeded") == Some(2.0)
    });
    let most = started.elapsed().as_secs_f64();
    for (metric, path, count) in [
        ("webhooks_background_run_duration_seconds", "/webhooks/sleeps", 2.0),
        ("webhooks_delivery_duration_seconds", "/webhooks/responds", 1.0),
    ] {
        let endpoint = ("endpoint", path);
        let value = |part: &str, labels: &[(&str, &str)]| {
            scrape.value(&format!("{metric}_{part}"), labels).unwrap()
        };
        let sum = value("sum", &[endpoint]);
        assert!((0.3 * count..=most * count).contains(&sum), "{metric} {sum} {most}");
        assert_eq!(value("count", &[endpoint]), count, "{metric}");
        for (bound, expected) in [("0.1", 0.0), ("10.0", count), ("+Inf", count)] {
            let bucket = value("bucket", &[endpoint, ("le", bound)]);
            assert_eq!(bucket, expected, "{metric} {bound}: {}", scrape.text);
        }
    }
    program.kill();
}

fn nothing_from_a_background_delivery_is_in_the_metrics(place: &Place) {
    let program = place.start(&[METRICS_PORT]);
    let (url, metrics) = (program.local_url(), metrics_url(&program));
    let of_label = |scrape: &Scrape| {
        let mut values = BTreeMap::<String, BTreeSet<String>>::new();
        for (label, value) in scrape.samples.iter().flat_map(|sample| &sample.labels) {
            values.entry(label.clone()).or_default().insert(value.clone());
        }
        values
    };
    let before = of_label(&Scrape::of(&metrics));
    assert!(before["endpoint"].len() > 20 && before["result"].len() == 9, "{before:?}");
    // They succeed, fail, die with an error from the payload, log it, have a key from it, wait, and run.
    let functions = [
        "quick",
        "payload",
        "says",
        "fails",
        "busy",
        "narrates",
        "one_by_one",
        "newest_only",
        "debounced",
        "keyed_by_function",
        "alone",
    ];
    let private = payload("private-name/of-a-repo", 600_000);
    for function in functions {
        for number in 0..2 {
            let webhook_id = format!("private-name-{number}");
            let id = post_payload(&url, function, &webhook_id, &private);
            if (function, number) == ("newest_only", 0) {
                // The next one is to stop it.
                place.wait_for(&id, "running");
            }
        }
    }
    let newest = ("newest_only", "superseded");
    let scrape = scrape_until(&metrics, "their attempts", |scrape| {
        let ended = [("payload", "succeeded"), ("says", "dead"), ("fails", "dead"), newest];
        ended.iter().all(|(function, result)| attempts(scrape, function, result) >= Some(1.0))
            && deliveries(scrape, "newest_only", "superseded") == Some(1.0)
            && deliveries(scrape, "alone", "running") == Some(1.0)
    });
    assert!(!scrape.text.contains("private-name"), "{}", scrape.text);
    // The deliveries add values of these two labels only, which are fixed words.
    let mut expected = before;
    expected.get_mut("outcome").unwrap().insert("accepted".to_owned());
    let states = ["queued", "running", "dead", "superseded", "cancelled"];
    expected.insert("state".to_owned(), states.map(str::to_owned).into());
    assert_eq!(of_label(&scrape), expected);
    program.kill();
}

//! The Hub of the tests takes what the Python client sends, and its responses have what that client reads.

use std::collections::BTreeMap;
use std::io::Read;
use std::io::Write;
use std::process::Command;

use serde_json::Value;
use tests::client::{ClientResponse, connect, head, request};
use tests::repository::root;
use url::form_urlencoded;

use super::recorded::{RecordedHub, RecordedRequest, recorded_calls};

fn send(hub: &RecordedHub, recorded: &RecordedRequest) -> ClientResponse {
    let query: String =
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&recorded.query).finish();
    let mark = if query.is_empty() { "" } else { "?" };
    let first = format!("{} {}{mark}{query}", recorded.method, recorded.path);
    let headers = recorded.headers.iter().map(|(name, value)| format!("{name}: {value}"));
    let headers: Vec<_> = headers.collect();
    let headers: Vec<_> = headers.iter().map(String::as_str).collect();
    if recorded.method == "HEAD" {
        // Its response has a length and no body.
        let mut stream = connect(hub.hub.url()).unwrap();
        let headers = [&headers[..], &["Connection: close"]].concat();
        stream.write_all(head(&first, &headers).as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let status = text[9..12].parse().unwrap();
        return ClientResponse { status, head: text, body: String::new() };
    }
    let is_lines = recorded.headers.get("content-type").is_some_and(|it| it.contains("ndjson"));
    let body = match &recorded.body {
        Value::Null => String::new(),
        Value::Array(lines) if is_lines => lines.iter().map(|line| format!("{line}\n")).collect(),
        body => body.to_string(),
    };
    request(hub.hub.url(), &first, &headers, &body).unwrap()
}

/// Says where `actual` lacks a member of `expected`, or has one of another type.
fn missing(at: &str, expected: &Value, actual: &Value) -> Vec<String> {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(_)) => expected
            .iter()
            .flat_map(|(name, value)| missing(&format!("{at}/{name}"), value, &actual[name]))
            .collect(),
        (Value::Array(expected), Value::Array(actual)) => {
            match (expected.first(), actual.first()) {
                (Some(expected), Some(actual)) => missing(&format!("{at}/0"), expected, actual),
                (Some(_), None) => vec![format!("{at} is empty")],
                (None, _) => Vec::new(),
            }
        }
        _ if std::mem::discriminant(expected) == std::mem::discriminant(actual) => Vec::new(),
        _ => vec![format!("{at}: {expected} is expected, {actual} found")],
    }
}

#[test]
fn each_request_of_the_python_client_is_taken_and_answered_in_the_form_that_it_reads() {
    let count = recorded_calls(&RecordedHub::start()).len();
    assert!(count > 40, "{count}");
    for at in 0..count {
        let hub = RecordedHub::start();
        let recorded = recorded_calls(&hub).remove(at);
        for request in &recorded.requests {
            let answer = send(&hub, request);
            assert_eq!(answer.status, 200, "{recorded:?}: {answer:?}");
            if let Some(expected) = &request.response {
                let expected = match expected {
                    // The client reads no body.
                    Value::Null => continue,
                    expected => expected,
                };
                let missing = missing("", expected, &answer.json());
                assert!(missing.is_empty(), "{}: {missing:?} {answer:?}", recorded.call);
            } else if request.method == "GET" && request.path.contains("/resolve/") {
                let files = ["seed\n42\n", "{}", "# Bot\n"];
                assert!(files.contains(&answer.body.as_str()), "{answer:?}");
            }
        }
        hub.hub.assert_no_faults();
    }
}

/// `WEBHOOKS_TEST_PYTHON` names a Python that has `huggingface_hub`, as `tests/hub/record.py` describes it.
#[test]
fn the_python_client_works_with_the_test_hub() {
    let Ok(python) = std::env::var("WEBHOOKS_TEST_PYTHON") else { return };
    let calls = recorded_calls(&RecordedHub::start());
    let hubs: BTreeMap<_, _> =
        calls.into_iter().map(|recorded| (recorded.call, RecordedHub::start())).collect();
    let values: BTreeMap<_, _> = hubs.iter().map(|(call, hub)| (call, &hub.values)).collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hubs.json");
    std::fs::write(&file, serde_json::to_string(&values).unwrap()).unwrap();
    let mut command = Command::new(python);
    let output =
        command.arg(root().join("tests/hub/record.py")).arg("--hubs").arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for (call, hub) in hubs {
        assert!(!hub.hub.requests().is_empty(), "{call}");
        hub.hub.assert_no_faults();
    }
}

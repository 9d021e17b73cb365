//! Tests of the lines of JSON.

use std::cell::RefCell;

use serde_json::{Map, json};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;

use super::*;

thread_local! {
    static WRITTEN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Runs a function and returns the lines that it logs.
fn lines(run: impl FnOnce()) -> Vec<String> {
    let keep = |line: &str| WRITTEN.with_borrow_mut(|lines| lines.push(line.to_owned()));
    tracing::subscriber::with_default(registry().with(JsonLines::new(keep)), run);
    WRITTEN.take()
}

/// Parses a line, which has no line end inside, and removes its time.
fn object(line: &str) -> Map<String, Value> {
    let line = line.strip_suffix('\n').unwrap();
    assert!(!line.contains('\n'), "{line}");
    let mut object: Map<_, _> = serde_json::from_str(line).unwrap();
    let timestamp = object.remove("timestamp").unwrap();
    humantime::parse_rfc3339(timestamp.as_str().unwrap()).unwrap();
    object
}

#[test]
fn an_object_has_the_fields_of_the_event_and_of_the_spans_around_it() {
    let lines = lines(|| {
        let outer = tracing::info_span!(
            "outer",
            endpoint = "/webhooks/x",
            step = 1,
            late = tracing::field::Empty
        );
        let _outer = outer.enter();
        outer.record("late", 2.5);
        tracing::info_span!("inner", step = 2).in_scope(|| {
            tracing::warn!(target: "bot", loss = ?0.5, done = true, count = -3, size = 7_u64, "trained {}", "well");
        });
        tracing::info!(endpoint = %"/webhooks/y");
    });
    let [first, second] = <[_; 2]>::try_from(lines).unwrap();
    assert!(first.starts_with("{\"timestamp\":\""), "{first}");
    let names: IndexMap<String, Value> = serde_json::from_str(&first).unwrap();
    let order = [
        "timestamp",
        "level",
        "target",
        "message",
        "loss",
        "done",
        "count",
        "size",
        "step",
        "endpoint",
        "late",
    ];
    assert_eq!(names.keys().collect::<Vec<_>>(), order);
    let expected = json!({
        "level": "WARN", "target": "bot", "message": "trained well",
        "loss": "0.5", "done": true, "count": -3, "size": 7,
        "step": 2, "endpoint": "/webhooks/x", "late": 2.5,
    });
    assert_eq!(Value::Object(object(&first)), expected);
    let expected = json!({
        "level": "INFO", "target": module_path!(), "endpoint": "/webhooks/y", "step": 1, "late": 2.5,
    });
    assert_eq!(Value::Object(object(&second)), expected);
}

#[test]
fn a_field_does_not_replace_the_level_or_the_target() {
    let lines = lines(|| tracing::info!(level = "high", target = 1, r#type = "model", "x"));
    let expected = json!({
        "level": "INFO", "target": module_path!(), "message": "x",
        "field.level": "high", "field.target": 1, "type": "model",
    });
    assert_eq!(Value::Object(object(&lines[0])), expected);
}

#[test]
fn control_characters_have_escapes_of_json() {
    let text = "a\u{1b}[2J\nb\u{9b}\u{202e}학습\"";
    let lines = lines(|| tracing::info!("{text}"));
    assert!(lines[0].contains(r#"a\u001b[2J\nb\u009b\u202e학습\""#), "{}", lines[0]);
    assert_eq!(object(&lines[0])["message"], text);
}

#[test]
fn a_long_line_is_cut_and_still_an_object() {
    let long = "학".repeat(MAX_LENGTH);
    let lines =
        lines(|| tracing::info!(first = %long, second = %long, third = 3, "{}", "x".repeat(100)));
    assert!(lines[0].len() < MAX_LENGTH + 200, "{}", lines[0].len());
    let object = object(&lines[0]);
    let first = object["first"].as_str().unwrap();
    assert!(first.ends_with("학…") && first.len() > MAX_LENGTH - 110, "{}", first.len());
    assert_eq!((&object["second"], &object["third"]), (&json!("…"), &json!(3)));
}

#[test]
fn a_message_on_standard_error_is_a_line_of_its_level() {
    for (text, level, message) in [
        ("Warning: the token\nis missing.\n", "WARN", "the token\nis missing."),
        ("error: the port is taken\n", "ERROR", "the port is taken"),
        ("Stopping.\n\n", "INFO", "Stopping."),
    ] {
        let expected = json!({ "level": level, "target": "webhooks_runtime", "message": message });
        assert_eq!(Value::Object(object(&super::message(text))), expected);
    }
}

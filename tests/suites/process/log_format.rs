//! The log as JSON, and its colors as text.

use std::collections::BTreeSet;
use std::process::Command;

use regex::Regex;
use serde_json::{Map, Value};
use tests::background::{Place, accepted};
use tests::programs::{free_port, quickstart};
use tests::pty::{CTRL_C, PtyProgram};

use super::start;

/// What each line has. In the text format, they have no names.
const KEYS: [&str; 3] = ["timestamp", "level", "target"];

/// The lines of standard error, each of which must be an object with what all have.
fn objects(stderr: &str) -> Vec<Map<String, Value>> {
    let object = |line: &str| {
        let object: Map<String, Value> = serde_json::from_str(line).expect(line);
        for key in KEYS {
            assert!(object.get(key).is_some_and(Value::is_string), "{key}: {line}");
        }
        object
    };
    stderr.lines().map(object).collect()
}

/// Runs a function that fails once, and returns the log.
fn log(variables: &[(&str, &str)]) -> String {
    let place = Place::file();
    let program = place.start(variables);
    let id = accepted(&program.local_url(), "recovers", Some("a"), 0);
    place.wait_for(&id, "done");
    let log = program.stop().stderr;
    assert!(log.contains(&id), "{log}");
    log
}

#[test]
fn each_line_is_an_object_with_the_names_of_the_text_format() {
    let json = objects(&log(&[("WEBHOOKS_LOG_FORMAT", "json")]));
    let text = log(&[]);
    let name = Regex::new(r"[ {](\w+)=").unwrap();
    // How the request ended, and the first attempt.
    for (part, level) in [("status", "INFO"), ("retry_in", "WARN")] {
        let object = json.iter().find(|object| object.contains_key(part));
        let object = object.expect(part);
        let is_field = |key: &&str| !KEYS.contains(key) && *key != "message";
        let names: BTreeSet<_> = object.keys().map(String::as_str).filter(is_field).collect();
        let line = text.lines().find(|line| line.contains(&format!(" {part}=")));
        let line = line.expect(part);
        let in_text: BTreeSet<_> =
            name.captures_iter(line).map(|found| found.get(1).unwrap().as_str()).collect();
        assert_eq!(names, in_text, "{line}");
        let expected = [("level", level), ("endpoint", "/webhooks/recovers"), ("webhook_id", "a")];
        for (key, value) in expected {
            assert_eq!(object[key], value, "{key}: {object:?}");
        }
    }
}

#[test]
fn warnings_and_errors_of_the_start_are_objects_as_well() {
    let program = start(&quickstart(), &["--port", "0", "--log-format", "json"], &[]);
    let port = program.local_url().rsplit(':').next().unwrap().to_owned();
    let warning = program.wait_for_log("experimental");
    assert_eq!(objects(&warning)[0]["level"], "WARN", "{warning}");

    let other = start(&quickstart(), &["--port", &port, "--log-format=json"], &[]).wait();
    assert_eq!(other.code, Some(1));
    let objects_of_other = objects(&other.stderr);
    let error = objects_of_other.last().unwrap();
    assert_eq!(error["level"], "ERROR", "{error:?}");
    assert!(error["message"].as_str().unwrap().contains("already in use"), "{error:?}");

    let ended = program.stop();
    assert_eq!(ended.code, Some(0));
    objects(&ended.stderr);
}

#[test]
fn another_format_is_an_error_that_names_both() {
    let ended = start(&quickstart(), &["--port", "0", "--log-format", "xml"], &[]).wait();
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("[possible values: text, json]"), "{}", ended.stderr);
    let ended = start(&quickstart(), &["--port", "0"], &[("WEBHOOKS_LOG_FORMAT", "xml")]).wait();
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("WEBHOOKS_LOG_FORMAT must be text or json."), "{}", ended.stderr);
    // The flag decides.
    let variables = [("WEBHOOKS_LOG_FORMAT", "json")];
    let program = start(&quickstart(), &["--port", "0", "--log-format", "text"], &variables);
    assert!(program.wait_for_log("experimental").starts_with("Warning: "));
    assert_eq!(program.stop().code, Some(0));
}

#[test]
fn a_line_of_text_has_colors_on_a_terminal_only() {
    let log = |variables: &[(&str, &str)]| {
        let (place, port) = (Place::file(), free_port().to_string());
        let mut command = Command::new(tests::background::program());
        command.args(["--port", &port, "--store", &place.store()]).env_clear();
        let journal = place.folder().join("journal");
        command
            .env("GRADIO_SHARE", "false")
            .env("JOURNAL", journal)
            .envs(variables.iter().copied());
        let mut program = PtyProgram::spawn(&command, 200).unwrap();
        program.wait_for("to set up your webhooks", 1);
        let _ = accepted(&format!("http://127.0.0.1:{port}"), "quick", Some("a"), 0);
        program.wait_for("done", 1);
        program.enter(CTRL_C);
        program.wait().transcript
    };
    let green = "\u{1b}[32m INFO";
    assert!(log(&[]).contains(green));
    // An empty one is as if it was not set.
    assert!(log(&[("NO_COLOR", "")]).contains(green));
    for variables in [("NO_COLOR", "1"), ("WEBHOOKS_LOG_FORMAT", "json")] {
        let transcript = log(&[variables]);
        assert!(transcript.contains("INFO") && !transcript.contains("\u{1b}["), "{transcript}");
    }
}

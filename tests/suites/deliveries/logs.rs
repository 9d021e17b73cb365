//! What the functions logged.

use std::process::Stdio;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tests::background::{Place, wait_until};
use tests::client::PAGE_TOKEN;
use tests::program::Program;

use super::{CommandStore, NONE, deliver, program};

/// Starts a server with variables.
fn serve_with(store: &CommandStore, variables: &[(&str, &str)]) -> (Program, String) {
    let arguments = ["--port", "0", "--store", &store.file];
    let variables = [variables, &[PAGE_TOKEN]].concat();
    let server = Program::start(&program(), &arguments, &variables).unwrap();
    let url = server.local_url();
    (server, url)
}

/// Returns the lines of a delivery without their times.
fn lines(store: &CommandStore, id: &str) -> Vec<String> {
    let ended = store.deliveries(&["logs", id]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    without_times(&ended.stdout)
}

fn without_times(text: &str) -> Vec<String> {
    let line = |line: &str| match line.split_once("Z ") {
        Some((time, rest)) if time.starts_with("20") => rest.to_owned(),
        _ => line.to_owned(),
    };
    text.lines().map(line).collect()
}

fn follow(store: &CommandStore, id: &str) -> Program {
    let arguments = ["--store", &store.file, "deliveries", "logs", id, "--follow"];
    Program::start(&program(), &arguments, &[]).unwrap()
}

#[test]
fn lines_are_printed_while_the_function_runs_and_a_killed_process_keeps_them() {
    lines_are_printed_while_the_function_runs(&CommandStore::new());
}

#[test]
#[ignore = "needs PostgreSQL"]
fn lines_in_a_database_are_printed_while_the_function_runs() {
    let place = Place::database();
    let store = CommandStore { folder: tempfile::tempdir().unwrap(), file: place.store() };
    lines_are_printed_while_the_function_runs(&store);
}

fn lines_are_printed_while_the_function_runs(store: &CommandStore) {
    let (server, url) = store.serve();
    let id = deliver(&url, "logs", "1", r#"{"milliseconds":600000,"lines":1}"#);
    let running = [" INFO training attempt=1", " INFO line 1", r" WARN low on\nmemory"];
    wait_until("the lines", || lines(store, &id) == running);
    store.wait_for(1, "running");
    let follower = follow(store, &id);
    let _ = follower.wait_for("low on");
    server.kill();
    assert_eq!(lines(store, &id), running);
    assert!(follower.is_running());
}

#[test]
fn followed_lines_go_on_after_a_retry_and_end_with_the_delivery() {
    let store = CommandStore::new();
    let (server, url) = store.serve();
    let id = deliver(&url, "logs", "1", r#"{"milliseconds":1500,"fails":1}"#);
    let follower = follow(&store, &id);
    // While it runs.
    let _ = follower.wait_for("training attempt=1");
    store.wait_for(1, "running");
    let ended = follower.wait();
    store.wait_for(1, "done");
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let expected = [
        " INFO training attempt=1",
        r" WARN low on\nmemory",
        "-- next attempt --",
        " INFO training attempt=2",
        r" WARN low on\nmemory",
        " INFO trained",
    ];
    assert_eq!(without_times(&ended.stdout), expected);
    assert_eq!(lines(&store, &id), expected);
    // One that has ended.
    assert_eq!(without_times(&follow(&store, &id).wait().stdout), expected);
    server.stop();
}

#[test]
fn a_follower_ends_with_ctrl_c_or_with_its_reader() {
    let store = CommandStore::new();
    let (server, url) = store.serve();
    let id = deliver(&url, "logs", "1", r#"{"milliseconds":60000}"#);
    let follower = follow(&store, &id);
    let _ = follower.wait_for("training");
    follower.signal(Signal::SIGINT).unwrap();
    assert!(!follower.wait().stdout.is_empty());

    let mut command = std::process::Command::new(program());
    command.args(["--store", &store.file, "deliveries", "logs", &id, "--follow"]);
    let mut unread = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    drop(unread.stdout.take());
    wait_until("the end", || unread.try_wait().unwrap().is_some());
    assert!(unread.wait().unwrap().success());
    server.kill();
}

#[test]
fn the_last_200_lines_or_64_kibibytes_of_an_attempt_are_kept() {
    let store = CommandStore::new();
    let (server, url) = store.serve();
    let many = deliver(&url, "logs", "1", r#"{"lines":1000,"milliseconds":2500}"#);
    let long = deliver(&url, "logs", "2", r#"{"lines":8,"length":20000}"#);
    store.wait_for(2, "done");
    server.stop();
    let last = lines(&store, &many);
    assert_eq!(last.len(), 201);
    assert_eq!(last[..2], ["-- 803 older lines are not kept --", " INFO line 803"]);
    assert_eq!(last[198..], [" INFO line 1000", r" WARN low on\nmemory", " INFO trained"]);
    let last = lines(&store, &long);
    let bytes: usize = last.iter().map(String::len).sum();
    assert!(bytes <= 64 * 1024 + 6 * last.len(), "{bytes}");
    let cut = &last[last.len() - 3];
    assert!(cut.len() > 16_000 && cut.starts_with(" INFO line 8x") && cut.ends_with('…'));
}

#[test]
fn the_filter_of_the_log_decides_which_lines_are_kept() {
    let store = CommandStore::new();
    let (server, url) = serve_with(&store, &[("RUST_LOG", "warn")]);
    let id = deliver(&url, "logs", "1", "{}");
    store.wait_for(1, "done");
    let log = server.stop().stderr;
    assert_eq!(lines(&store, &id), [r" WARN low on\nmemory"]);
    assert!(log.contains(&format!("delivery={id}")), "{log}");
}

#[test]
fn a_program_with_its_own_subscriber_keeps_lines_with_the_layer() {
    let store = CommandStore::new();
    let (server, url) = serve_with(&store, &[("OWN_SUBSCRIBER", "1")]);
    let id = deliver(&url, "logs", "1", "{}");
    store.wait_for(1, "done");
    assert!(!server.stop().stderr.contains("training"));
    let expected = [" INFO training attempt=1", r" WARN low on\nmemory", " INFO trained"];
    assert_eq!(lines(&store, &id), expected);
}

#[test]
fn a_function_on_a_thread_is_captured_and_a_script_reads_json() {
    let store = CommandStore::new();
    let (server, url) = store.serve();
    let (on_thread, silent) =
        (deliver(&url, "logs_on_thread", "1", "{}"), deliver(&url, "quick", "2", "{}"));
    store.wait_for(2, "done");
    let ended = store.deliveries(&["logs", &on_thread, "--json"]);
    let mut line: Value = serde_json::from_str(ended.stdout.trim()).unwrap();
    let time = line["time"].take();
    assert!(time.as_str().unwrap().starts_with("20"), "{time}");
    let expected =
        json!({ "claim": 1, "line": 1, "time": null, "level": "INFO", "text": "on a thread" });
    assert_eq!(line, expected);

    // Also not the line about the end of the attempt.
    for arguments in [&["logs", &silent][..], &["logs", &silent, "--json", "--follow"]] {
        let ended = store.deliveries(arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""));
        assert_eq!(ended.stderr, "No log lines: the function has logged nothing so far.\n");
    }
    let ended = store.deliveries(&["logs", NONE]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.starts_with("error: There is no delivery "), "{}", ended.stderr);
    server.stop();
}

#[test]
fn lines_are_deleted_with_their_delivery() {
    let store = CommandStore::new();
    let (server, url) = store.serve();
    let id = deliver(&url, "logs", "1", r#"{"milliseconds":1500,"fails":9}"#);
    wait_until("a line", || !lines(&store, &id).is_empty());
    store.wait_for(1, "dead");
    server.stop();
    let purged = store.deliveries(&["purge", "--dead", "--older-than", "0s"]);
    assert_eq!(purged.code, Some(0), "{purged:?}");
    let file = rusqlite::Connection::open(&store.file).unwrap();
    let count = || file.query_row("SELECT count(*) FROM attempt_logs", [], |row| row.get(0));
    let left: i64 = count().unwrap();
    assert_eq!(left, 0);
}

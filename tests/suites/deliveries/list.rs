//! The list.

use std::time::Instant;

use serde_json::json;
use tests::client::PATIENCE;

use super::{CommandStore, NAMED, deliver, each};

#[test]
fn they_are_listed_newest_first_while_the_server_runs_and_when_it_does_not() {
    let store = CommandStore::new();
    let (server, url) = store.serve();
    let dead = deliver(&url, "fails", "one", NAMED);
    store.wait_for(1, "dead");
    let done = deliver(&url, "quick", "two", "{}");
    store.wait_for(1, "done");
    let while_it_runs = store.deliveries(&[]);
    server.stop();
    let afterwards = store.deliveries(&[]);
    assert_eq!((while_it_runs.code, afterwards.code), (Some(0), Some(0)));
    assert_eq!(while_it_runs.stdout, afterwards.stdout);
    assert_eq!((while_it_runs.stderr.as_str(), afterwards.stderr.as_str()), ("", ""));

    let lines: Vec<_> = afterwards.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{lines:#?}");
    let cells = |line: &str| line.split("  ").map(str::trim).map(str::to_owned).collect::<Vec<_>>();
    let cells = |line: &str| {
        let mut cells = cells(line);
        cells.retain(|cell| !cell.is_empty());
        cells
    };
    let head =
        ["ID", "STATE", "ATTEMPTS", "RECEIVED", "ENDPOINT", "EVENT", "REPO", "LAST ERROR", "NOTE"];
    assert_eq!(cells(lines[0]), head);
    let newest = cells(lines[1]);
    assert_eq!(newest[..3], [done.as_str(), "done", "1/5"]);
    assert_eq!(newest[4..], ["/webhooks/quick", "-", "-", "-", "-"]);
    let oldest = cells(lines[2]);
    assert_eq!(oldest[..3], [dead.as_str(), "dead", "3/3"]);
    let error = "the training failed: the disk is full";
    assert_eq!(oldest[4..], ["/webhooks/fails", "update repo.content", "me/data", error, "-"]);
    // Each column begins in one place.
    let at = lines[0].find("ENDPOINT").unwrap();
    assert!(lines[1..].iter().all(|line| line[at..].starts_with("/webhooks/")), "{lines:#?}");
}

#[test]
fn they_are_chosen_by_state_by_endpoint_and_by_number() {
    let store = CommandStore::new();
    let (server, url) = store.serve();
    for id in ["1", "2", "3"] {
        deliver(&url, "quick", id, "{}");
    }
    deliver(&url, "gives_up", "4", "{}");
    deliver(&url, "later", "5", "{}");
    deliver(&url, "sleeps", "6", r#"{"milliseconds":600000}"#);
    store.wait_for(3, "done");
    store.wait_for(1, "dead");
    store.wait_for(1, "running");
    store.wait_for(1, "queued");
    let ids = |arguments: &[&str]| {
        let listed = store.json(arguments);
        each(&listed, "webhook_id").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(ids(&[]), ["6", "5", "4", "3", "2", "1"]);
    assert_eq!(ids(&["--state", "done"]), ["3", "2", "1"]);
    assert_eq!(ids(&["--state", "done", "--limit", "2"]), ["3", "2"]);
    assert_eq!(ids(&["--limit", "1"]), ["6"]);
    for path in ["/webhooks/gives_up", "/gives_up", "gives_up", "gives_up/"] {
        assert_eq!(ids(&["--endpoint", path]), ["4"], "{path}");
        assert_eq!(ids(&["--endpoint", path, "--state", "done"]), [""; 0], "{path}");
    }
    assert_eq!(ids(&["--endpoint", "nowhere"]), [""; 0]);
    let none = store.deliveries(&["--endpoint", "nowhere"]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(0), ""));
    assert_eq!(none.stderr, "No deliveries.\n");
    drop(server);
}

#[test]
fn the_json_of_a_list_has_fixed_names_and_times_of_rfc_3339() {
    let store = CommandStore::new();
    let (server, url) = store.serve();
    let id = deliver(&url, "later", "an-id", NAMED);
    let deadline = Instant::now() + PATIENCE;
    while store.json(&[])[0]["error"].is_null() {
        assert!(Instant::now() < deadline);
    }
    server.stop();
    let mut listed = store.json(&[]);
    let row = listed[0].as_object_mut().unwrap();
    for time in ["received_at", "next_attempt_at"] {
        let time = row.remove(time).unwrap();
        let time = time.as_str().unwrap();
        assert!(time.len() == 24 && time.ends_with('Z') && &time[10..11] == "T", "{time}");
    }
    let expected = json!([{
        "id": id,
        "state": "queued",
        "endpoint": "/webhooks/later",
        "event": "update repo.content",
        "repo": "me/data",
        "webhook_id": "an-id",
        "origin": "webhook",
        "attempts": 1,
        "max_attempts": 3,
        "started_at": null,
        "ended_at": null,
        "error": "the Hub is being maintained",
        "timed_out": false,
        "cancel_requested": false,
        "note": null,
        "key": null,
        "superseded_by": null,
        "merged": 0,
    }]);
    assert_eq!(listed, expected);
}

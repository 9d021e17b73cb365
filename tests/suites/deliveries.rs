//! `deliveries`: what a person sees of background deliveries in a terminal, and decides about them, while
//! the server runs and when it doesn't.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::background::Place;
use tests::client::{BY_SCRIPT, PAGE_TOKEN, PATIENCE, Viewer, get, request};
use tests::program::{Ended, Program, build};

fn program() -> PathBuf {
    build("fixture-background", "dev")
}

/// An id that no delivery has.
const NONE: &str = "0198f0c2-6ad5-7b1e-9f60-3a1c5d2e7b84";

/// A payload that names an event and a repo.
const NAMED: &str =
    r#"{"event":{"action":"update","scope":"repo.content"},"repo":{"name":"me/data"}}"#;

/// A store in a folder of its own.
struct Store {
    folder: TempDir,
    file: String,
}

impl Store {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kept.db").to_str().unwrap().to_owned();
        Self { folder, file }
    }

    /// A server that keeps its deliveries there, and its address.
    fn serve(&self) -> (Program, String) {
        let arguments = ["--port", "0", "--store", &self.file];
        let server = Program::start(&program(), &arguments, &[PAGE_TOKEN]).unwrap();
        let url = server.local_url();
        (server, url)
    }

    /// Runs `deliveries` to its end.
    fn deliveries(&self, arguments: &[&str]) -> Ended {
        let arguments = [&["--store", &self.file, "deliveries"], arguments].concat();
        Program::start(&program(), &arguments, &[]).unwrap().wait()
    }

    /// What it prints as JSON.
    fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.deliveries(&[arguments, &["--json"]].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        serde_json::from_str(&ended.stdout).unwrap()
    }

    /// Waits until this many are in a state.
    fn wait_for(&self, count: usize, state: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.json(&["--state", state]).as_array().unwrap().len() != count {
            assert!(Instant::now() < deadline, "{}", self.json(&[]));
        }
    }
}

/// Delivers, and gives the id.
fn deliver(url: &str, endpoint: &str, webhook_id: &str, body: &str) -> String {
    let headers = ["Content-Type: application/json", &format!("Webhook-Id: {webhook_id}")];
    let answer = request(url, &format!("POST /webhooks/{endpoint}"), &headers, body).unwrap();
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.json()["delivery"].as_str().unwrap().to_owned()
}

/// The column of a field in what `deliveries --json` printed.
fn each<'a>(listed: &'a Value, field: &str) -> Vec<&'a str> {
    listed.as_array().unwrap().iter().map(|row| row[field].as_str().unwrap()).collect()
}

// ---- the list

#[test]
fn they_are_listed_newest_first_while_the_server_runs_and_when_it_does_not() {
    let store = Store::new();
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
    let head = ["ID", "STATE", "ATTEMPTS", "RECEIVED", "ENDPOINT", "EVENT", "REPO", "LAST ERROR"];
    assert_eq!(cells(lines[0]), head);
    let newest = cells(lines[1]);
    assert_eq!(newest[..3], [done.as_str(), "done", "1/5"]);
    assert_eq!(newest[4..], ["/webhooks/quick", "-", "-", "-"]);
    let oldest = cells(lines[2]);
    assert_eq!(oldest[..3], [dead.as_str(), "dead", "3/3"]);
    let error = "the training failed: the disk is full";
    assert_eq!(oldest[4..], ["/webhooks/fails", "update repo.content", "me/data", error]);
    // Each column begins in one place.
    let at = lines[0].find("ENDPOINT").unwrap();
    assert!(lines[1..].iter().all(|line| line[at..].starts_with("/webhooks/")), "{lines:#?}");
}

#[test]
fn they_are_chosen_by_state_by_endpoint_and_by_number() {
    let store = Store::new();
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
    let store = Store::new();
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
        "attempts": 1,
        "max_attempts": 3,
        "started_at": null,
        "ended_at": null,
        "error": "the Hub is being maintained",
        "timed_out": false,
    }]);
    assert_eq!(listed, expected);
}

// ---- one of them

#[test]
fn one_is_shown_with_its_attempts_and_its_payload_as_it_came() {
    let store = Store::new();
    let (server, url) = store.serve();
    let id = deliver(&url, "fails", "an-id", r#"{"z":18446744073709551615,"a":[]}"#);
    store.wait_for(1, "dead");
    let shown = store.deliveries(&["show", &id]);
    assert_eq!((shown.code, shown.stderr.as_str()), (Some(0), ""));
    server.stop();
    assert_eq!(store.deliveries(&["show", &id]).stdout, shown.stdout);
    for line in [
        format!("delivery      {id}"),
        "state         dead".to_owned(),
        "endpoint      /webhooks/fails".to_owned(),
        "webhook id    an-id".to_owned(),
        "attempts      3 of 3".to_owned(),
        "    the training failed: the disk is full".to_owned(),
    ] {
        assert!(shown.stdout.lines().any(|other| other == line), "{line}: {}", shown.stdout);
    }
    for attempt in 1..=3 {
        assert!(shown.stdout.contains(&format!("\nattempt {attempt}, started 20")), "{attempt}");
    }
    let payload = "\npayload:\n{\n  \"z\": 18446744073709551615,\n  \"a\": []\n}\n";
    assert!(shown.stdout.ends_with(payload), "{}", shown.stdout);

    let text = store.deliveries(&["show", &id, "--json"]).stdout;
    let shown: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&shown["id"], &shown["state"]), (&json!(id), &json!("dead")));
    let attempts = shown["failed_attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 3);
    assert_eq!(attempts[2]["attempt"], 3);
    assert_eq!(attempts[2]["error"], "the training failed: the disk is full");
    assert!(attempts[0]["ended_at"].as_str() <= attempts[1]["started_at"].as_str());
    assert!(text.find("\"z\": 18446744073709551615").unwrap() < text.find("\"a\": []").unwrap());
}

#[test]
fn what_came_from_outside_gives_a_terminal_no_orders_and_no_lines() {
    let store = Store::new();
    let (server, url) = store.serve();
    let body =
        json!({ "error": "first\nstate         done\u{1b}[2J\u{9b}31m\u{202e}" }).to_string();
    let id = deliver(&url, "says", "an-id", &body);
    store.wait_for(1, "dead");
    server.stop();
    let listed = store.deliveries(&[]).stdout;
    assert_eq!(listed.lines().count(), 2, "{listed}");
    let error = r"first\nstate         done\u{1b}[2J\u{9b}31m\u{202e}";
    assert!(listed.trim_end().ends_with(error), "{listed}");
    let shown = store.deliveries(&["show", &id]).stdout;
    let words = shown.split("payload:").next().unwrap();
    let orders = |text: &str| text.chars().any(|c| c.is_control() && c != '\n' || c == '\u{202e}');
    assert!(!orders(&listed) && !orders(&shown), "{shown}");
    // The payload means the same as before.
    let payload: Value = serde_json::from_str(shown.split("payload:").nth(1).unwrap()).unwrap();
    assert_eq!(payload, serde_json::from_str::<Value>(&body).unwrap());
    let error = "\n    first\n    state         done\\u{1b}[2J\\u{9b}31m\\u{202e}\n";
    assert!(words.contains(error), "{words}");
}

#[test]
fn one_that_is_not_there_is_said_to_be_none() {
    let store = Store::new();
    store.serve().0.stop();
    let ended = store.deliveries(&["show", NONE]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    let error = format!("error: There is no delivery {NONE} in {}.\n", store.file);
    assert_eq!(ended.stderr, error);
}

// ---- dead ones

#[test]
fn dead_ones_are_run_again_by_their_ids() {
    let store = Store::new();
    let (server, url) = store.serve();
    let first = deliver(&url, "gives_up", "1", "{}");
    let second = deliver(&url, "gives_up", "2", "{}");
    let done = deliver(&url, "quick", "3", "{}");
    store.wait_for(2, "dead");
    store.wait_for(1, "done");
    server.stop();

    let retried = store.deliveries(&["retry", &first]);
    assert_eq!((retried.code, retried.stderr.as_str()), (Some(0), ""));
    assert_eq!(retried.stdout, "1 delivery queued again.\n");
    let listed = store.json(&["--state", "queued"]);
    assert_eq!((each(&listed, "id"), &listed[0]["attempts"]), (vec![first.as_str()], &json!(0)));

    // The others are told of, and what is dead among them is run again all the same.
    let retried = store.deliveries(&["retry", &done, &second, NONE, &first]);
    assert_eq!(retried.code, Some(1));
    assert_eq!(retried.stdout, "1 delivery queued again.\n");
    let errors = format!(
        "error: {done} is done, and only dead deliveries can be retried.\n\
         error: There is no delivery {NONE} in {}.\n\
         error: {first} is queued, and only dead deliveries can be retried.\n",
        store.file
    );
    assert_eq!(retried.stderr, errors);
    let none = store.deliveries(&["retry", &done]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(1), ""));

    // The server runs them when it starts.
    let (server, _) = store.serve();
    store.wait_for(2, "dead");
    let shown = store.json(&["show", &first]);
    assert_eq!(shown["failed_attempts"].as_array().unwrap().len(), 2, "{shown}");
    server.stop();
}

#[test]
fn a_server_that_runs_takes_what_is_queued_again_from_a_terminal() {
    let store = Store::new();
    let (server, url) = store.serve();
    let id = deliver(&url, "gives_up", "1", "{}");
    deliver(&url, "panics", "2", "{}");
    store.wait_for(2, "dead");
    let retried = store.deliveries(&["retry", "--dead"]);
    assert_eq!((retried.code, retried.stdout.as_str()), (Some(0), "2 deliveries queued again.\n"));
    let deadline = Instant::now() + PATIENCE;
    while store.json(&["show", &id])["failed_attempts"].as_array().unwrap().len() < 2 {
        assert!(Instant::now() < deadline, "{}", store.json(&[]));
    }
    store.wait_for(2, "dead");
    server.stop();
    store.deliveries(&["purge", "--dead", "--older-than", "0s"]);
    let none = store.deliveries(&["retry", "--dead"]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(0), "0 deliveries queued again.\n"));
}

#[test]
fn dead_ones_are_deleted_when_they_are_old_enough() {
    let store = Store::new();
    let (server, url) = store.serve();
    deliver(&url, "gives_up", "1", "{}");
    deliver(&url, "quick", "2", "{}");
    store.wait_for(1, "dead");
    store.wait_for(1, "done");
    let young = store.deliveries(&["purge", "--dead", "--older-than", "30d"]);
    assert_eq!((young.code, young.stdout.as_str()), (Some(0), "0 deliveries deleted.\n"));
    store.wait_for(1, "dead");
    let old = store.deliveries(&["purge", "--dead", "--older-than", "0s"]);
    assert_eq!((old.code, old.stdout.as_str()), (Some(0), "1 delivery deleted.\n"));
    store.wait_for(0, "dead");
    store.wait_for(1, "done");
    server.stop();
}

// ---- the store

#[test]
fn a_store_that_is_not_there_is_said_so_and_not_made() {
    let store = Store::new();
    for arguments in [
        &[][..],
        &["--json"],
        &["show", NONE],
        &["retry", "--dead"],
        &["purge", "--dead", "--older-than", "1d"],
    ] {
        let ended = store.deliveries(arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{arguments:?}");
        let said = format!("error: The store {} does not exist yet. ", store.file);
        assert!(ended.stderr.starts_with(&said), "{}", ended.stderr);
        assert_eq!(fs::read_dir(store.folder.path()).unwrap().count(), 0, "{arguments:?}");
    }
}

#[test]
fn the_store_is_found_where_the_server_keeps_it() {
    let store = Store::new();
    let (server, url) = store.serve();
    let id = deliver(&url, "gives_up", "1", "{}");
    store.wait_for(1, "dead");
    server.stop();
    let variable = ("WEBHOOKS_STORE", store.file.as_str());
    let elsewhere = ("WEBHOOKS_STORE", "/nowhere/kept.db");
    let file = ["--store", store.file.as_str()];
    let sees = |arguments: &[&str], variables: &[(&str, &str)]| {
        let ended = Program::start(&program(), arguments, variables).unwrap().wait();
        assert_eq!(ended.code, Some(0), "{arguments:?} {ended:?}");
        assert!(ended.stdout.contains(&id), "{arguments:?} {ended:?}");
    };
    sees(&["deliveries"], &[variable]);
    sees(&[&file[..], &["deliveries"]].concat(), &[elsewhere]);
    sees(&[&["deliveries"], &file[..]].concat(), &[elsewhere]);
    sees(&[&["deliveries", "show", &id], &file[..]].concat(), &[elsewhere]);
    // What the server needs otherwise need not be right.
    sees(&[&file[..], &["deliveries"]].concat(), &[("WEBHOOK_SECRET", "")]);
}

#[test]
fn what_is_no_store_is_said_to_be_none() {
    let store = Store::new();
    fs::write(&store.file, "something else, and long enough to be a database's first page\n")
        .unwrap();
    let ended = store.deliveries(&[]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    let said = format!("error: The background deliveries in {} cannot be opened: ", store.file);
    assert!(ended.stderr.starts_with(&said), "{}", ended.stderr);
    let address = Program::start(&program(), &["deliveries", "--store", "mysql://x"], &[]).unwrap();
    let address = address.wait();
    assert_eq!(address.code, Some(2));
    assert!(address.stderr.contains("must be a file, or postgres://"), "{}", address.stderr);
}

#[test]
fn one_is_found_by_the_beginning_of_its_id() {
    let store = Store::new();
    let (server, url) = store.serve();
    let first = deliver(&url, "gives_up", "1", "{}");
    let second = deliver(&url, "gives_up", "2", "{}");
    store.wait_for(2, "dead");
    // Ids that were made one after the other begin alike.
    let alike = first.bytes().zip(second.bytes()).take_while(|(a, b)| a == b).count();
    let enough = &first[..=alike];
    let shown = store.deliveries(&["show", enough]);
    assert_eq!((shown.code, shown.stderr.as_str()), (Some(0), ""));
    assert!(shown.stdout.starts_with(&format!("delivery      {first}\n")), "{}", shown.stdout);
    assert!(!shown.stdout.contains(&second));
    for arguments in [["show", &first[..2]], ["retry", &first[..2]]] {
        let several = store.deliveries(&arguments);
        assert_eq!((several.code, several.stdout.as_str()), (Some(1), ""), "{several:?}");
        let said = format!("error: Several ids start with {}, for example ", &first[..2]);
        assert!(several.stderr.starts_with(&said), "{}", several.stderr);
        assert!(several.stderr.contains(&first) && several.stderr.contains(&second));
    }
    server.stop();
    let retried = store.deliveries(&["retry", enough, "ffff"]);
    assert_eq!((retried.code, retried.stdout.as_str()), (Some(1), "1 delivery queued again.\n"));
    let none = format!("error: There is no delivery ffff in {}.\n", store.file);
    assert_eq!(retried.stderr, none);
    assert_eq!(each(&store.json(&["--state", "queued"]), "id"), [first.as_str()]);
}

#[test]
fn those_of_an_endpoint_are_deleted_queued_ones_too() {
    let store = Store::new();
    let (server, url) = store.serve();
    deliver(&url, "gives_up", "1", "{}");
    deliver(&url, "later", "2", "{}");
    deliver(&url, "quick", "3", "{}");
    store.wait_for(1, "dead");
    store.wait_for(1, "done");
    let purge = |arguments: &[&str]| {
        let purged = store.deliveries(&[&["purge", "--endpoint"], arguments].concat());
        assert_eq!((purged.code, purged.stderr.as_str()), (Some(0), ""), "{purged:?}");
        purged.stdout
    };
    assert_eq!(purge(&["quick"]), "0 deliveries deleted.\n");
    assert_eq!(purge(&["later", "--dead"]), "0 deliveries deleted.\n");
    assert_eq!(purge(&["later", "--older-than", "1h"]), "0 deliveries deleted.\n");
    assert_eq!(purge(&["later", "--queued"]), "1 delivery deleted.\n");
    assert_eq!(purge(&["gives_up"]), "1 delivery deleted.\n");
    assert_eq!(each(&store.json(&[]), "state"), ["done"]);
    server.stop();
}

#[test]
fn what_is_listed_is_not_changed() {
    let store = Store::new();
    let (server, url) = store.serve();
    let id = deliver(&url, "gives_up", "1", "{}");
    store.wait_for(1, "dead");
    server.stop();
    let files = || -> Vec<_> {
        let mut files: Vec<_> = fs::read_dir(store.folder.path())
            .unwrap()
            .map(|file| file.unwrap())
            .map(|file| (file.file_name(), fs::read(file.path()).unwrap()))
            .collect();
        files.sort();
        files
    };
    let before = files();
    store.deliveries(&[]);
    store.deliveries(&["show", &id]);
    assert!(files() == before, "{:?}", fs::read_dir(store.folder.path()).unwrap().count());

    // Neither is a file of another program, nor a store of another version.
    let file = rusqlite::Connection::open(&store.file).unwrap();
    file.pragma_update(None, "user_version", 1).unwrap();
    file.pragma_update(None, "journal_mode", "DELETE").unwrap();
    file.close().unwrap();
    let older = files();
    for arguments in [&[][..], &["show", &id], &["retry", &id], &["purge", "--endpoint", "quick"]] {
        let ended = store.deliveries(arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{arguments:?}");
        assert!(ended.stderr.contains("start the server once"), "{}", ended.stderr);
        assert!(files() == older, "{arguments:?}");
    }
    let app = store.folder.path().join("app.db").to_str().unwrap().to_owned();
    let file = rusqlite::Connection::open(&app).unwrap();
    file.execute_batch("CREATE TABLE users (name)").unwrap();
    file.close().unwrap();
    let before = files();
    for arguments in [&[][..], &["retry", "--dead"]] {
        let arguments = [&["deliveries"], arguments, &["--store", &app]].concat();
        let ended = Program::start(&program(), &arguments, &[]).unwrap().wait();
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        assert!(ended.stderr.contains("is not a store of background deliveries"));
        assert!(files() == before);
    }
}

#[test]
fn a_wrong_store_is_told_first_and_without_its_password() {
    let plain = build("quickstart", "dev");
    for command in [&[][..], &["endpoints"], &["deliveries"], &["deliveries", "show", "0"]] {
        for program in [&program(), &plain] {
            for store in ["postgres:/me:hush@host/db", "host=db user=me password=hush dbname=x"] {
                let arguments = [&["--store", store], command].concat();
                let ended = Program::start(program, &arguments, &[]).unwrap().wait();
                assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{arguments:?}");
                assert!(ended.stderr.contains("must be a file, or postgres://"), "{ended:?}");
                assert!(!ended.stderr.contains("hush"), "{ended:?}");
            }
        }
    }
}

#[test]
fn a_program_without_background_functions_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.db").to_str().unwrap().to_owned();
    let plain = build("quickstart", "dev");
    let ended = Program::start(&plain, &["deliveries", "--store", &file], &[]).unwrap().wait();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains("This program has no background endpoint"));
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
}

#[test]
fn a_wrong_command_line_is_told_with_exit_code_2() {
    let store = Store::new();
    for (arguments, said) in [
        (&["--state", "lost"][..], "[possible values: queued, running, done, dead]"),
        (&["--endpoint", "say hello"], "a path is made of ASCII letters"),
        (&["--limit", "0"], "0 is not in 1.."),
        (&["show"], "<ID>"),
        (&["show", "seven"], "an id consists of the digits 0-9 and a-f"),
        (&["retry", "0198-f0c2-seven"], "an id consists of the digits 0-9 and a-f"),
        (&["retry"], "deliveries retry --dead"),
        (&["retry", NONE, "--dead"], "cannot be used with"),
        (&["purge", "--dead"], "--older-than <DURATION>"),
        (&["purge", "--older-than", "1d"], "--dead for dead ones, --endpoint for"),
        (&["purge", "--queued", "--older-than", "1d"], "--endpoint <PATH>"),
        (&["purge", "--dead", "--older-than", "soon"], "invalid value 'soon'"),
        (&["--json", "show", NONE], "cannot be used with"),
    ] {
        let ended = store.deliveries(arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn those_in_a_database_are_listed_shown_run_again_and_deleted() {
    let place = Place::database();
    let store = Store { folder: tempfile::tempdir().unwrap(), file: place.store() };
    let (server, url) = store.serve();
    let dead = deliver(&url, "gives_up", "one", r#"{"a":1}"#);
    store.wait_for(1, "dead");
    let done = deliver(&url, "quick", "two", "{}");
    store.wait_for(1, "done");
    let listed = store.json(&[]);
    assert_eq!(each(&listed, "id"), [done.as_str(), dead.as_str()]);
    assert_eq!(each(&store.json(&["--endpoint", "gives_up"]), "state"), ["dead"]);
    let shown = store.deliveries(&["show", &dead]).stdout;
    assert!(shown.contains("no such dataset") && shown.contains("\"a\": 1"), "{shown}");

    // While the server runs, by an id, and when it doesn't, all.
    assert_eq!(store.deliveries(&["retry", &dead]).stdout, "1 delivery queued again.\n");
    let attempts = |count: usize| {
        let deadline = Instant::now() + PATIENCE;
        while store.json(&["show", &dead])["failed_attempts"].as_array().unwrap().len() < count {
            assert!(Instant::now() < deadline, "{}", store.json(&[]));
        }
        store.wait_for(1, "dead");
    };
    attempts(2);
    server.stop();
    let refused = store.deliveries(&["retry", &done]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""));
    assert_eq!(store.deliveries(&["retry", "--dead"]).stdout, "1 delivery queued again.\n");
    let (server, url) = store.serve();
    attempts(3);

    // By the page, and what the server says of its health.
    let viewer = Viewer::of_program(&url);
    let again = viewer.request(&format!("POST /deliveries/{dead}/retry"), &BY_SCRIPT, "").unwrap();
    assert_eq!(again.json(), json!({ "delivery": dead, "state": "queued" }));
    attempts(4);
    let page = viewer.get("/").unwrap().body;
    assert!(page.contains(&format!("data-id=\"{dead}\"")) && page.contains("no such dataset"));
    let health = get(&url, "/health").unwrap().json();
    assert_eq!(health["store"], json!({ "kind": "postgres", "status": "ok" }));

    let purged = store.deliveries(&["purge", "--dead", "--older-than", "0s"]);
    assert_eq!(purged.stdout, "1 delivery deleted.\n");
    assert_eq!(each(&store.json(&[]), "id"), [done.as_str()]);
    server.stop();
}

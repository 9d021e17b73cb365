//! Which store the command opens.

use std::fs;
use std::time::Instant;

use serde_json::json;
use tests::background::Place;
use tests::client::{BY_SCRIPT, PATIENCE, Viewer, get};
use tests::program::Program;
use tests::programs::quickstart;

use super::{CommandStore, NONE, deliver, each, program};

#[test]
fn a_store_that_is_not_there_is_said_so_and_not_made() {
    let store = CommandStore::new();
    for arguments in [
        &[][..],
        &["--json"],
        &["show", NONE],
        &["logs", NONE, "--follow"],
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
    let store = CommandStore::new();
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
    let store = CommandStore::new();
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
    let store = CommandStore::new();
    let (server, url) = store.serve();
    let first = deliver(&url, "gives_up", "1", "{}");
    let second = deliver(&url, "gives_up", "2", "{}");
    store.wait_for(2, "dead");
    // Ids that were made one after the other begin alike.
    let alike = first.bytes().zip(second.bytes()).take_while(|(a, b)| a == b).count();
    let enough = &first[..=alike];
    let shown = store.deliveries(&["show", enough]);
    assert_eq!((shown.code, shown.stderr.as_str()), (Some(0), ""));
    assert!(shown.stdout.starts_with(&format!("delivery       {first}\n")), "{}", shown.stdout);
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
    let store = CommandStore::new();
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
    let store = CommandStore::new();
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
    let plain = quickstart();
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
    let plain = quickstart();
    let ended = Program::start(&plain, &["deliveries", "--store", &file], &[]).unwrap().wait();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains("This program has no background endpoint"));
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
}

#[test]
fn a_wrong_command_line_is_told_with_exit_code_2() {
    let store = CommandStore::new();
    for (arguments, said) in [
        (
            &["--state", "lost"][..],
            "[possible values: queued, running, done, dead, superseded, cancelled]",
        ),
        (&["--endpoint", "say hello"], "a path cannot contain ' '"),
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
    let store = CommandStore { folder: tempfile::tempdir().unwrap(), file: place.store() };
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
    let message = "It is queued again.";
    let queued = json!({ "delivery": dead, "state": "queued", "message": message });
    assert_eq!(again.json(), queued);
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

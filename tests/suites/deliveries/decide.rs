//! Dead deliveries: run again or deleted.

use std::time::Instant;

use serde_json::json;
use tests::client::PATIENCE;

use super::{CommandStore, NONE, deliver, each};

#[test]
fn dead_ones_are_run_again_by_their_ids() {
    let store = CommandStore::new();
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
    let store = CommandStore::new();
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
    let store = CommandStore::new();
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

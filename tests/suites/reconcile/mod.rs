//! Commits whose deliveries the server has missed, which it finds by asking the Hub.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

mod failures;
mod own_commits;

use serde_json::{Value, json};
use tests::background::{Place, id_of, wait_until};
use tests::client::{ClientResponse, post};
use tests::hub::{TestHub, Trouble};
use tests::on_both_stores;
use tests::payloads::dataset_commit;
use tests::program::Program;

const REPO: &str = "dataset:me/data";
const REFS: &str = "GET /api/datasets/me/data/refs";

on_both_stores! {
    a_commit_that_was_missed_is_one_delivery
    a_delivery_that_arrives_is_not_made_again
    a_sample_that_a_person_triggers_moves_no_ref
    a_commit_to_a_repo_of_a_watched_owner_is_found
    a_ref_that_returns_to_a_commit_that_was_made_is_delivered
    what_arrives_last_is_noted_before_the_end
}

fn hub() -> (TestHub, String) {
    let hub = TestHub::start();
    hub.create_repo(REPO);
    let first = commit(&hub, "main");
    (hub, first)
}

fn commit(hub: &TestHub, branch: &str) -> String {
    let contents = format!("{}", hub.requests().len());
    hub.push(REPO, branch, &[("data.csv", Some(contents.as_bytes()))])
}

/// The variables of a server that asks the Hub all the time.
fn variables(hub: &TestHub) -> Vec<(&str, &str)> {
    let interval = [("WEBHOOKS_RECONCILE", "1h"), ("WEBHOOKS_TEST_RECONCILE_INTERVAL_MS", "300")];
    [&hub.variables()[..], &interval].concat()
}

/// Starts a server, and waits until it has compared the refs once.
fn start(place: &Place, hub: &TestHub) -> Program {
    let program = place.start(&variables(hub));
    let _ = program.local_url();
    ask(hub, 1);
    program
}

/// Waits until the server has asked this many times more, and has compared each response but the last.
fn ask(hub: &TestHub, count: usize) {
    hub.forget_requests();
    hub.wait_for_requests(REFS, count + 1);
}

/// Does something between two polls, however long it takes.
fn between_polls<T>(hub: &TestHub, action: impl FnOnce() -> T) -> T {
    hub.trouble_at(REFS, usize::MAX, Trouble::Status(500));
    let result = action();
    hub.clear_troubles();
    result
}

/// What ran.
fn runs(place: &Place) -> Vec<String> {
    place.journal().into_iter().map(|entry| entry.what).collect()
}

/// Sends the delivery of a commit, as the Hub does.
fn send(program: &Program, old: &str, new: &str) -> ClientResponse {
    let mut body = dataset_commit();
    body["repo"]["name"] = json!("me/data");
    body["updatedRefs"] = json!([{ "ref": "refs/heads/main", "oldSha": old, "newSha": new }]);
    post(&program.local_url(), "/webhooks/watches", &body.to_string()).unwrap()
}

fn a_commit_that_was_missed_is_one_delivery(place: &Place) {
    let (hub, old) = hub();
    let program = start(place, &hub);
    ask(&hub, 2);
    // The first sight of a ref is no delivery.
    assert_eq!(runs(place), [""; 0]);
    assert_eq!(program.stop().code, Some(0));

    let new = commit(&hub, "main");
    commit(&hub, "other");
    let program = start(place, &hub);
    wait_until("it is found", || runs(place).len() == 1);
    ask(&hub, 3);
    assert_eq!(runs(place), [format!("{old}..{new}")]);
    let id = place.kept()[0].id.clone();
    place.wait_for(&id, "done");
    let shown = place.command(&["deliveries", "show", "--json", &id], &[]);
    assert_eq!(serde_json::from_str::<Value>(&shown.stdout).unwrap()["origin"], "reconcile");

    // The Hub sends it after all.
    let late = send(&program, &old, &new);
    assert_eq!((late.status, id_of(&late)), (200, id));
    assert_eq!(late.json()["state"], "done");
    assert_eq!(program.stop().code, Some(0));
    assert_eq!(runs(place).len(), 1);
    hub.assert_no_faults();
}

fn a_delivery_that_arrives_is_not_made_again(place: &Place) {
    let (hub, old) = hub();
    let program = start(place, &hub);
    let new = between_polls(&hub, || {
        let new = commit(&hub, "main");
        assert_eq!(send(&program, &old, &new).status, 202);
        new
    });
    ask(&hub, 4);
    assert_eq!(runs(place), [format!("{old}..{new}")]);
    // The late delivery of an older commit does not change what was seen.
    assert_eq!(send(&program, "0", &old).status, 202);
    ask(&hub, 4);
    assert_eq!(runs(place).len(), 2);
    assert_eq!(program.stop().code, Some(0));
}

fn a_sample_that_a_person_triggers_moves_no_ref(place: &Place) {
    let (hub, old) = hub();
    let program = start(place, &hub);
    assert_eq!(send(&program, "1111", "2222").status, 202);
    wait_until("the sample runs", || runs(place).len() == 1);
    ask(&hub, 4);
    let new = commit(&hub, "main");
    wait_until("it is found", || runs(place).len() > 1);
    ask(&hub, 3);
    assert_eq!(runs(place), ["1111..2222".to_owned(), format!("{old}..{new}")]);
    assert_eq!(program.stop().code, Some(0));
}

fn a_commit_to_a_repo_of_a_watched_owner_is_found(place: &Place) {
    let (hub, _) = hub();
    hub.create_org("acme");
    for repo in ["model:acme/one", "dataset:acme/two", "space:acme/three"] {
        hub.create_repo(repo);
    }
    let old = hub.head("dataset:acme/two", "main").unwrap();
    let program = start(place, &hub);
    hub.wait_for_requests("GET /api/spaces/acme/three/refs", 2);
    let new = hub.push("dataset:acme/two", "main", &[("data.csv", Some(b"seed"))]);
    wait_until("it is found", || runs(place).len() == 1);
    ask(&hub, 3);
    assert_eq!(runs(place), [format!("{old}..{new}")]);
    assert_eq!(program.stop().code, Some(0));
    hub.assert_no_faults();
}

fn a_ref_that_returns_to_a_commit_that_was_made_is_delivered(place: &Place) {
    let (hub, first) = hub();
    let program = start(place, &hub);
    let made = commit(&hub, "main");
    wait_until("it is found", || runs(place).len() == 1);
    // A push, and a forced push back.
    between_polls(&hub, || {
        assert_eq!(send(&program, &made, "cccc").status, 202);
        wait_until("the push runs", || runs(place).len() == 2);
        assert_eq!(send(&program, "cccc", &made).status, 202);
        wait_until("the forced push runs", || runs(place).len() == 3);
    });
    ask(&hub, 3);
    let expected = [format!("{first}..{made}"), format!("{made}..cccc"), format!("cccc..{made}")];
    assert_eq!(runs(place), expected);
    assert_eq!(program.stop().code, Some(0));
}

fn what_arrives_last_is_noted_before_the_end(place: &Place) {
    let (hub, old) = hub();
    assert_eq!(start(place, &hub).stop().code, Some(0));
    let program = start(place, &hub);
    let new = "dddd";
    assert_eq!(send(&program, &old, new).status, 202);
    assert_eq!(program.stop().code, Some(0));
    // The ref on the Hub is still the old one. It is made only if the new one was noted.
    let program = start(place, &hub);
    wait_until("the ref has moved back", || runs(place).contains(&format!("{new}..{old}")));
    assert_eq!(program.stop().code, Some(0));
}

#[test]
#[ignore = "needs PostgreSQL"]
fn of_two_replicas_one_makes_the_delivery() {
    let place = Place::database();
    let (hub, old) = hub();
    let replicas = [start(&place, &hub), start(&place, &hub)];
    ask(&hub, 2);
    let new = commit(&hub, "main");
    wait_until("it is found", || runs(&place).len() == 1);
    ask(&hub, 3);
    assert_eq!(runs(&place), [format!("{old}..{new}")]);
    // The other one goes on when the one that asks has ended.
    let [first, second] = replicas;
    assert_eq!(first.stop().code, Some(0));
    ask(&hub, 1);
    let newer = commit(&hub, "main");
    wait_until("it is found, too", || runs(&place).len() == 2);
    assert_eq!(runs(&place)[1], format!("{new}..{newer}"));
    assert_eq!(second.stop().code, Some(0));
}

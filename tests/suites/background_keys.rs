//! Deliveries with keys: one run for all deliveries that arrive while it waits, with the changes of all.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use serde_json::{Value, json};
use tests::background::{Place, id_of};
use tests::client::post;
use tests::on_both_stores;
use tests::payloads::dataset_commit;

on_both_stores! {
    several_commits_are_one_run_with_all_their_changes
    an_event_that_cannot_be_merged_keeps_its_place
}

/// Sends a delivery of a repo, and gives its id.
fn send(url: &str, repo: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut body = dataset_commit();
    body["repo"]["name"] = json!(repo);
    change(&mut body);
    let answer = post(url, "/webhooks/debounced", &body.to_string()).unwrap();
    assert_eq!(answer.status, 202, "{answer:?}");
    id_of(&answer)
}

/// Sends a commit.
fn commit(url: &str, repo: &str, (old, new): (&str, &str)) -> String {
    send(url, repo, |body| {
        let updated = json!({ "ref": "refs/heads/main", "oldSha": old, "newSha": new });
        body["updatedRefs"] = json!([updated]);
    })
}

/// What ran, without the function's name.
fn runs(place: &Place) -> Vec<String> {
    place.journal().into_iter().map(|entry| entry.what).collect()
}

fn several_commits_are_one_run_with_all_their_changes(place: &Place) {
    let program = place.start(&[]);
    let url = program.local_url();
    // The second one arrives late.
    let changes = [("a", "b"), ("c", "d"), ("b", "c")];
    let ids = changes.map(|change| commit(&url, "me/data", change));
    let other = commit(&url, "me/other", ("x", "y"));
    place.wait_for_all();
    let mut runs = runs(place);
    runs.sort();
    assert_eq!(runs, ["a..d", "x..y"]);
    let states = ids.map(|id| place.delivery(&id).state);
    assert_eq!(states, ["superseded", "superseded", "done"]);
    assert_eq!(place.delivery(&other).state, "done");
    assert_eq!(program.stop().code, Some(0));
}

fn an_event_that_cannot_be_merged_keeps_its_place(place: &Place) {
    let program = place.start(&[]);
    let url = program.local_url();
    let before = commit(&url, "me/data", ("a", "b"));
    let moved = send(&url, "me/data", |body| {
        body["event"] = json!({ "action": "move", "scope": "repo" });
        body["updatedRefs"] = json!([{ "ref": "moved", "oldSha": "-", "newSha": "-" }]);
    });
    let after = commit(&url, "me/data", ("b", "c"));
    place.wait_for_all();
    assert_eq!(runs(place), ["a..b", "-..-", "b..c"]);
    for id in [before, moved, after] {
        assert_eq!(place.delivery(&id).state, "done");
    }
    assert_eq!(program.stop().code, Some(0));
}

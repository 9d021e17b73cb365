//! What a person does to background deliveries from a terminal: cancel them, run them again, pause their endpoints.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use serde_json::{Value, json};
use tests::background::{Place, accepted, deliver, id_of, wait_until};
use tests::client::{get, post};
use tests::on_both_stores;
use tests::payloads::dataset_commit;
use tests::program::Ended;

on_both_stores! {
    queued_and_running_deliveries_are_cancelled
    a_delivery_that_is_to_be_stopped_is_shown_as_stopping
    a_thread_is_not_cancelled
    all_deliveries_of_an_endpoint_are_cancelled
    ended_deliveries_run_again
    a_paused_endpoint_accepts_and_runs_nothing_also_after_a_restart
    an_unknown_endpoint_is_not_paused
    the_log_names_the_outcome_of_each_attempt
}

/// Runs `deliveries` to its end.
fn deliveries(place: &Place, arguments: &[&str]) -> Ended {
    place.command(&[&["deliveries"], arguments].concat(), &[])
}

/// The same for a command that succeeds, and gives what it prints.
fn printed(place: &Place, arguments: &[&str]) -> String {
    let ended = deliveries(place, arguments);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    ended.stdout
}

/// The line of a log about a delivery that has this text.
fn line<'a>(log: &'a str, id: &str, text: &str) -> &'a str {
    let found = log.lines().find(|line| line.contains(id) && line.contains(text));
    assert!(found.is_some(), "no {text:?} of {id}: {log}");
    found.unwrap()
}

const STOPPING: &str = "1 delivery is being stopped: its function ends at its next .await, and the delivery becomes cancelled.\n";

fn queued_and_running_deliveries_are_cancelled(place: &Place) {
    let program = place.start(&[]);
    let url = program.local_url();
    let running = accepted(&url, "alone", Some("a"), 600_000);
    place.wait_for(&running, "running");
    let queued = accepted(&url, "alone", None, 0);
    let next = accepted(&url, "alone", None, 0);
    assert_eq!(printed(place, &["cancel", &queued]), "1 delivery cancelled.\n");
    assert_eq!(place.delivery(&queued).state, "cancelled");

    assert_eq!(printed(place, &["cancel", &running]), STOPPING);
    place.wait_for(&running, "cancelled");
    place.wait_for(&next, "done");
    assert_eq!(place.starts(), [(running.clone(), 1), (next, 1)].into());

    // Neither the one that was cancelled nor what is not there.
    let ended = deliveries(place, &["cancel", &running, "ffff"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    let rule = "is cancelled, and only queued and running deliveries can be cancelled.";
    assert!(ended.stderr.contains(&format!("error: {running} {rule}\n")), "{}", ended.stderr);
    assert!(ended.stderr.contains("error: There is no delivery ffff in "), "{}", ended.stderr);
    let shown: Value =
        serde_json::from_str(&printed(place, &["show", &running, "--json"])).unwrap();
    assert_eq!((&shown["state"], &shown["note"]), (&json!("cancelled"), &json!("cancelled")));
    // Its retry by the Hub is a duplicate.
    let answer = deliver(&url, "alone", Some("a"), 0).unwrap();
    assert_eq!((answer.status, &answer.json()["state"]), (200, &json!("cancelled")));

    let log = program.stop().stderr;
    let ended = line(&log, &running, "the delivery was cancelled");
    for part in ["INFO", "state=cancelled", "attempt=1", "webhook_id=\"a\"", "/webhooks/alone"] {
        assert!(ended.contains(part), "{part}: {ended}");
    }
}

fn a_delivery_that_is_to_be_stopped_is_shown_as_stopping(place: &Place) {
    let program = place.start(&[]);
    let id = accepted(&program.local_url(), "sleeps", None, 600_000);
    place.wait_for(&id, "running");
    // Nothing stops it until another server recovers it.
    program.kill();
    let shown =
        || -> Value { serde_json::from_str(&printed(place, &["show", &id, "--json"])).unwrap() };
    assert_eq!(shown()["cancel_requested"], json!(false));
    assert_eq!(printed(place, &["cancel", &id]), STOPPING);
    let requested = shown();
    assert_eq!(
        (&requested["state"], &requested["cancel_requested"]),
        (&json!("running"), &json!(true))
    );
    assert!(printed(place, &["show", &id]).contains("\nstate          stopping\n"));
    assert!(printed(place, &["--state", "running"]).contains("  stopping  "));
}

fn a_thread_is_not_cancelled(place: &Place) {
    let program = place.start(&[]);
    let id = accepted(&program.local_url(), "thread", None, 2000);
    place.wait_for_entries("start", "thread", 1);
    let refused = deliveries(place, &["cancel", &id]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""));
    let error = format!(
        "error: {id} cannot be stopped, because its function is not async: it runs until it returns. To prevent \
         further attempts, pause the endpoint.\n"
    );
    assert_eq!(refused.stderr, error);
    place.wait_for(&id, "done");
    assert_eq!(program.stop().code, Some(0));
}

fn all_deliveries_of_an_endpoint_are_cancelled(place: &Place) {
    let program = place.start(&[]);
    let url = program.local_url();
    let running: Vec<_> = (0..4).map(|_| accepted(&url, "sleeps", None, 600_000)).collect();
    place.wait_for_entries("start", "sleeps", 4);
    let _queued: Vec<_> = (0..3).map(|_| accepted(&url, "sleeps", None, 0)).collect();
    let other = accepted(&url, "later", None, 0);
    let cancelled = printed(place, &["cancel", "--endpoint", "sleeps"]);
    let expected = "3 deliveries cancelled.\n\
        4 deliveries are being stopped: each function ends at its next .await, and its delivery becomes cancelled.\n";
    assert_eq!(cancelled, expected);
    wait_until("all are cancelled", || place.states().get("cancelled") == Some(&7));
    assert_eq!(place.delivery(&other).state, "queued");
    assert_eq!(place.starts().len(), running.len());
    for path in ["sleeps", "/webhooks/sleeps"] {
        let none = printed(place, &["cancel", "--endpoint", path]);
        assert_eq!(none, "0 deliveries cancelled.\n");
    }
    let unknown = deliveries(place, &["cancel", "--endpoint", "slepes"]);
    assert_eq!((unknown.code, unknown.stdout.as_str()), (Some(1), ""));
    assert!(unknown.stderr.starts_with("error: There is no endpoint /webhooks/slepes in "));
    let nothing = deliveries(place, &["cancel"]);
    assert_eq!(nothing.code, Some(2));
    let usage = "Name deliveries by their ids, or cancel all of an endpoint: deliveries cancel --endpoint PATH";
    assert!(nothing.stderr.contains(usage), "{}", nothing.stderr);
    assert_eq!(program.stop().code, Some(0));
}

fn ended_deliveries_run_again(place: &Place) {
    let program = place.start(&[]);
    let url = program.local_url();
    let done = accepted(&url, "quick", None, 0);
    let dead = accepted(&url, "gives_up", None, 0);
    let running = accepted(&url, "alone", None, 600_000);
    let cancelled = accepted(&url, "alone", None, 0);
    place.wait_for(&running, "running");
    assert_eq!(printed(place, &["cancel", &cancelled]), "1 delivery cancelled.\n");
    place.wait_for(&done, "done");
    place.wait_for(&dead, "dead");
    let again = printed(place, &["rerun", &done, &dead, &cancelled]);
    assert_eq!(again, "3 deliveries queued again.\n");
    wait_until("they ran again", || {
        let starts = place.starts();
        starts[&done] == 2 && starts[&dead] == 2
    });
    place.wait_for(&done, "done");
    assert_eq!(place.delivery(&done).attempt, 1);
    // It waits for its turn.
    assert_eq!(place.delivery(&cancelled).state, "queued");
    let refused = deliveries(place, &["rerun", &running]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""));
    let rule = "is running, and only deliveries that have ended can be run again.";
    assert_eq!(refused.stderr, format!("error: {running} {rule}\n"));
    assert_eq!(printed(place, &["cancel", &running]), STOPPING);
    place.wait_for(&cancelled, "done");
    assert_eq!(program.stop().code, Some(0));
}

/// The paused endpoints in a server's report of its health.
fn paused(url: &str) -> Value {
    let health = get(url, "/health").unwrap().json();
    assert_eq!(health["status"], "ok", "{health}");
    health["paused"].clone()
}

fn a_paused_endpoint_accepts_and_runs_nothing_also_after_a_restart(place: &Place) {
    let program = place.start(&[]);
    let url = program.local_url();
    assert_eq!(paused(&url), Value::Null);
    let text = "/webhooks/quick is paused: its deliveries are accepted and stay queued, running ones go on. To run \
                them: deliveries resume quick\n";
    assert_eq!(printed(place, &["pause", "quick"]), text);
    let since = "/webhooks/quick has been paused since 2";
    let until = ": its deliveries stay queued until `deliveries resume quick`";
    let again = printed(place, &["pause", "/webhooks/quick"]);
    assert!(again.starts_with(since) && again.ends_with(&format!("{until}.\n")), "{again}");
    wait_until("the server notices", || paused(&url) == json!(["/webhooks/quick"]));
    let first = accepted(&url, "quick", None, 0);
    let other = accepted(&url, "once", None, 0);
    place.wait_for(&other, "done");
    let log = program.stop().stderr;
    assert!(!log.contains("has been paused"), "{log}");

    let program = place.start(&[]);
    let url = program.local_url();
    let second = accepted(&url, "quick", None, 0);
    assert_eq!(paused(&url), json!(["/webhooks/quick"]));
    let other = accepted(&url, "once", None, 0);
    place.wait_for(&other, "done");
    let listed = deliveries(place, &["--endpoint", "quick"]);
    assert_eq!(listed.stdout.matches("  queued  ").count(), 2, "{listed:?}");
    let shown = printed(place, &["show", &first]);
    assert!(shown.contains("\nnext attempt   after `deliveries resume quick`\n"), "{shown}");
    assert!(listed.stderr.starts_with(since) && listed.stderr.ends_with(&format!("{until}.\n")));
    let elsewhere = deliveries(place, &["--endpoint", "once"]);
    assert_eq!(elsewhere.stderr, "");

    let resumed = "/webhooks/quick is resumed: its queued deliveries run.\n";
    assert_eq!(printed(place, &["resume", "quick"]), resumed);
    for id in [&first, &second] {
        place.wait_for(id, "done");
    }
    wait_until("the server notices", || paused(&url) == Value::Null);
    let once_more = printed(place, &["resume", "quick"]);
    assert_eq!(once_more, "/webhooks/quick was not paused.\n");
    let ended = program.stop();
    // On standard output for a person, in the log for all others.
    let banner = ended.stdout.lines().find(|line| line.contains(since)).unwrap();
    assert!(banner.starts_with("* ") && banner.ends_with(until), "{banner}");
    let warning = ended.stderr.lines().find(|line| line.contains(since)).unwrap();
    assert!(warning.contains(" WARN ") && warning.ends_with(until), "{warning}");
}

fn an_unknown_endpoint_is_not_paused(place: &Place) {
    let program = place.start(&[]);
    let _ = program.local_url();
    for command in ["pause", "resume"] {
        let unknown = deliveries(place, &[command, "qiuck"]);
        assert_eq!((unknown.code, unknown.stdout.as_str()), (Some(1), ""), "{unknown:?}");
        let start = "error: There is no endpoint /webhooks/qiuck in ";
        let known =
            ". This program has the background endpoints /webhooks/alone, /webhooks/blocks, ";
        let end = "; the server adds them to its store when it starts.\n";
        let error = unknown.stderr;
        assert!(
            error.starts_with(start) && error.contains(known) && error.ends_with(end),
            "{error}"
        );
    }
    assert_eq!(program.stop().code, Some(0));
}

fn the_log_names_the_outcome_of_each_attempt(place: &Place) {
    let program = place.start(&[]);
    let url = program.local_url();
    let commit = |old: &str, new: &str| {
        let mut body = dataset_commit();
        body["updatedRefs"] = json!([{ "ref": "refs/heads/main", "oldSha": old, "newSha": new }]);
        let answer = post(&url, "/webhooks/replaceable", &body.to_string()).unwrap();
        assert_eq!(answer.status, 202, "{answer:?}");
        id_of(&answer)
    };
    let older = commit("a", "b");
    place.wait_for(&older, "running");
    let newer = commit("b", "c");
    place.wait_for(&newer, "done");
    let later = accepted(&url, "busy", None, 0);
    wait_until("it was asked to run later", || {
        printed(place, &["show", &later]).contains("\nnote           no GPU is free")
    });
    let listed = printed(place, &[]);
    assert!(line(&listed, &older, "superseded").ends_with(&format!("superseded by {newer}")));
    let shown = printed(place, &["show", &older]);
    for part in ["key            dataset:", "superseded by  "] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains("note"), "{shown}");
    let shown = printed(place, &["show", &newer]);
    assert!(shown.contains("merged         1 delivery, which this one replaced\n"), "{shown}");
    let log = program.stop().stderr;
    let replaced = line(&log, &older, "a newer delivery replaces this one");
    assert!(replaced.contains("INFO") && replaced.contains("state=superseded"), "{replaced}");
    assert!(!replaced.contains("retry_in"), "{replaced}");
    let snoozed = line(&log, &later, "the function is to be called again later");
    for part in ["INFO", "state=queued", "retry_in=3600s", "no GPU is free"] {
        assert!(snoozed.contains(part), "{part}: {snoozed}");
    }
    assert!(!log.contains("the delivery was cancelled"), "{log}");
}

#[test]
fn an_outcome_that_was_not_written_is_not_logged() {
    let place = Place::file();
    let program = place.start(&[("SHUTDOWN_SECONDS", "0")]);
    let url = program.local_url();
    let answer = post(&url, "/webhooks/replaceable", &dataset_commit().to_string()).unwrap();
    let id = id_of(&answer);
    place.wait_for(&id, "running");
    // As if another replica had recovered and claimed it.
    let store = rusqlite::Connection::open(place.store()).unwrap();
    assert_eq!(store.execute("UPDATE deliveries SET fence = fence + 1", []).unwrap(), 1);
    let log = program.stop().stderr;
    let discarded = line(&log, &id, "discarding the result of this attempt");
    assert!(discarded.contains("WARN"), "{discarded}");
    assert!(!log.contains("state="), "{log}");
}

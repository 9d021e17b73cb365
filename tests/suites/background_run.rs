//! How background functions are run: attempts, and how a delivery ends.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use std::time::{SystemTime, UNIX_EPOCH};

use tests::background::{Kept, Place, accepted, deliver, id_of, wait_until};
use tests::client::request;
use tests::on_both_stores;

on_both_stores! {
    a_function_that_fails_is_tried_again_and_may_succeed
    a_function_that_always_fails_ends_dead_after_its_last_attempt
    a_permanent_error_is_not_tried_again
    a_panic_is_a_failure_like_another
    a_function_that_takes_too_long_is_dropped
    a_thread_that_succeeds_after_its_timeout_is_done
    a_thread_that_fails_after_its_timeout_has_failed_and_never_overlaps
    a_function_that_hangs_past_its_timeout_is_marked_everywhere
    a_script_gets_its_payload_and_is_killed_with_its_children
    a_function_is_told_about_its_delivery
    no_more_than_its_concurrency_run_at_a_time
    what_has_ended_is_kept_for_as_long_as_is_said
    a_retry_is_known_however_short_what_is_done_is_kept
}

/// Runs one delivery until it is done or dead, and gives it, the journal's lines, and the log.
fn run(place: &Place, function: &str, milliseconds: u32) -> (Kept, Vec<String>, String) {
    let program = place.start(&[]);
    let id = accepted(&program.local_url(), function, Some("a"), milliseconds);
    place.wait_for_all();
    let kept = place.delivery(&id);
    let ended = program.stop();
    assert_eq!(ended.code, Some(0));
    let journal = place.journal();
    let journal = journal.iter().map(|it| format!("{} {}", it.what, it.attempt)).collect();
    (kept, journal, ended.stderr)
}

/// The line of the log about how an attempt ended.
fn line<'a>(log: &'a str, kept: &Kept, attempt: u32) -> &'a str {
    let attempt = format!("attempt={attempt}");
    let line = log.lines().find(|it| it.contains(&attempt) && it.contains("the function "));
    let line = line.unwrap();
    for part in [&format!("delivery={}", kept.id), "webhook_id=\"a\"", &kept.function] {
        assert!(line.contains(part), "{part}: {line}");
    }
    line
}

fn a_function_that_fails_is_tried_again_and_may_succeed(place: &Place) {
    let (kept, journal, log) = run(place, "recovers", 0);
    assert_eq!((kept.state, kept.attempt), ("done", 2));
    assert_eq!(journal, ["start 1", "start 2"]);
    let failed = line(&log, &kept, 1);
    for part in ["WARN", "not yet", "state=queued", "retry_in="] {
        assert!(failed.contains(part), "{part}: {failed}");
    }
    let succeeded = line(&log, &kept, 2);
    assert!(succeeded.contains("INFO") && succeeded.contains("state=done"), "{succeeded}");
}

fn a_function_that_always_fails_ends_dead_after_its_last_attempt(place: &Place) {
    let (kept, journal, log) = run(place, "fails", 0);
    assert_eq!((kept.state, kept.attempt), ("dead", 3));
    assert_eq!(kept.error.as_deref(), Some("the training failed: the disk is full"));
    assert_eq!(journal, ["start 1", "start 2", "start 3"]);
    let last = line(&log, &kept, 3);
    for part in ["ERROR", "state=dead", "the training failed: the disk is full"] {
        assert!(last.contains(part), "{part}: {last}");
    }
}

fn a_permanent_error_is_not_tried_again(place: &Place) {
    let (kept, journal, _) = run(place, "gives_up", 0);
    assert_eq!((kept.state, kept.attempt), ("dead", 1));
    assert_eq!(kept.error.as_deref(), Some("no such dataset"));
    assert_eq!(journal, ["start 1"]);
}

fn a_panic_is_a_failure_like_another(place: &Place) {
    let (kept, _, log) = run(place, "panics", 0);
    assert_eq!((kept.state, kept.attempt), ("dead", 1));
    assert_eq!(kept.error.as_deref(), Some("it panicked: oh no"));
    let panic = line(&log, &kept, 1);
    assert!(panic.contains("the function panicked") && panic.contains("location="), "{panic}");
    let failed = log.lines().find(|line| line.contains("it panicked: oh no")).unwrap();
    assert!(failed.contains(&kept.id) && failed.contains("state=dead"), "{failed}");
}

fn a_function_that_takes_too_long_is_dropped(place: &Place) {
    let (kept, journal, _) = run(place, "late", 0);
    assert_eq!((kept.state, kept.attempt), ("dead", 2));
    assert_eq!(kept.error.as_deref(), Some("it took longer than 100ms"));
    assert_eq!(journal, ["start 1", "start 2"]);
}

fn a_thread_that_succeeds_after_its_timeout_is_done(place: &Place) {
    let (kept, journal, log) = run(place, "thread", 6000);
    assert_eq!((kept.state, kept.attempt, kept.error.as_deref()), ("done", 1, None));
    assert_eq!(journal, ["start 1", "end 1"]);
    let said = |text| log.lines().filter(move |line| line.contains(text)).collect::<Vec<_>>();
    let late = said("the function succeeded after its timeout");
    assert!(late.len() == 1 && late[0].contains("timeout=200ms"), "{log}");
    assert!(late[0].contains("WARN") && late[0].contains(&kept.id), "{log}");
    // Again and again, while it runs.
    assert!(said("exceeded its timeout and is still running").len() >= 2, "{log}");
}

fn a_thread_that_fails_after_its_timeout_has_failed_and_never_overlaps(place: &Place) {
    let (kept, journal, _) = run(place, "fails_late", 600);
    assert_eq!((kept.state, kept.attempt), ("dead", 2));
    assert_eq!(kept.error.as_deref(), Some("the disk is full"));
    assert_eq!(journal, ["start 1", "end 1", "start 2", "end 2"]);
}

fn a_function_that_hangs_past_its_timeout_is_marked_everywhere(place: &Place) {
    let program = place.start(&[("SHUTDOWN_SECONDS", "0")]);
    let url = program.local_url();
    let id = accepted(&url, "thread", None, 600_000);
    let waits = accepted(&url, "thread", None, 0);
    let health = || request(&url, "GET /health", &[], "").unwrap().json();
    wait_until("the server is degraded", || health()["status"] == "degraded");
    assert_eq!(health()["timed_out_still_running"], 1);
    let list = |arguments: &[&str]| place.command(arguments, &[]).stdout;
    let listed = list(&["deliveries"]);
    let line = listed.lines().find(|line| line.contains(&id)).unwrap();
    assert!(line.contains("timed out, still running"), "{listed}");
    assert!(list(&["deliveries", "show", &id]).contains("timed out, still running"));
    let json: Vec<serde_json::Value> =
        serde_json::from_str(&list(&["deliveries", "--json"])).unwrap();
    for (id, state, timed_out) in [(&id, "running", true), (&waits, "queued", false)] {
        let row = json.iter().find(|row| row["id"] == **id).unwrap();
        assert_eq!((&row["state"], &row["timed_out"]), (&state.into(), &timed_out.into()));
    }
    program.stop();
}

fn a_script_gets_its_payload_and_is_killed_with_its_children(place: &Place) {
    let script = "cat >input; sleep 600 & echo $! >child; wait";
    let folder = place.folder().to_str().unwrap();
    let script = format!("cd {folder} && {script}");
    let program = place.start(&[("SCRIPT", &script), ("PATH", "/usr/bin:/bin")]);
    // More than a pipe, an argument or a variable holds.
    let body = format!("{{\"text\":\"{}\"}}", "x".repeat(300_000));
    let headers = ["Content-Type: application/json"];
    let answer = request(&program.local_url(), "POST /webhooks/script", &headers, &body).unwrap();
    assert_eq!(answer.status, 202);
    let kept = place.wait_for(&id_of(&answer), "dead");
    assert_eq!(kept.error.as_deref(), Some("it took longer than 2s"));
    assert_eq!(std::fs::read_to_string(place.folder().join("input")).unwrap(), body);
    let child = std::fs::read_to_string(place.folder().join("child")).unwrap();
    let command = format!("/proc/{}/cmdline", child.trim());
    // One that was killed and not yet reaped has none.
    wait_until("the script's child is killed", || {
        std::fs::read(&command).map_or(true, |command| command.is_empty())
    });
}

fn a_function_is_told_about_its_delivery(place: &Place) {
    let milliseconds = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let before = milliseconds();
    let program = place.start(&[]);
    let id = accepted(&program.local_url(), "fields", Some("a b"), 0);
    let line = program.wait_for("fields ");
    let (fields, received_at) = line.rsplit_once(' ').unwrap();
    assert_eq!(fields, format!("fields {id} Some(\"a b\") 1/7 /webhooks/fields"));
    let received_at: u128 = received_at.parse().unwrap();
    assert!((before..=milliseconds()).contains(&received_at), "{received_at}");
}

fn no_more_than_its_concurrency_run_at_a_time(place: &Place) {
    let program = place.start(&[]);
    let url = program.local_url();
    for _ in 0..24 {
        let _ = accepted(&url, "sleeps", None, 300);
    }
    place.wait_for_all();
    let (mut running, mut most) = (0, 0);
    for entry in place.journal() {
        running += if entry.what == "start" { 1 } else { -1 };
        most = most.max(running);
    }
    assert_eq!((running, most), (0, 4));
}

fn what_has_ended_is_kept_for_as_long_as_is_said(place: &Place) {
    let program = place.start(&[]);
    let url = program.local_url();
    let _ = accepted(&url, "quick", None, 0);
    let _ = accepted(&url, "gives_up", None, 0);
    let _ = accepted(&url, "later", None, 0);
    let later = || place.kept().into_iter().find(|kept| kept.function == "later").unwrap();
    wait_until("the one that is tried again waits", || {
        later().error.is_some() && place.states().len() == 3
    });
    program.stop();
    place.pass_an_hour();
    for (setting, left) in [
        (("KEEP_DONE_SECONDS", "3700"), &["dead", "done", "queued"][..]),
        (("KEEP_DONE_SECONDS", "3500"), &["dead", "queued"]),
        (("KEEP_DEAD_SECONDS", "3700"), &["dead", "queued"]),
        (("KEEP_DEAD_SECONDS", "3500"), &["queued"]),
    ] {
        let program = place.start(&[setting]);
        wait_until("they are gone", || place.states().into_keys().eq(left.iter().copied()));
        program.stop();
        assert!(place.states().into_keys().eq(left.iter().copied()), "{:?}", place.states());
    }
    assert_eq!(later().attempt, 1);
}

fn a_retry_is_known_however_short_what_is_done_is_kept(place: &Place) {
    let settings = [("KEEP_DONE_SECONDS", "0")];
    let program = place.start(&settings);
    let id = accepted(&program.local_url(), "quick", Some("a"), 0);
    place.wait_for_all();
    program.stop();
    // It sweeps at its start.
    let program = place.start(&settings);
    let url = program.local_url();
    let other = accepted(&url, "quick", Some("b"), 0);
    place.wait_for(&other, "done");
    let answer = deliver(&url, "quick", Some("a"), 0).unwrap();
    assert_eq!((answer.status, id_of(&answer)), (200, id));
    program.stop();
}

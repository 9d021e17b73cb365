//! Proves that `evidence` finds faults: each test makes one in a history that has none.

use std::collections::{BTreeSet, HashSet};
use std::time::{Duration, Instant};

use tests::background::kills::{Evidence, Kind, Sent};
use tests::background::{JournalEntry, Kept};

/// A commit that failed once and was merged into the next one, which ran while a third one waited.
fn history() -> Evidence {
    let sent = |id: &str| Sent {
        id: id.to_owned(),
        function: "newest",
        repo: "me/0".to_owned(),
        kind: Kind::Commit,
        change: format!("refs/tags/{id}"),
        at: Instant::now(),
        took: Duration::ZERO,
    };
    let kept = |id: &str, state, group: Option<&str>| Kept {
        id: id.to_owned(),
        function: "newest".to_owned(),
        webhook_id: None,
        state,
        attempt: 1,
        error: None,
        group: group.map(str::to_owned),
    };
    Evidence {
        sent: ["1", "2", "3"].map(sent).into(),
        kept: vec![
            kept("1", "superseded", Some("1")),
            kept("2", "done", Some("1")),
            kept("3", "done", None),
        ],
        journal: vec![
            line("start me/0 refs/heads/main=0..1,refs/tags/1=..1", "1", 7),
            line("failed me/0", "1", 7),
            line("start me/0 refs/heads/main=0..2,refs/tags/1=..1,refs/tags/2=..2", "2", 7),
            line("done me/0", "2", 7),
            line("start me/0 refs/heads/main=2..3,refs/tags/3=..3", "3", 8),
            line("done me/0", "3", 8),
        ],
        cancelled: HashSet::new(),
        requeued: HashSet::new(),
        without_lease: BTreeSet::new(),
    }
}

fn line(what: &str, delivery: &str, process: u32) -> JournalEntry {
    JournalEntry {
        what: what.to_owned(),
        function: "newest".to_owned(),
        webhook_id: "-".to_owned(),
        delivery: delivery.to_owned(),
        attempt: 1,
        process,
    }
}

/// Asserts that a changed history has a fault that begins like this.
fn assert_fault(begin: &str, change: impl FnOnce(&mut Evidence)) {
    let mut evidence = history();
    assert_eq!(evidence.faults(), [""; 0]);
    change(&mut evidence);
    let faults = evidence.faults();
    assert!(faults.iter().any(|fault| fault.starts_with(begin)), "{begin}: {faults:?}");
}

#[test]
fn a_delivery_that_is_not_stored_or_has_not_ended_is_a_fault() {
    assert_fault("accepted and not stored", |it| drop(it.kept.pop()));
    assert_fault("has not ended", |it| it.kept[2].state = "queued");
}

#[test]
fn a_group_without_exactly_one_carrier_is_a_fault() {
    assert_fault("has not one carrier", |it| it.kept[1].group = None);
    assert_fault("has not one carrier", |it| it.kept[2].group = Some("1".to_owned()));
}

#[test]
fn a_change_that_no_successful_attempt_saw_is_a_fault() {
    assert_fault("lost", |it| it.journal[2].what = "start me/0 refs/tags/2=..2".to_owned());
    assert_fault("lost", |it| it.journal[5].what = "failed me/0".to_owned());
    assert_fault("lost", |it| it.kept[2].state = "cancelled");
}

#[test]
fn a_branch_that_does_not_move_over_all_commits_is_a_fault() {
    assert_fault("not from", |it| {
        it.journal[2].what =
            "start me/0 refs/heads/main=1..2,refs/tags/1=..1,refs/tags/2=..2".to_owned();
    });
}

#[test]
fn attempts_of_a_key_at_the_same_time_are_a_fault() {
    assert_fault("ran at the same time", |it| it.journal.swap(3, 4));
    // That of a process that was killed has ended then.
    let mut killed = history();
    killed.journal[1] = line("killed", "-", 7);
    assert_eq!(killed.faults(), [""; 0]);
}

#[test]
fn a_result_that_came_after_the_lease_must_not_count() {
    let mut late = history();
    late.journal.swap(3, 4);
    late.without_lease.insert(7);
    assert!(late.faults()[0].starts_with("counts though its lease had ended"));
    // Unless another attempt followed.
    late.journal.push(late.journal[2].clone());
    late.journal.push(line("done me/0", "2", 7));
    assert_eq!(late.faults(), [""; 0]);
}

#[test]
fn an_attempt_that_a_frozen_process_begins_late_may_be_late() {
    let mut late = history();
    let late_line = |what: &str, attempt| JournalEntry { attempt, ..line(what, "2", 9) };
    let second = "start me/0 refs/heads/main=0..2,refs/tags/1=..1,refs/tags/2=..2";
    late.without_lease.insert(9);
    (late.journal[2].attempt, late.journal[3].attempt) = (2, 2);
    // While a newer one runs.
    late.journal.insert(5, late_line(second, 1));
    late.journal.insert(6, late_line("done me/0", 1));
    assert!(late.faults()[0].starts_with("ran at the same time"));
    late.journal.insert(0, line("continued", "-", 9));
    assert_eq!(late.faults(), [""; 0]);
    // Not if nothing replaced it.
    (late.journal[3].attempt, late.journal[4].attempt) = (1, 1);
    assert!(late.faults()[0].starts_with("ran at the same time"));
}

#[test]
fn deliveries_in_another_order_are_a_fault() {
    assert_fault("began after", |it| it.journal.rotate_left(4));
}

//! The machine's clock jumps while deliveries wait and run. Needs libfaketime (Debian's `faketime`).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use tests::background::{FakeClock, Place, accepted, deliver, id_of, repeated, wait_until};

macro_rules! with_faketime {
    ($($name:ident)*) => {
        mod in_a_file {
            $(#[test]
            #[ignore = "needs faketime"]
            fn $name() {
                super::repeated(|| super::$name(&super::Place::file()));
            })*
        }
        mod in_postgres {
            $(#[test]
            #[ignore = "needs PostgreSQL and faketime"]
            fn $name() {
                super::repeated(|| super::$name(&super::Place::database()));
            })*
        }
    };
}

with_faketime! {
    a_jump_ends_no_lease_and_no_window_and_no_wait
    what_was_kept_by_a_clock_that_was_ahead_is_run_when_it_is_right_again
    after_a_restart_a_clock_that_is_behind_ends_no_window_early
    what_a_person_runs_again_is_run_at_once_whatever_the_clocks
}

fn a_jump_ends_no_lease_and_no_window_and_no_wait(place: &Place) {
    let clock = FakeClock::new(place);
    let program = clock.start(place, &[("LEASE_SECONDS", "1")]);
    let url = program.local_url();
    // Beside it one by the right clock, where that can be.
    let other = (!place.is_file()).then(|| place.start(&[("LEASE_SECONDS", "1")]));
    if let Some(other) = &other {
        let _ = other.local_url();
    }
    let done = accepted(&url, "quick", Some("done"), 0);
    place.wait_for(&done, "done");
    for (round, offset) in ["+1d", "-1d", "+300d", "+0"].into_iter().enumerate() {
        let running = accepted(&url, "alone", None, 1500);
        place.wait_for_entries("start", "alone", round + 1);
        clock.set(offset);
        // The window of two minutes is not over.
        let answer = deliver(&url, "quick", Some("done"), 0).unwrap();
        assert_eq!((answer.status, id_of(&answer)), (200, done.clone()), "{offset}");
        let fails = accepted(&url, "fails", None, 0);
        let recovers = accepted(&url, "recovers", None, 0);
        place.wait_for(&fails, "dead");
        assert_eq!(place.wait_for(&recovers, "done").attempt, 2);
        assert_eq!(place.wait_for(&running, "done").attempt, 1, "{offset}");
    }
    let starts = place.starts();
    assert_eq!(starts[&done], 1);
    let ended = program.stop();
    assert_eq!(ended.code, Some(0));
    assert!(!ended.stderr.contains("lease expired"), "{}", ended.stderr);
}

fn what_was_kept_by_a_clock_that_was_ahead_is_run_when_it_is_right_again(place: &Place) {
    let clock = FakeClock::new(place);
    clock.set("+1d");
    let program = clock.start(place, &[("LEASE_SECONDS", "1")]);
    let url = program.local_url();
    let running = accepted(&url, "alone", None, 500);
    let queued = accepted(&url, "alone", None, 0);
    place.wait_for_entries("start", "alone", 1);
    program.kill();
    let program = place.start(&[("LEASE_SECONDS", "1")]);
    let later = accepted(&program.local_url(), "alone", None, 0);
    for id in [running, queued, later] {
        place.wait_for(&id, "done");
    }
}

fn after_a_restart_a_clock_that_is_behind_ends_no_window_early(place: &Place) {
    let clock = FakeClock::new(place);
    let program = clock.start(place, &[]);
    let done = accepted(&program.local_url(), "quick", Some("a"), 0);
    place.wait_for(&done, "done");
    program.stop();
    clock.set("-1d");
    let program = clock.start(place, &[]);
    let url = program.local_url();
    let answer = deliver(&url, "quick", Some("a"), 0).unwrap();
    assert_eq!((answer.status, id_of(&answer)), (200, done));
    let once = accepted(&url, "once", Some("b"), 0);
    place.wait_for(&once, "done");
    wait_until("its window ends", || deliver(&url, "once", Some("b"), 0).unwrap().status == 202);
}

fn what_a_person_runs_again_is_run_at_once_whatever_the_clocks(place: &Place) {
    let clock = FakeClock::new(place);
    let program = clock.start(place, &[]);
    let url = program.local_url();
    let ids = [accepted(&url, "gives_up", None, 0), accepted(&url, "gives_up", None, 0)];
    // The machine has slept for a day, say, and the program's own clock with it.
    clock.set("+1d");
    for (starts, arguments) in
        [(3, &["deliveries", "retry", &ids[0]][..]), (5, &["deliveries", "retry", "--dead"])]
    {
        ids.iter().for_each(|id| drop(place.wait_for(id, "dead")));
        assert_eq!(place.command(arguments, &clock.variables()).code, Some(0));
        place.wait_for_entries("start", "gives_up", starts);
    }
    program.stop();
}

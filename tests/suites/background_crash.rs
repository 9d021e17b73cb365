//! What was accepted is run, whatever ends the program.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tests::background::{
    Place, accepted, accepted_many, deliver, id_of, repeated, some_of, wait_long_until, wait_until,
};
use tests::on_both_stores;

/// A process of a database's that ends without a word is missed when its lease has run out.
const SHORT_LEASE: (&str, &str) = ("LEASE_SECONDS", "1");

/// How many deliveries `sleeps` runs at a time.
const CONCURRENCY: usize = 4;

on_both_stores! {
    what_was_accepted_before_the_process_was_killed_is_run
    what_was_running_when_the_process_was_killed_is_run_again
    a_delivery_that_takes_the_process_with_it_ends_dead
    a_stop_releases_what_does_not_end_in_time
    a_delivery_that_restarts_the_process_ends_dead
    a_stop_counts_what_is_past_its_timeout_as_failed
}

/// Nobody else can have the file, so there is no lease to wait for.
#[test]
fn what_ran_in_a_file_is_run_again_at_once() {
    repeated(|| {
        let place = Place::file();
        let lease = [("LEASE_SECONDS", "3600")];
        let program = place.start(&lease);
        let id = accepted(&program.local_url(), "alone", None, 500);
        place.wait_for_entries("start", "alone", 1);
        program.kill();
        let program = place.start(&lease);
        assert_eq!(place.wait_for(&id, "done").attempt, 2);
        program.stop();
    });
}

/// Each in the middle of its work, so it takes its time.
mod ten_thousand {
    use tests::background::{Place, repeated};

    #[test]
    fn a_stop_in_a_file_loses_nothing_and_runs_nothing_twice() {
        repeated(|| super::a_stop_loses_nothing_and_runs_nothing_twice(&Place::file()));
    }

    #[test]
    #[ignore = "needs PostgreSQL"]
    fn a_stop_in_postgres_loses_nothing_and_runs_nothing_twice() {
        repeated(|| super::a_stop_loses_nothing_and_runs_nothing_twice(&Place::database()));
    }
}

fn what_was_accepted_before_the_process_was_killed_is_run(place: &Place) {
    let program = place.start(&[SHORT_LEASE]);
    let url = &program.local_url();
    let (killed, answered) = (&AtomicBool::new(false), &Mutex::new(Vec::new()));
    let program = thread::scope(|scope| {
        for client in 0..4 {
            scope.spawn(move || {
                for number in 0.. {
                    let webhook_id = format!("{client}-{number}");
                    match deliver(url, "sleeps", Some(&webhook_id), 5) {
                        Ok(answer) => {
                            assert_eq!(answer.status, 202, "{answer:?}");
                            answered.lock().unwrap().push(id_of(&answer));
                        }
                        // It came with the end, and nobody knows whether it was accepted.
                        Err(error) => {
                            assert!(killed.load(Ordering::Relaxed), "{error}");
                            return;
                        }
                    }
                }
            });
        }
        thread::sleep(Duration::from_millis(50) + some_of(Duration::from_millis(400)));
        killed.store(true, Ordering::Relaxed);
        program.kill();
        place.start(&[SHORT_LEASE])
    });
    let answered = answered.lock().unwrap();
    assert!(!answered.is_empty());
    place.wait_for_all();
    let (kept, starts) = (place.kept(), place.starts());
    for id in answered.iter() {
        assert!(starts.contains_key(id), "{id} was accepted and never run: {kept:?}");
    }
    assert!(kept.iter().all(|kept| kept.state == "done"), "{kept:?}");
    assert_eq!(kept.len(), starts.len());
    let twice = starts.values().filter(|starts| **starts > 1).count();
    assert!(twice <= CONCURRENCY, "{starts:?}");
    assert_eq!(program.stop().code, Some(0));
}

fn what_was_running_when_the_process_was_killed_is_run_again(place: &Place) {
    const KILLS: usize = 3;
    const COUNT: usize = 60;
    let mut program = place.start(&[SHORT_LEASE]);
    let accepted = accepted_many(&program.local_url(), "sleeps", COUNT, 50);
    for _ in 0..KILLS {
        place.wait_for_entries("start", "sleeps", place.journal().len() / 2 + 1);
        thread::sleep(some_of(Duration::from_millis(150)));
        program.kill();
        program = place.start(&[SHORT_LEASE]);
    }
    place.wait_for_all();
    let starts = place.starts();
    assert!(accepted.iter().all(|id| starts.contains_key(id)), "{starts:?}");
    assert!(place.kept().iter().all(|kept| kept.state == "done"));
    let again: usize = starts.values().map(|starts| starts - 1).sum();
    assert!(again <= KILLS * CONCURRENCY, "{again}: {starts:?}");
    for kept in place.kept() {
        // An attempt is counted before its function is called.
        assert!(kept.attempt >= i64::try_from(starts[&kept.id]).unwrap(), "{kept:?}");
    }
    assert_eq!(program.stop().code, Some(0));
}

fn a_delivery_that_takes_the_process_with_it_ends_dead(place: &Place) {
    let program = place.start(&[SHORT_LEASE]);
    let url = program.local_url();
    let others = accepted_many(&url, "sleeps", 20, 20);
    let poison = deliver(&url, "poison", Some("poison"), 0);
    program.wait();
    // The answer may have gone with the process.
    let poison = poison.map_or_else(
        |_| place.kept().into_iter().find(|kept| kept.function == "poison").unwrap().id,
        |answer| id_of(&answer),
    );
    let mut starts = 1;
    wait_long_until("the poison is dead", Duration::from_secs(60), || {
        let program = place.start(&[SHORT_LEASE]);
        starts += 1;
        wait_until("it dies of it or has it no more", || {
            place.delivery(&poison).state == "dead" || !program.is_running()
        });
        place.delivery(&poison).state == "dead"
    });
    let program = place.start(&[SHORT_LEASE]);
    place.wait_for_all();
    let kept = place.delivery(&poison);
    assert_eq!((kept.state, kept.attempt), ("dead", 3));
    assert!(kept.error.unwrap().contains("the process that ran it died"));
    let journal = place.journal();
    let poison = journal.iter().filter(|entry| entry.function == "poison");
    assert_eq!(poison.map(|entry| entry.attempt).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(others.iter().all(|id| place.delivery(id).state == "done"), "{:?}", place.kept());
    assert_eq!(program.stop().code, Some(0));
}

fn a_stop_releases_what_does_not_end_in_time(place: &Place) {
    for function in ["alone", "blocks"] {
        let program = place.start(&[("SHUTDOWN_SECONDS", "1")]);
        let id = accepted(&program.local_url(), function, None, 3000);
        place.wait_for_entries("start", function, 1);
        let ended = program.stop();
        assert_eq!(ended.code, Some(0));
        assert!(
            ended.stderr.contains("shutting down: the delivery was released"),
            "{}",
            ended.stderr
        );
        let kept = place.delivery(&id);
        assert_eq!((kept.state, kept.attempt, kept.error), ("queued", 0, None), "{function}");
        let program = place.start(&[]);
        assert_eq!(place.wait_for(&id, "done").attempt, 1);
        program.stop();
        let starts: Vec<_> = place.journal();
        let starts = starts.iter().filter(|it| it.delivery == id && it.what == "start");
        assert_eq!(starts.map(|it| it.attempt).collect::<Vec<_>>(), [1, 1]);
    }
}

fn a_delivery_that_restarts_the_process_ends_dead(place: &Place) {
    let settings = [("SHUTDOWN_SECONDS", "0")];
    let program = place.start(&settings);
    let id = accepted(&program.local_url(), "restarts", None, 0);
    let mut ended = program.wait();
    for starts in 2..=10 {
        let kept = place.delivery(&id);
        assert_eq!((kept.state, kept.attempt), ("queued", 0), "after {} starts", starts - 1);
        ended = place.start(&settings).wait();
    }
    assert_eq!(ended.code, Some(0));
    let reason = "the process was shut down 10 times before the function finished";
    let last = ended.stderr.lines().find(|line| line.contains(reason));
    assert!(last.is_some_and(|line| line.contains("ERROR")), "{}", ended.stderr);
    let kept = place.delivery(&id);
    assert_eq!(kept.state, "dead");
    assert!(kept.error.unwrap().starts_with(reason));
    assert_eq!(place.starts()[&id], 10);
    // The program goes on without it.
    let program = place.start(&settings);
    let other = accepted(&program.local_url(), "quick", None, 0);
    place.wait_for(&other, "done");
    program.stop();
}

fn a_stop_counts_what_is_past_its_timeout_as_failed(place: &Place) {
    for (attempt, state) in [(1, "queued"), (2, "dead")] {
        let program = place.start(&[("SHUTDOWN_SECONDS", "0")]);
        let url = program.local_url();
        if attempt == 1 {
            let _ = accepted(&url, "thread", None, 600_000);
        }
        let _ = program.wait_for_log("exceeded its timeout and is still running");
        program.stop();
        let kept = place.kept().remove(0);
        assert_eq!((kept.state, kept.attempt), (state, attempt));
        assert_eq!(kept.error.as_deref(), Some("it took longer than 200ms"));
    }
}

/// Pauses or resumes `sleeps`.
fn control(place: &Place, command: &str) {
    let ended = place.command(&["deliveries", command, "sleeps"], &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

fn a_stop_loses_nothing_and_runs_nothing_twice(place: &Place) {
    const COUNT: usize = 10_000;
    let program = place.start(&[]);
    let url = program.local_url();
    // The stop comes in the middle of them, however long it takes to accept them all.
    control(place, "pause");
    let mut accepted = accepted_many(&url, "sleeps", COUNT, 1);
    control(place, "resume");
    place.wait_for_entries("end", "sleeps", 100);
    let ended = program.stop();
    assert_eq!(ended.code, Some(0));
    assert!(!ended.stderr.contains("ERROR"), "{}", ended.stderr);
    let states = place.states();
    assert_eq!(states.values().sum::<usize>(), COUNT);
    assert!(!states.contains_key("running") && states["queued"] > 0, "{states:?}");
    assert!(place.kept().iter().all(|it| it.attempt == i64::from(it.state == "done")));
    let program = place.start(&[]);
    wait_long_until("all are done", Duration::from_secs(300), || {
        place.states() == [("done", COUNT)].into()
    });
    assert_eq!(program.stop().code, Some(0));
    let starts = place.starts();
    assert!(starts.values().all(|starts| *starts == 1));
    let mut ran: Vec<_> = starts.into_keys().collect();
    ran.sort_unstable();
    accepted.sort_unstable();
    assert!(ran == accepted, "{} of {}", ran.len(), accepted.len());
}

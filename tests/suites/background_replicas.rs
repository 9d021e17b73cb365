//! Several processes that share deliveries in PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tests::background::{
    Place, Postgres, accepted, accepted_many, deliver, id_of, repeated, wait_long_until, wait_until,
};
use tests::client::request;

const SHORT_LEASE: (&str, &str) = ("LEASE_SECONDS", "1");

macro_rules! in_postgres {
    ($($name:ident)*) => {
        mod in_postgres {
            $(#[test]
            #[ignore = "needs PostgreSQL"]
            fn $name() {
                super::repeated(|| super::$name(&super::Place::database()));
            })*
        }
    };
}

in_postgres! {
    what_two_replicas_share_runs_once_and_within_its_concurrency
    a_retry_that_another_replica_takes_is_a_retry
    a_function_with_a_concurrency_of_one_never_overlaps_over_two_replicas
    a_function_that_blocks_every_worker_keeps_its_lease
    when_a_replica_dies_another_takes_over_after_its_lease
    when_a_replica_stops_another_takes_over_at_once
    without_notify_the_replicas_look_by_themselves
    what_a_frozen_replica_reports_late_does_not_count
    the_end_of_the_database_is_survived
    a_replica_that_is_cut_off_from_the_database_stops_what_it_runs
    a_database_that_becomes_read_only_and_writable_again_is_used_at_once
    the_slots_of_a_dead_replica_are_free_when_its_lease_is_over
    a_delivery_is_recovered_by_processes_that_live_shorter_than_a_lease
    to_delete_very_many_costs_no_lease
}

fn what_two_replicas_share_runs_once_and_within_its_concurrency(place: &Place) {
    let (one, other) = (place.start(&[]), place.start(&[]));
    let mut ids = accepted_many(&one.local_url(), "sleeps", 50, 20);
    ids.extend(accepted_many(&other.local_url(), "sleeps", 50, 20));
    place.wait_for_all();
    let starts = place.starts();
    assert!(ids.iter().all(|id| starts[id] == 1) && starts.len() == ids.len(), "{starts:?}");
    // Four at a time, over both.
    let (mut running, mut most) = (0, 0);
    for entry in place.journal() {
        running += if entry.what == "start" { 1 } else { -1 };
        most = most.max(running);
    }
    assert!(most <= 4, "{most}");
    assert_eq!((one.stop().code, other.stop().code), (Some(0), Some(0)));
}

fn a_retry_that_another_replica_takes_is_a_retry(place: &Place) {
    let (one, other) = (place.start(&[]), place.start(&[]));
    let urls = &[one.local_url(), other.local_url()];
    for round in 0..20 {
        let webhook_id = &format!("round-{round}");
        let answers: Vec<_> = thread::scope(|scope| {
            let posting: Vec<_> = (0..6)
                .map(|at| {
                    scope.spawn(move || deliver(&urls[at % 2], "sleeps", Some(webhook_id), 1))
                })
                .collect();
            posting.into_iter().map(|posting| posting.join().unwrap().unwrap()).collect()
        });
        let of = |status| answers.iter().filter(|answer| answer.status == status).count();
        assert_eq!((of(202), of(200)), (1, 5), "{answers:?}");
        assert!(answers.iter().all(|answer| id_of(answer) == id_of(&answers[0])), "{answers:?}");
    }
    place.wait_for_all();
    assert_eq!(place.starts().values().sum::<usize>(), 20);
}

fn a_function_with_a_concurrency_of_one_never_overlaps_over_two_replicas(place: &Place) {
    let (one, other) = (place.start(&[]), place.start(&[]));
    let urls = [one.local_url(), other.local_url()];
    for at in 0..30 {
        let _ = accepted(&urls[at % 2], "alone", None, 10);
    }
    place.wait_for_all();
    let journal = place.journal();
    for pair in journal.chunks(2) {
        assert_eq!((pair[0].what.as_str(), pair[1].what.as_str()), ("start", "end"), "{pair:?}");
        assert_eq!(pair[0].delivery, pair[1].delivery);
    }
    assert_eq!(journal.len(), 60);
}

fn a_function_that_blocks_every_worker_keeps_its_lease(place: &Place) {
    let (one, other) = (place.start(&[SHORT_LEASE]), place.start(&[SHORT_LEASE]));
    let urls = [one.local_url(), other.local_url()];
    for at in 0..8 {
        let _ = accepted(&urls[at % 2], "blocks", None, 2500);
    }
    place.wait_for_all();
    let starts = place.starts();
    assert!(starts.len() == 8 && starts.values().all(|starts| *starts == 1), "{starts:?}");
    assert!(place.kept().iter().all(|kept| kept.attempt == 1));
    for ended in [one.stop(), other.stop()] {
        assert!(!ended.stderr.contains("took deliveries of"), "{}", ended.stderr);
    }
}

fn when_a_replica_dies_another_takes_over_after_its_lease(place: &Place) {
    let one = place.start(&[SHORT_LEASE]);
    let id = accepted(&one.local_url(), "alone", None, 1000);
    place.wait_for_entries("start", "alone", 1);
    let other = place.start(&[SHORT_LEASE]);
    let _ = other.local_url();
    one.kill();
    let kept = place.wait_for(&id, "done");
    assert_eq!(kept.attempt, 2);
    assert!(kept.error.unwrap().contains("died, or its lease expired"));
    let _ = other.wait_for_log("recovered the running deliveries of a process that died");
    assert_eq!(place.starts()[&id], 2);
}

fn when_a_replica_stops_another_takes_over_at_once(place: &Place) {
    // With leases of 30 seconds.
    let one = place.start(&[("SHUTDOWN_SECONDS", "1")]);
    let id = accepted(&one.local_url(), "alone", None, 2000);
    place.wait_for_entries("start", "alone", 1);
    let other = place.start(&[]);
    let _ = other.local_url();
    assert_eq!(one.stop().code, Some(0));
    place.wait_for_entries("start", "alone", 2);
    let kept = place.wait_for(&id, "done");
    assert_eq!((kept.attempt, kept.error), (1, None));
    assert!(place.journal().iter().all(|entry| entry.attempt == 1));
}

fn without_notify_the_replicas_look_by_themselves(place: &Place) {
    // As in distributed SQL that has no such function.
    let _ = place.execute("ALTER FUNCTION pg_catalog.pg_notify(text, text) RENAME TO absent");
    what_two_replicas_share_runs_once_and_within_its_concurrency(place);
    when_a_replica_stops_another_takes_over_at_once(place);
}

fn what_a_frozen_replica_reports_late_does_not_count(place: &Place) {
    for function in ["alone", "blocks"] {
        let frozen = place.start(&[SHORT_LEASE]);
        let url = frozen.local_url();
        let id = accepted(&url, function, None, 1000);
        place.wait_for_entries("start", function, 1);
        frozen.signal(Signal::SIGSTOP).unwrap();
        let other = place.start(&[SHORT_LEASE]);
        let kept = place.wait_for(&id, "done");
        assert_eq!(kept.attempt, 2);
        frozen.signal(Signal::SIGCONT).unwrap();
        let _ = frozen.wait_for_log("lease expired: this process missed its heartbeats");
        assert_eq!(place.delivery(&id), kept);
        assert_eq!(other.stop().code, Some(0));
        // It goes on working.
        let next = accepted(&url, function, None, 0);
        place.wait_for(&next, "done");
        let ran = place.journal().into_iter().find(|entry| entry.delivery == next).unwrap();
        assert_eq!(ran.process, frozen.id());
        assert_eq!(place.delivery(&id), kept);
        assert_eq!(frozen.stop().code, Some(0));
    }
}

fn the_end_of_the_database_is_survived(_: &Place) {
    let server = Postgres::start();
    let place = Place::database_on(&server.url);
    let program = place.start(&[("LEASE_SECONDS", "2")]);
    let url = &program.local_url();
    let (stop, refused) = (&AtomicBool::new(false), &AtomicBool::new(false));
    let answered = &Mutex::new(Vec::new());
    let running = accepted(url, "alone", Some("long"), 3000);
    thread::scope(|scope| {
        for client in 0..3 {
            scope.spawn(move || {
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let webhook_id = format!("{client}-{number}");
                    let answer = deliver(url, "sleeps", Some(&webhook_id), 20).unwrap();
                    match answer.status {
                        202 => answered.lock().unwrap().push(id_of(&answer)),
                        status => {
                            assert_eq!(status, 503, "{answer:?}");
                            assert!(answer.header("retry-after").is_some(), "{answer:?}");
                            refused.store(true, Ordering::Relaxed);
                        }
                    }
                    thread::sleep(Duration::from_millis(5));
                }
            });
        }
        wait_until("some are accepted", || answered.lock().unwrap().len() > 20);
        server.stop();
        wait_until("deliveries are refused", || refused.load(Ordering::Relaxed));
        server.start_again();
        let before = answered.lock().unwrap().len();
        wait_until("more are accepted", || answered.lock().unwrap().len() > before + 20);
        stop.store(true, Ordering::Relaxed);
    });
    place.wait_for_all();
    let answered = answered.lock().unwrap();
    let starts = place.starts();
    for id in answered.iter().chain([&running]) {
        assert!(starts.contains_key(id), "{id} was accepted and never run");
        assert_eq!(place.delivery(id).state, "done");
    }
    // In one process nothing is run twice at a time, whatever the database does meanwhile.
    let twice = starts.values().filter(|starts| **starts > 1).count();
    assert!(twice <= 5, "{twice}: {starts:?}");
    let ended = program.stop();
    assert_eq!(ended.code, Some(0));
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
}

fn a_replica_that_is_cut_off_from_the_database_stops_what_it_runs(_: &Place) {
    let server = Postgres::start();
    let place = Place::database_on(&server.url);
    let program = place.start(&[("LEASE_SECONDS", "2")]);
    let url = program.local_url();
    let id = accepted(&url, "alone", None, 20_000);
    let blocking = accepted(&url, "computes", None, 6000);
    place.wait_for_entries("start", "alone", 1);
    place.wait_for_entries("start", "computes", 1);
    server.freeze();
    let line = program.wait_for_log("lease expired: this replica could not reach its store");
    assert!(line.contains("running=2"), "{line}");
    let _ = program.wait_for_log("the result is discarded if another replica now owns");
    server.thaw();
    // It was stopped before its end, and is run anew.
    place.wait_for_entries("start", "alone", 2);
    let journal = place.journal();
    assert!(!journal.iter().any(|it| it.delivery == id && it.what == "end"), "{journal:?}");
    // Nobody else took the other one meanwhile, so its result counts.
    assert_eq!(place.wait_for(&blocking, "done").attempt, 1);
    program.kill();
}

fn a_database_that_becomes_read_only_and_writable_again_is_used_at_once(_: &Place) {
    let server = Postgres::start();
    let place = Place::database_on(&server.url);
    let program = place.start(&[]);
    let url = &program.local_url();
    let post = || deliver(url, "quick", None, 0).unwrap().status;
    let store = || request(url, "GET /health", &[], "").unwrap().json()["status"].clone();
    // All the connections that it can have.
    thread::scope(|scope| (0..20).for_each(|_| drop(scope.spawn(|| assert_eq!(post(), 202)))));
    assert_eq!(store(), "ok");
    // As a failover does that leaves the connections open.
    let _ = place.execute("ALTER SYSTEM SET default_transaction_read_only = on");
    let _ = place.execute("SELECT pg_reload_conf()");
    wait_until("nothing is accepted", || post() == 503);
    wait_until("the health says so", || store() == "unavailable");
    // New sessions can write; open ones cannot.
    let _ = place.execute(
        "BEGIN READ WRITE;
         DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = off',
             current_database()); END $$;
         COMMIT",
    );
    wait_until("deliveries are accepted", || post() == 202);
    wait_until("the health says so", || store() == "ok");
    place.wait_for_all();
    program.stop();
}

fn the_slots_of_a_dead_replica_are_free_when_its_lease_is_over(place: &Place) {
    let dead = place.start(&[("LEASE_SECONDS", "5")]);
    let lost = accepted(&dead.local_url(), "alone", None, 600_000);
    place.wait_for_entries("start", "alone", 1);
    dead.kill();
    let other = place.start(&[("LEASE_SECONDS", "600")]);
    let next = accepted(&other.local_url(), "alone", None, 0);
    let line = other.wait_for_log("another replica misses heartbeats");
    assert!(line.contains("WARN") && line.contains("deliveries=1"), "{line}");
    // Its own lease is long, and so is the time between its looks for lost ones.
    assert_eq!(place.wait_for(&next, "done").attempt, 1);
    assert_ne!(place.delivery(&lost).state, "done");
}

fn a_delivery_is_recovered_by_processes_that_live_shorter_than_a_lease(place: &Place) {
    const LEASE: (&str, &str) = ("LEASE_SECONDS", "30");
    let program = place.start(&[LEASE]);
    let id = accepted(&program.local_url(), "alone", None, 200);
    place.wait_for_entries("start", "alone", 1);
    program.kill();
    let is_done = || place.delivery(&id).state == "done";
    wait_long_until("it is recovered", Duration::from_secs(180), || {
        let program = place.start(&[LEASE]);
        let _ = program.local_url();
        let killed = Instant::now() + Duration::from_secs(10);
        while Instant::now() < killed && !is_done() {
            thread::sleep(Duration::from_millis(100));
        }
        program.kill();
        is_done()
    });
}

fn to_delete_very_many_costs_no_lease(place: &Place) {
    let program = place.start(&[]);
    let _ = program.local_url();
    program.stop();
    let old = place.execute(
        "INSERT INTO webhooks_runtime.deliveries
             (id, endpoint, state, received_at, accepted_at, run_at, ended_at)
         SELECT gen_random_uuid(), 1, 2, past, past, past, past
         FROM generate_series(1, 1000000), (SELECT now() - interval '30 days') AS old (past)",
    );
    assert_eq!(old, 1_000_000);
    // One deletes, and the other one looks whether it lives.
    let one = place.start(&[SHORT_LEASE, ("SHUTDOWN_SECONDS", "1")]);
    let _ = accepted(&one.local_url(), "alone", None, 600_000);
    place.wait_for_entries("start", "alone", 1);
    let other = place.start(&[SHORT_LEASE, ("KEEP_DONE_SECONDS", "8640000")]);
    let _ = other.local_url();
    wait_long_until("they are deleted", Duration::from_secs(120), || {
        place.execute("SELECT 1 FROM webhooks_runtime.deliveries WHERE state = 2 LIMIT 1") == 0
    });
    // The other one first, as it would run on what this one hands back.
    for program in [other, one] {
        let ended = program.stop();
        assert_eq!(ended.code, Some(0));
        for said in
            ["lease expired", "recovered the running deliveries", " WARN ", "ERROR ", "sqlx"]
        {
            assert!(!ended.stderr.contains(said), "{}", ended.stderr);
        }
    }
}

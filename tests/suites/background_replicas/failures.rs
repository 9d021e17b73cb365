//! Replicas, databases and networks that fail.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tests::background::{
    Place, TestPostgres, accepted, deliver, id_of, wait_long_until, wait_until,
};
use tests::client::{PATIENCE, request};

use super::SHORT_LEASE;
use super::sharing::what_two_replicas_share_runs_once_and_within_its_concurrency;

in_postgres! {
    when_a_replica_dies_another_takes_over_after_its_lease
    when_a_replica_stops_another_takes_over_at_once
    without_notify_the_replicas_look_by_themselves
    what_a_frozen_replica_reports_late_does_not_count
    the_end_of_the_database_is_survived
    a_replica_that_is_cut_off_from_the_database_stops_what_it_runs
    a_query_that_waits_for_a_lock_costs_no_lease
    a_database_that_becomes_read_only_and_writable_again_is_used_at_once
    the_slots_of_a_dead_replica_are_free_when_its_lease_is_over
    a_delivery_is_recovered_by_processes_that_live_shorter_than_a_lease
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
    let server = TestPostgres::start();
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
    let server = TestPostgres::start();
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
    // Until then it waits for the database, which may take as long as any query may.
    let discarded = "the result is discarded if another replica now owns";
    let _ = program.wait_long_for_log(discarded, PATIENCE * 3);
    server.thaw();
    // It was stopped before its end, and is run anew.
    place.wait_for_entries("start", "alone", 2);
    let journal = place.journal();
    assert!(!journal.iter().any(|it| it.delivery == id && it.what == "end"), "{journal:?}");
    // Nobody else took the other one meanwhile, so its result counts.
    assert_eq!(place.wait_for(&blocking, "done").attempt, 1);
    program.kill();
}

fn a_query_that_waits_for_a_lock_costs_no_lease(place: &Place) {
    let program = place.start(&[("LEASE_SECONDS", "3")]);
    let id = accepted(&program.local_url(), "alone", None, 10_000);
    place.wait_for_entries("start", "alone", 1);
    // The search for lost deliveries waits for the lock. A heartbeat needs no delivery, so it does not.
    let _ =
        place.execute("BEGIN; LOCK TABLE webhooks_runtime.deliveries; SELECT pg_sleep(8); COMMIT");
    assert_eq!(place.wait_for(&id, "done").attempt, 1);
    let ended = program.stop();
    assert!(!ended.stderr.contains("lease expired"), "{}", ended.stderr);
}

fn a_database_that_becomes_read_only_and_writable_again_is_used_at_once(_: &Place) {
    let server = TestPostgres::start();
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

//! Replicas share deliveries: each runs once, within its limits.

use std::thread;
use std::time::Duration;

use tests::background::{Place, accepted, accepted_many, deliver, id_of, wait_long_until};

use super::SHORT_LEASE;

in_postgres! {
    what_two_replicas_share_runs_once_and_within_its_concurrency
    a_retry_that_another_replica_takes_is_a_retry
    a_function_with_a_concurrency_of_one_never_overlaps_over_two_replicas
    a_function_that_blocks_every_worker_keeps_its_lease
    to_delete_very_many_costs_no_lease
}

pub(super) fn what_two_replicas_share_runs_once_and_within_its_concurrency(place: &Place) {
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
    // One deletes, and the other one looks whether it lives, and warns when a heartbeat is a quarter of the lease late. The
    // lease is shorter than the whole takes, and long enough for a heartbeat that waits for a disk that others write to
    // as well.
    let lease = ("LEASE_SECONDS", "10");
    let one = place.start(&[lease, ("SHUTDOWN_SECONDS", "1")]);
    let _ = accepted(&one.local_url(), "alone", None, 600_000);
    place.wait_for_entries("start", "alone", 1);
    let other = place.start(&[lease, ("KEEP_DONE_SECONDS", "8640000")]);
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

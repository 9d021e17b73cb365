//! Functions that are called for dead deliveries.

use tests::background::{Place, accepted, wait_until};
use tests::on_both_stores;
use tests::receiver::AlertReceiver;

use super::{commit, poison, start};

const PRINTS: (&str, &str) = ("ON_DEAD", "prints");

on_both_stores! {
    the_function_gets_the_delivery_with_its_payload_once
    the_function_is_called_for_a_delivery_whose_last_attempt_was_lost
    the_function_is_not_called_for_a_delivery_that_is_run_again_before
}

fn the_function_gets_the_delivery_with_its_payload_once(place: &Place) {
    let program = place.start(&[PRINTS]);
    let url = program.local_url();
    let id = commit(&url, "fails");
    let line = program.wait_for(&format!("dead {id}"));
    let expected = format!(
        "dead {id} Some(\"w1\") /webhooks/fails Some(\"update repo.content\") Some(\"dataset\") Some(\"me/data\") 3 \
         \"the training failed: the disk is full\" true "
    );
    assert!(line.starts_with(&expected) && line.ends_with(" true"), "{line}");
    // With a body that is not the Hub's.
    let other = accepted(&url, "gives_up", None, 0);
    let line = program.wait_for(&format!("dead {other}"));
    let expected = format!(
        "dead {other} None /webhooks/gives_up None None None 1 \"no such dataset\" false 18 true"
    );
    assert_eq!(line, expected);
    let ended = program.stop();
    assert_eq!(ended.stdout.matches(&format!("dead {id}")).count(), 1, "{}", ended.stdout);
}

fn the_function_is_called_for_a_delivery_whose_last_attempt_was_lost(place: &Place) {
    let variables = [PRINTS, ("LEASE_SECONDS", "1")];
    let id = poison(place, place.start(&variables));
    let program = loop {
        let program = place.start(&variables);
        wait_until("it dies of it or has it no more", || {
            place.delivery(&id).state == "dead" || !program.is_running()
        });
        if place.delivery(&id).state == "dead" {
            break program;
        }
        program.wait();
    };
    let line = program.wait_for(&format!("dead {id}"));
    assert!(line.contains("3 \"the process that ran it died, or its lease expired\""), "{line}");
    program.stop();
}

fn the_function_is_not_called_for_a_delivery_that_is_run_again_before(place: &Place) {
    /// How many calls run at a time.
    const CALLS: usize = 8;
    let file = place.folder().join("released");
    let file = ("ON_DEAD_FILE", file.to_str().unwrap());
    let program = place.start(&[("ON_DEAD", "waits for a file"), file]);
    let url = program.local_url();
    for _ in 0..CALLS {
        let id = accepted(&url, "gives_up", None, 0);
        let _ = program.wait_for(&format!("on_dead begins with {id}"));
    }
    let rerun = accepted(&url, "gives_up", None, 0);
    place.wait_for(&rerun, "dead");
    assert_eq!(place.command(&["deliveries", "pause", "gives_up"], &[]).code, Some(0));
    assert_eq!(place.command(&["deliveries", "retry", &rerun], &[]).code, Some(0));
    std::fs::write(file.1, "").unwrap();
    let last = commit(&url, "fails");
    let _ = program.wait_for(&format!("on_dead ends with {last}"));
    let ended = program.stop();
    assert_eq!(ended.stdout.matches("on_dead ends with").count(), CALLS + 1, "{}", ended.stdout);
    assert!(!ended.stdout.contains(&rerun), "{}", ended.stdout);
}

#[test]
fn a_panic_is_logged_and_costs_nothing() {
    let place = Place::file();
    let program = place.start(&[("ON_DEAD", "panics")]);
    let url = program.local_url();
    for count in 1..=2 {
        let id = accepted(&url, "gives_up", None, 0);
        // The third function is called, too.
        let _ = program.wait_for(&format!("dead {id}"));
        program.wait_for_logs("the function of on_dead panicked", 2 * count);
    }
    let id = accepted(&url, "quick", None, 0);
    place.wait_for(&id, "done");
    let ended = program.stop();
    assert_eq!(ended.code, Some(0));
    let panicked = ended.stderr.lines().filter(|line| line.contains("of on_dead panicked"));
    let panicked: Vec<_> = panicked.collect();
    assert!(panicked[0].contains("nobody is\\nthere"), "{panicked:#?}");
    assert!(panicked[1].contains("nobody listens") && panicked[1].contains("dead.rs"));
    assert!(!ended.stderr.contains("a thread panicked"), "{}", ended.stderr);
}

#[test]
fn functions_that_block_delay_neither_deliveries_nor_alerts_nor_other_calls_nor_the_shutdown_for_long()
 {
    let (place, receiver) = (Place::file(), AlertReceiver::start());
    let more = [("ON_DEAD", "blocks"), ("SHUTDOWN_SECONDS", "1")];
    let program = start(&place, &receiver, &more);
    let url = program.local_url();
    for _ in 0..20 {
        let _ = accepted(&url, "gives_up", None, 0);
    }
    place.wait_for_all();
    let id = accepted(&url, "quick", None, 0);
    place.wait_for(&id, "done");
    let _ = receiver.wait_for("dead_delivery", 20);
    // The function is still called for the others.
    let called = |lines: &[String]| {
        (lines.iter().filter(|line| line.starts_with("dead ")).count() == 13).then_some(())
    };
    let (called, lines) = program.wait_until(called);
    assert!(called.is_some(), "{lines:#?}");
    let ended = program.stop();
    assert_eq!(ended.code, Some(0));
    let text = "shutting down before on_dead was called for each dead delivery, or before it ended";
    assert!(ended.stderr.contains(text), "{}", ended.stderr);
}

#[test]
fn a_shutdown_waits_for_the_function() {
    let place = Place::file();
    let program = place.start(&[("ON_DEAD", "waits")]);
    let ids: Vec<_> =
        (0..10).map(|_| accepted(&program.local_url(), "gives_up", None, 0)).collect();
    // A delivery that is queued at the shutdown does not die.
    place.wait_for_all();
    let _ = program.wait_for("on_dead begins with");
    let ended = program.stop();
    // Also for deliveries whose calls had to wait for others.
    for id in ids {
        assert!(ended.stdout.contains(&format!("on_dead ends with {id}")), "{}", ended.stdout);
    }
    assert!(!ended.stderr.contains("shutting down before"), "{}", ended.stderr);
}

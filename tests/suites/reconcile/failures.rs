//! A server that cannot ask the Hub.

use tests::background::Place;
use tests::hub::Trouble;

use super::{ask, commit, hub, runs, start, wait_until};

/// The beginning of the line that is logged when the Hub cannot be asked.
const FAILURE: &str = "cannot look for missed deliveries of ";

#[test]
fn an_outage_of_the_hub_is_logged_once_and_delays_what_is_found() {
    let place = Place::file();
    let (hub, old) = hub();
    hub.create_org("acme");
    let program = start(&place, &hub);
    for _ in 0..2 {
        hub.set_outage(Trouble::Status(500));
        ask(&hub, 3);
        hub.clear_troubles();
        ask(&hub, 2);
    }
    hub.set_outage(Trouble::Status(500));
    let new = commit(&hub, "main");
    ask(&hub, 2);
    hub.clear_troubles();
    wait_until("it is found", || runs(&place).len() == 1);
    assert_eq!(runs(&place), [format!("{old}..{new}")]);
    let log = program.stop().stderr;
    assert_eq!(log.matches(FAILURE).count(), 3, "{log}");
}

#[test]
fn a_server_that_cannot_reconcile_says_why() {
    let place = Place::file();
    let set = ("WEBHOOKS_RECONCILE", "1h");
    let ended = place.start(&[set, ("HF_TOKEN_PATH", "/nonexistent"), ("HF_TOKEN", "")]).wait();
    let reason = "error: The server cannot look for missed deliveries on the Hub, because ";
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains(reason), "{}", ended.stderr);
    let ended = place.start(&[("WEBHOOKS_RECONCILE", "1s"), ("HF_TOKEN", "x")]).wait();
    let reason = "The interval of `reconcile` must be a time of 2 minutes to 30 days, such as 1h.";
    assert!(ended.stderr.contains(reason), "{}", ended.stderr);
}

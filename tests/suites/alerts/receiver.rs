//! Receivers that are down, slow, or send the program elsewhere.

use tests::background::{Place, accepted, wait_until};
use tests::client::{Viewer, get};
use tests::programs::free_port;
use tests::receiver::{AlertReceiver, ReceiverResponse};

use super::{INTERVAL, TOKEN, commit, start};

#[test]
fn alerts_are_kept_while_the_receiver_is_down_and_that_is_logged_once() {
    let (place, port) = (Place::file(), free_port());
    let url = format!("http://127.0.0.1:{port}/{TOKEN}");
    let program = place.start(&[("WEBHOOKS_ALERT_URL", &url), INTERVAL]);
    let first = accepted(&program.local_url(), "gives_up", None, 0);
    let line = program.wait_for_log("alerts cannot be posted, and are kept until they can");
    assert!(line.contains("nothing listens at this address"), "{line}");
    let second = accepted(&program.local_url(), "gives_up", None, 0);
    place.wait_for(&second, "dead");

    let receiver = AlertReceiver::start_on(port);
    let alerts = receiver.wait_for("dead_delivery", 2);
    assert_eq!([&alerts[0]["delivery"], &alerts[1]["delivery"]], [&*first, &*second]);
    let _ = program.wait_for_log("alerts are posted again");

    // Another outage is logged again.
    receiver.respond_with(ReceiverResponse::Status(500));
    let _ = accepted(&program.local_url(), "gives_up", None, 0);
    wait_until("it is tried again and again", || receiver.posts().len() >= 4);
    receiver.respond_with(ReceiverResponse::Ok);
    program.wait_for_logs("alerts are posted again", 2);
    let ended = program.stop();
    let failed = ended.stderr.lines().filter(|line| line.contains("alerts cannot be posted"));
    let failed: Vec<_> = failed.collect();
    assert_eq!(failed.len(), 2, "{}", ended.stderr);
    assert!(failed[1].contains("it responded with status 500"), "{}", failed[1]);
    assert!(!ended.stderr.contains("no alerts today") && !ended.stderr.contains(TOKEN));
}

#[test]
fn a_receiver_that_hangs_delays_no_response_and_no_delivery() {
    let (place, receiver) = (Place::file(), AlertReceiver::start());
    receiver.respond_with(ReceiverResponse::Nothing);
    let program = start(&place, &receiver, &[]);
    let url = program.local_url();
    let _ = accepted(&url, "gives_up", None, 0);
    wait_until("a post", || !receiver.posts().is_empty());
    // The receiver has not responded yet, and the functions run all the same.
    for _ in 0..10 {
        let id = accepted(&url, "quick", None, 0);
        place.wait_for(&id, "done");
        let dead = accepted(&url, "gives_up", None, 0);
        place.wait_for(&dead, "dead");
    }
    assert_eq!(get(&url, "/health").unwrap().status, 200);
    assert_eq!(receiver.posts().len(), 1);
    receiver.respond_with(ReceiverResponse::Ok);
    let _ = receiver.wait_for("dead_delivery", 11);
    assert_eq!(program.stop().code, Some(0));
}

#[test]
fn a_redirect_is_not_followed() {
    let (place, receiver, other) = (Place::file(), AlertReceiver::start(), AlertReceiver::start());
    receiver.respond_with(ReceiverResponse::Redirect(format!("{}/{TOKEN}", other.url)));
    let program = start(&place, &receiver, &[]);
    let _ = accepted(&program.local_url(), "gives_up", None, 0);
    let line = program.wait_for_log("alerts cannot be posted");
    assert!(line.contains("it responded with status 307"), "{line}");
    wait_until("another post", || receiver.posts().len() > 1);
    let ended = program.stop();
    assert!(other.posts().is_empty() && !ended.stderr.contains(TOKEN), "{}", ended.stderr);
}

#[test]
fn the_last_alerts_are_posted_at_the_shutdown() {
    let (place, receiver) = (Place::file(), AlertReceiver::start());
    // Nothing is due before the shutdown.
    let program = start(&place, &receiver, &[("WEBHOOKS_TEST_ALERT_INTERVAL_MS", "600000")]);
    let id = accepted(&program.local_url(), "gives_up", None, 0);
    place.wait_for(&id, "dead");
    assert_eq!(receiver.posts().len(), 0);
    assert_eq!(program.stop().code, Some(0));
    let alerts = receiver.alerts();
    assert!(alerts.len() == 1 && alerts[0]["delivery"] == id, "{alerts:#?}");
}

#[test]
fn the_log_says_that_the_last_alerts_were_not_posted() {
    for response in [ReceiverResponse::Status(503), ReceiverResponse::Nothing] {
        let (place, receiver) = (Place::file(), AlertReceiver::start());
        receiver.respond_with(response.clone());
        let program = start(&place, &receiver, &[("WEBHOOKS_TEST_ALERT_INTERVAL_MS", "600000")]);
        let id = accepted(&program.local_url(), "gives_up", None, 0);
        place.wait_for(&id, "dead");
        let ended = program.stop();
        assert_eq!((ended.code, receiver.posts().len()), (Some(0), 1));
        let text = match response {
            ReceiverResponse::Nothing => "shutting down: the last alerts were not posted in time",
            _ => "shutting down: the last alerts could not be posted",
        };
        assert!(ended.stderr.contains(text), "{}", ended.stderr);
    }
}

#[test]
fn nothing_shows_the_url() {
    const PAGE_TOKEN: &str = "a-token-of-16-characters";
    let (place, receiver) = (Place::file(), AlertReceiver::start());
    for format in ["text", "json"] {
        let more = [
            ("RUST_LOG", "trace"),
            ("WEBHOOKS_LOG_FORMAT", format),
            ("WEBHOOKS_PAGE_TOKEN", PAGE_TOKEN),
        ];
        receiver.respond_with(ReceiverResponse::Ok);
        let sent = receiver.alerts().len();
        let program = start(&place, &receiver, &more);
        let url = program.local_url();
        let _ = commit(&url, "fails");
        let _ = receiver.wait_for("dead_delivery", sent + 1);
        receiver.respond_with(ReceiverResponse::Status(404));
        let _ = commit(&url, "gives_up");
        let _ = program.wait_for_log("alerts cannot be posted");
        let viewer = Viewer::open(Some(format!("{url}/?token={PAGE_TOKEN}")));
        for path in ["/", "/health", "/openapi.json"] {
            let body = viewer.get(path).unwrap().body;
            assert!(!body.contains(TOKEN), "{path}: {body}");
        }
        let ended = program.stop();
        for output in [&ended.stdout, &ended.stderr] {
            assert!(!output.contains(TOKEN), "{output}");
        }
        assert!(ended.stdout.contains("* Alerts:                on\n"), "{}", ended.stdout);
    }
}

//! Alerts of dead deliveries.

use serde_json::{Value, json};
use tests::background::{Place, accepted, accepted_many, wait_until};
use tests::on_both_stores;
use tests::receiver::{AlertReceiver, ReceiverResponse};
use tests::repository::read;

use super::{SECRET, TOKEN, assert_documented, commit, poison, post, start};

on_both_stores! {
    a_delivery_whose_attempts_are_used_up_is_an_alert_without_its_payload
    a_permanent_error_is_an_alert_at_once
    a_delivery_whose_last_attempt_was_lost_is_an_alert
    a_burst_is_one_post_with_a_few_of_them
    no_alert_is_posted_of_a_delivery_that_is_retried_or_cancelled
    a_delivery_that_is_run_again_before_its_alert_is_no_alert
}

fn a_delivery_whose_attempts_are_used_up_is_an_alert_without_its_payload(place: &Place) {
    let receiver = AlertReceiver::start();
    let program = start(place, &receiver, &[]);
    let id = commit(&program.local_url(), "fails");
    let alert = receiver.wait_for("dead_delivery", 1).remove(0);
    let time = |name: &str| alert[name].as_str().unwrap().to_owned();
    assert!(time("received_at").ends_with('Z') && time("ended_at") >= time("received_at"));
    let expected = json!({
        "kind": "dead_delivery",
        "endpoint": "/webhooks/fails",
        "delivery": id,
        "webhook_id": "w1",
        "event": "update repo.content",
        "repo": "me/data",
        "attempts": 3,
        // Without its cause.
        "error": "the training failed",
        "received_at": time("received_at"),
        "ended_at": time("ended_at"),
    });
    assert_eq!(alert, expected);
    assert_documented(&alert);
    let posts = receiver.posts();
    let [post] = &posts[..] else { panic!("{posts:#?}") };
    assert_eq!(post.line, format!("POST /services/{TOKEN}?token={TOKEN}"));
    assert_eq!(post.content_type, "application/json");
    assert_eq!(
        (&post.json["omitted"], &post.json["program"]),
        (&json!(0), &json!("fixture-background"))
    );
    let text = format!(
        "fixture-background: Dead delivery: /webhooks/fails, update repo.content of me/data, after 3 attempts: the \
         training failed. Details: deliveries show {id}"
    );
    assert_eq!(post.json["text"], text);
    let json = post.json.to_string();
    assert!(!json.contains(SECRET) && !json.contains("the disk is full"), "{json}");
    assert_eq!(program.stop().code, Some(0));
    assert_eq!(receiver.posts().len(), 1);
}

fn a_permanent_error_is_an_alert_at_once(place: &Place) {
    let receiver = AlertReceiver::start();
    let program = start(place, &receiver, &[]);
    let id = accepted(&program.local_url(), "gives_up", None, 0);
    let alert = receiver.wait_for("dead_delivery", 1).remove(0);
    assert_eq!((&alert["delivery"], &alert["attempts"]), (&json!(id), &json!(1)));
    assert_eq!(alert["error"], "no such dataset");
    // The payload is not the Hub's.
    assert!(alert["repo"].is_null() && alert["event"].is_null(), "{alert}");
    program.stop();
}

fn a_delivery_whose_last_attempt_was_lost_is_an_alert(place: &Place) {
    let receiver = AlertReceiver::start();
    let lease = [("LEASE_SECONDS", "1")];
    let id = poison(place, start(place, &receiver, &lease));
    let mut alive = None;
    wait_until("an alert", || {
        let program = alive.take().unwrap_or_else(|| start(place, &receiver, &lease));
        if program.is_running() {
            alive = Some(program);
        } else {
            program.wait();
        }
        !receiver.alerts().is_empty()
    });
    let alert = receiver.wait_for("dead_delivery", 1).remove(0);
    assert_eq!((&alert["delivery"], &alert["attempts"]), (&json!(id), &json!(3)));
    assert_eq!(alert["error"], "the process that ran it died, or its lease expired");
    assert_eq!(place.delivery(&id).state, "dead");
    alive.unwrap().stop();
    assert_eq!(receiver.alerts().len(), 1);
}

fn a_burst_is_one_post_with_a_few_of_them(place: &Place) {
    const COUNT: usize = 300;
    let receiver = AlertReceiver::start();
    // All of them end before the first post is due, at the shutdown.
    let program = start(place, &receiver, &[("WEBHOOKS_TEST_ALERT_INTERVAL_MS", "3600000")]);
    let _ = accepted_many(&program.local_url(), "gives_up", COUNT, 0);
    place.wait_for_all();
    program.stop();
    let posts = receiver.posts();
    let [post] = &posts[..] else { panic!("{posts:#?}") };
    assert_eq!(post.json["alerts"].as_array().unwrap().len(), 20);
    assert_eq!(post.json["omitted"], COUNT - 20);
    let text = post.json["text"].as_str().unwrap();
    let shown = text.lines().count() - 1;
    let last = format!(
        "\nfixture-background: Further alerts: {}. Dead deliveries: deliveries --state dead",
        COUNT - shown
    );
    assert!(text.ends_with(&last), "{text}");
}

fn no_alert_is_posted_of_a_delivery_that_is_retried_or_cancelled(place: &Place) {
    let receiver = AlertReceiver::start();
    let program = start(place, &receiver, &[]);
    let url = program.local_url();
    let recovered = accepted(&url, "recovers", None, 0);
    let cancelled = accepted(&url, "later", None, 0);
    let _ = program.wait_for_log("the Hub is being maintained");
    assert_eq!(place.command(&["deliveries", "cancel", &cancelled], &[]).code, Some(0));
    place.wait_for(&recovered, "done");
    place.wait_for(&cancelled, "cancelled");
    // The last one, so that the others would be posted before or with it.
    let dead = post(&url, "gives_up", &[], &json!({}));
    let _ = receiver.wait_for("dead_delivery", 1);
    program.stop();
    let alerts = receiver.alerts();
    assert!(alerts.len() == 1 && alerts[0]["delivery"] == dead, "{alerts:#?}");
}

fn a_delivery_that_is_run_again_before_its_alert_is_no_alert(place: &Place) {
    let receiver = AlertReceiver::start();
    receiver.respond_with(ReceiverResponse::Nothing);
    let program = start(place, &receiver, &[]);
    let url = program.local_url();
    let first = accepted(&url, "gives_up", None, 0);
    wait_until("a post that is not responded to", || !receiver.posts().is_empty());
    // These are added to the alerts once that post has ended, after 10 s at the latest.
    let last = commit(&url, "fails");
    let rerun = accepted(&url, "gives_up", None, 0);
    place.wait_for(&rerun, "dead");
    assert_eq!(place.command(&["deliveries", "pause", "gives_up"], &[]).code, Some(0));
    assert_eq!(place.command(&["deliveries", "retry", &rerun], &[]).code, Some(0));
    place.wait_for(&last, "dead");
    assert_eq!(receiver.posts().len(), 1, "the first post has timed out");
    receiver.respond_with(ReceiverResponse::Ok);
    let alerts = receiver.wait_for("dead_delivery", 2);
    program.stop();
    assert_eq!([&alerts[0]["delivery"], &alerts[1]["delivery"]], [&*first, &*last]);
    assert_eq!(receiver.alerts().len(), 2, "{:#?}", receiver.posts());
    assert!(receiver.posts().iter().all(|post| post.json["omitted"] == 0));
}

#[test]
fn the_guide_shows_a_post_as_it_is() {
    let (place, receiver) = (Place::file(), AlertReceiver::start());
    let program = start(&place, &receiver, &[]);
    let id = commit(&program.local_url(), "fails");
    let _ = receiver.wait_for("dead_delivery", 1);
    program.stop();
    let posted = receiver.posts().remove(0).json;
    for page in ["docs/en/alerts.md", "docs/ko/alerts.md"] {
        let text = read(page);
        let (_, example) = text.split_once("```text\n").unwrap();
        let (example, _) = example.split_once("```").unwrap();
        let mut shown: Value = serde_json::from_str(example).unwrap();
        // The example is about another program.
        let of_example = shown["alerts"][0]["delivery"].as_str().unwrap().to_owned();
        let text = shown["text"].as_str().unwrap();
        let text = text.replace("my-bot", "fixture-background").replace(&of_example, &id);
        shown["text"] = text.replace("/webhooks/train", "/webhooks/fails").into();
        shown["program"] = "fixture-background".into();
        for field in ["endpoint", "delivery", "webhook_id", "received_at", "ended_at"] {
            assert!(shown["alerts"][0][field].is_string(), "{page}: {field}");
            shown["alerts"][0][field] = posted["alerts"][0][field].clone();
        }
        assert_eq!(shown, posted, "{page}");
    }
}

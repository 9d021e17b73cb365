//! The trace of a background delivery: its request, storing it, and its attempts.

use tests::background::{Place, id_of};
use tests::collector::{Collector, ReceivedSpan};

use super::{PARENT, TRACE, post_with, sending_to, traceparent};

tests::on_both_stores! {
    a_delivery_is_one_trace_from_its_request_to_its_last_attempt
    a_delivery_that_runs_after_a_restart_continues_its_trace
    an_attempt_is_linked_to_the_deliveries_that_it_carries
    a_delivery_that_a_function_enqueues_is_in_the_trace_of_its_attempt
}

fn assert_attributes(span: &ReceivedSpan, expected: &[(&str, &str)]) {
    for &(name, value) in expected {
        assert_eq!(span.attribute(name), Some(value), "{name}: {span:#?}");
    }
    // Nothing else, such as something of the payload.
    assert_eq!(span.attributes.len(), expected.len(), "{span:#?}");
}

fn a_delivery_is_one_trace_from_its_request_to_its_last_attempt(place: &Place) {
    let collector = Collector::start();
    let program = place.start(&sending_to(&collector));
    let url = program.local_url();
    let header = traceparent();
    let response = post_with(&url, "recovers", &[&header], r#"{"repo":"private-name"}"#);
    assert_eq!(response.status, 202, "{response:?}");
    let id = id_of(&response);
    let attempts = collector.wait_for("process /webhooks/recovers", 2);
    let [request] = &collector.wait_for("POST /webhooks/recovers", 1)[..] else { panic!() };
    let [storing] = &collector.wait_for("store /webhooks/recovers", 1)[..] else { panic!() };

    assert_eq!((&*request.kind, &*request.trace, &*request.parent), ("Server", TRACE, PARENT));
    assert_attributes(
        request,
        &[
            ("http.request.method", "POST"),
            ("http.route", "/webhooks/recovers"),
            ("url.path", "/webhooks/recovers"),
            ("url.scheme", "http"),
            ("http.response.status_code", "202"),
        ],
    );
    assert_eq!((&*storing.kind, &storing.trace), ("Producer", &request.trace));
    assert_eq!(storing.parent, request.id);
    assert!(storing.duration <= request.duration, "{storing:#?} {request:#?}");
    let message = [
        ("messaging.system", "webhooks"),
        ("messaging.destination.name", "/webhooks/recovers"),
        ("messaging.message.id", &id),
    ];
    let operation =
        |name, kind| [("messaging.operation.name", name), ("messaging.operation.type", kind)];
    assert_attributes(storing, &[&message[..], &operation("store", "send")].concat());
    for (attempt, number, result) in
        [(&attempts[0], "1", "failed"), (&attempts[1], "2", "succeeded")]
    {
        assert_eq!((&*attempt.kind, &attempt.trace), ("Consumer", &request.trace));
        assert_eq!(attempt.parent, storing.id);
        assert_eq!(attempt.links, [(storing.trace.clone(), storing.id.clone())]);
        let failed = result == "failed";
        // Without the text of the error.
        assert_eq!(attempt.error.as_deref(), failed.then_some(""), "{attempt:#?}");
        let of_attempt = [("webhooks.attempt", number), ("webhooks.result", result)];
        let error = [("error.type", "failed")];
        let error = if failed { &error[..] } else { &[] };
        let operation = operation("process", "process");
        assert_attributes(attempt, &[&message[..], &operation, &of_attempt, error].concat());
    }
    for span in collector.spans() {
        assert!(!format!("{span:?}").contains("private-name"), "{span:#?}");
    }
    program.kill();
}

fn a_delivery_that_runs_after_a_restart_continues_its_trace(place: &Place) {
    let collector = Collector::start();
    let variables = [&sending_to(&collector)[..], &[("SHUTDOWN_SECONDS", "1")]].concat();
    let program = place.start(&variables);
    let body = r#"{"milliseconds":2500}"#;
    let response = post_with(&program.local_url(), "alone", &[&traceparent()], body);
    let id = id_of(&response);
    place.wait_for(&id, "running");
    // Releases the delivery, and sends its span.
    let _ = program.stop();
    let [released] = &collector.wait_for("process /webhooks/alone", 1)[..] else { panic!() };
    assert_eq!(released.attribute("webhooks.result"), Some("released"));

    let program = place.start(&sending_to(&collector));
    let attempts = collector.wait_for("process /webhooks/alone", 2);
    let [storing] = &collector.wait_for("store /webhooks/alone", 1)[..] else { panic!() };
    for attempt in &attempts {
        assert_eq!((&*attempt.trace, &attempt.parent), (TRACE, &storing.id));
        assert_eq!(attempt.attribute("messaging.message.id"), Some(&*id));
    }
    assert_eq!(attempts[1].attribute("webhooks.result"), Some("succeeded"));
    program.kill();
}

fn an_attempt_is_linked_to_the_deliveries_that_it_carries(place: &Place) {
    let collector = Collector::start();
    let program = place.start(&sending_to(&collector));
    let url = program.local_url();
    let push = |number: u32| {
        let body = format!(
            r#"{{"event":{{"action":"update","scope":"repo.content"}},"repo":{{"type":"model","name":"a/b"}},
            "milliseconds":1000,"updatedRefs":[{{"ref":"refs/heads/main","oldSha":"{number}","newSha":"{}"}}]}}"#,
            number + 1
        );
        id_of(&post_with(&url, "newest", &[], &body))
    };
    let first = push(1);
    place.wait_for(&first, "running");
    let (_, newest) = (push(2), push(3));
    let attempts = collector.wait_for("process /webhooks/newest", 2);
    let stored = collector.wait_for("store /webhooks/newest", 3);
    let carrying = &attempts[1];
    assert_eq!(carrying.attribute("messaging.message.id"), Some(&*newest));
    assert_eq!((&carrying.trace, &carrying.parent), (&stored[2].trace, &stored[2].id));
    let context = |span: &ReceivedSpan| (span.trace.clone(), span.id.clone());
    assert_eq!(carrying.links, [context(&stored[2]), context(&stored[1])]);
    program.kill();
}

fn a_delivery_that_a_function_enqueues_is_in_the_trace_of_its_attempt(place: &Place) {
    let collector = Collector::start();
    let program = place.start(&sending_to(&collector));
    let response = post_with(&program.local_url(), "enqueues", &[&traceparent()], "{}");
    assert_eq!(response.status, 202, "{response:?}");
    let [enqueuing] = &collector.wait_for("process /webhooks/enqueues", 1)[..] else { panic!() };
    let [storing] = &collector.wait_for("store /webhooks/trains", 1)[..] else { panic!() };
    let [enqueued] = &collector.wait_for("process /webhooks/trains", 1)[..] else { panic!() };
    assert_eq!((&*storing.trace, &storing.parent), (TRACE, &enqueuing.id));
    assert_eq!((&*enqueued.trace, &enqueued.parent), (TRACE, &storing.id));
    program.kill();
}

//! The spans of requests, and those that functions make.

use tests::background::{Place, id_of};
use tests::client::request;
use tests::collector::Collector;
use tests::program::Program;
use tests::programs::secrets;

use super::{PARENT, TRACE, post_with, sending_to, traceparent};

#[test]
fn a_rejected_request_has_a_span_and_its_sender_does_not_decide_about_it() {
    let collector = Collector::start();
    let variables = [("WEBHOOK_SECRET", "hush"), ("TRAINING_SECRET", "other")];
    let variables = [&sending_to(&collector)[..], &variables].concat();
    let program = Program::start(&secrets(), &["--port", "0"], &variables).unwrap();
    let url = program.local_url();
    let unsampled = format!("traceparent: 00-{TRACE}-{PARENT}-00");
    for (header, secret, status) in
        [(&*traceparent(), None, 401), (&*unsampled, Some("X-Webhook-Secret: loud"), 403)]
    {
        let headers: Vec<_> = [header, "tracestate: team=ml"].into_iter().chain(secret).collect();
        assert_eq!(post_with(&url, "evaluation", &headers, "{}").status, status);
    }
    let spans = collector.wait_for("POST /webhooks/evaluation", 2);
    for (span, status) in spans.iter().zip(["401", "403"]) {
        assert_eq!(span.attribute("http.response.status_code"), Some(status));
        // Another trace, from which the sender's is found.
        assert_ne!(span.trace, TRACE);
        assert_eq!((&*span.parent, span.error.as_deref()), ("", None));
        assert_eq!(span.links, [(TRACE.to_owned(), PARENT.to_owned())]);
        assert_eq!(span.states, ["", ""]);
    }
    // With the secret, the sender decides that its trace is not sampled.
    let right = "X-Webhook-Secret: hush";
    let body =
        r#"{"event":{"action":"update","scope":"repo"},"repo":{"type":"model","name":"a/b"}}"#;
    let status = post_with(&url, "evaluation", &[&unsampled, right], body).status;
    assert_eq!(
        post_with(&url, "evaluation", &[&traceparent(), "tracestate: team=ml", right], body).status,
        status
    );
    let spans = collector.wait_for("POST /webhooks/evaluation", 3);
    assert_eq!((&*spans[2].trace, &*spans[2].parent), (TRACE, PARENT));
    assert_eq!(spans[2].states, ["team=ml"]);
    // A request that delivers nothing, and one to no endpoint.
    assert_eq!(request(&url, "GET /webhooks/evaluation", &[], "").unwrap().status, 405);
    assert_eq!(post_with(&url, "nobody", &[], "{}").status, 404);
    program.stop();
    assert_eq!(collector.spans().len(), 3, "{:#?}", collector.spans());
}

#[test]
fn a_duplicate_has_the_id_of_the_stored_delivery_and_no_attempt() {
    let collector = Collector::start();
    let place = Place::file();
    let program = place.start(&sending_to(&collector));
    let url = program.local_url();
    let send = || post_with(&url, "quick", &["Webhook-Id: 1"], "{}");
    let id = id_of(&send());
    place.wait_for(&id, "done");
    assert_eq!(send().status, 200);
    let storing = collector.wait_for("store /webhooks/quick", 2);
    for span in &storing {
        assert_eq!(span.attribute("messaging.message.id"), Some(&*id));
    }
    program.stop();
    assert_eq!(collector.wait_for("process /webhooks/quick", 1).len(), 1);
    assert_eq!(collector.wait_for("POST /webhooks/quick", 2).len(), 2);
}

/// Checks the spans that functions make.
fn functions_make_spans(variables: &[(&str, &str)]) {
    let collector = Collector::start();
    let place = Place::file();
    let program = place.start(&[&sending_to(&collector)[..], variables].concat());
    let url = program.local_url();
    let functions = [
        ("trains", "process"),
        ("trains_on_thread", "process"),
        ("trains_at_once", "POST"),
        ("trains_at_once_on_thread", "POST"),
    ];
    for (function, _) in functions {
        assert!(post_with(&url, function, &[], "{}").status < 300);
    }
    let made = collector.wait_for("train", functions.len());
    for (function, kind) in functions {
        let [parent] = &collector.wait_for(&format!("{kind} /webhooks/{function}"), 1)[..] else {
            panic!("{function}")
        };
        let made: Vec<_> = made.iter().filter(|span| span.parent == parent.id).collect();
        let [made] = &made[..] else { panic!("{function}: {:#?}", collector.spans()) };
        assert_eq!((&made.trace, made.attribute("epochs")), (&parent.trace, Some("3")));
        let [(name, event)] = &made.events[..] else { panic!("{made:#?}") };
        assert_eq!((&**name, event["loss"].as_str()), ("trained", "0.5"));
    }
    program.stop();
    let names: Vec<_> = collector.spans().into_iter().map(|span| span.name).collect();
    // Their requests, two stores, two attempts, and what they made.
    assert_eq!(names.len(), 4 + 2 + 2 + 4, "{names:?}");
}

#[test]
fn the_spans_of_a_function_are_in_its_trace() {
    functions_make_spans(&[]);
}

#[test]
fn the_layer_adds_them_to_the_programs_own_subscriber() {
    functions_make_spans(&[("OWN_SUBSCRIBER", "1")]);
}

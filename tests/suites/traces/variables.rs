//! The effects of the variables of OpenTelemetry's specification.

use std::net::TcpListener;

use tests::background::{Place, wait_until};
use tests::collector::{Collector, ReceivedSpan};
use tests::forward::HttpsServer;
use tests::program::Program;
use tests::programs::quickstart;
use tests::share::certificates::Certificates;

use super::{PARENT, TRACE, WITHOUT_EFFECT, post_with, sending_to, traceparent};

const BODY: &str =
    r#"{"event":{"action":"update","scope":"repo"},"repo":{"type":"model","name":"a/b"}}"#;

fn start(variables: &[(&str, &str)]) -> Program {
    Program::start(&quickstart(), &["--port", "0"], variables).unwrap()
}

/// Posts deliveries to a program with these variables, each with this header. Returns their spans when it has shut down.
fn spans_of(
    variables: &[(&str, &str)],
    headers: &[String],
    collector: &Collector,
) -> Vec<ReceivedSpan> {
    let before = collector.spans().len();
    let program = start(&[&sending_to(collector)[..], variables].concat());
    let url = program.local_url();
    for header in headers {
        assert!(post_with(&url, "trigger_training", &[header], BODY).status < 300);
    }
    assert_eq!(program.stop().code, Some(0));
    collector.spans().split_off(before)
}

#[test]
fn the_headers_of_traces_override_the_general_ones() {
    let general = ("OTEL_EXPORTER_OTLP_HEADERS", "x-team=general,x-general=a%20b");
    for (of_traces, expected) in [
        ("x-team=traces", [Some("traces"), None]),
        // An empty variable counts as unset.
        ("", [Some("general"), Some("a b")]),
    ] {
        let collector = Collector::start();
        let variables = [general, ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", of_traces)];
        assert_eq!(spans_of(&variables, &[traceparent()], &collector).len(), 1);
        let headers = collector.batches().remove(0).headers;
        let header = |name: &str| headers.get(name).map(String::as_str);
        assert_eq!([header("x-team"), header("x-general")], expected, "{headers:?}");
    }
}

#[test]
fn the_timeout_of_traces_overrides_the_general_one() {
    // Accepts connections, and never responds.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let program = start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "3600000"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "200"),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
    ]);
    let _ = post_with(&program.local_url(), "trigger_training", &[], BODY);
    let line = program.wait_for_log("traces cannot be sent");
    assert!(line.contains("it did not respond in time"), "{line}");
    program.kill();
}

#[test]
fn the_sampler_and_its_ratio_decide_which_traces_are_recorded() {
    const LOW: &str = "00000000000000000000000000000001";
    const HIGH: &str = "0000000000000000ffffffffffffffff";
    let collector = Collector::start();
    // No parent, a sampled parent, and one that is not.
    let none = "x-team: ml".to_owned();
    let sampled = |trace: &str| format!("traceparent: 00-{trace}-{PARENT}-01");
    let unsampled = format!("traceparent: 00-{TRACE}-{PARENT}-00");
    for (sampler, ratio, expected) in [
        ("always_on", "", [true, true, true]),
        ("always_off", "", [false, false, false]),
        ("parentbased_always_on", "", [true, true, false]),
        ("parentbased_always_off", "", [false, true, false]),
        ("traceidratio", "0", [false, false, false]),
        ("traceidratio", "1", [true, true, true]),
        ("parentbased_traceidratio", "0", [false, true, false]),
        ("parentbased_traceidratio", "1", [true, true, false]),
        // An empty variable counts as unset.
        ("", "0", [true, true, false]),
        ("traceidratio", "", [true, true, true]),
    ] {
        let variables = [("OTEL_TRACES_SAMPLER", sampler), ("OTEL_TRACES_SAMPLER_ARG", ratio)];
        let headers = [none.clone(), sampled(LOW), unsampled.clone()];
        let spans = spans_of(&variables, &headers, &collector);
        let mut traces: Vec<_> = spans.iter().map(|span| &*span.trace).collect();
        let recorded = [LOW, TRACE].map(|trace| traces.contains(&trace));
        traces.retain(|trace| ![LOW, TRACE].contains(trace));
        assert_eq!([!traces.is_empty(), recorded[0], recorded[1]], expected, "{sampler} {ratio}");
    }
    // A ratio of 0.5 keeps the traces whose ids are below the middle of all ids.
    let half = [("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0.5")];
    let spans = spans_of(&half, &[sampled(LOW), sampled(HIGH)], &collector);
    let traces: Vec<_> = spans.into_iter().map(|span| span.trace).collect();
    assert_eq!(traces, [LOW]);
}

#[test]
fn a_request_has_at_most_the_number_of_spans_of_a_variable() {
    for (size, largest) in [("2", 2), ("", 7)] {
        let collector = Collector::start();
        let variables = [
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", size),
            // So that only their number and the shutdown send them.
            ("OTEL_BSP_SCHEDULE_DELAY", "3600000"),
        ];
        let headers: Vec<_> = (0..7).map(|_| traceparent()).collect();
        assert_eq!(spans_of(&variables, &headers, &collector).len(), 7);
        let batches = collector.batches();
        let sizes = batches.iter().map(|batch| batch.spans);
        assert_eq!((sizes.clone().max(), sizes.sum()), (Some(largest), 7), "{batches:#?}");
    }
}

#[test]
fn a_span_has_at_most_the_numbers_of_attributes_events_and_links_of_the_variables() {
    for (variable, limit, [attributes, events, links]) in [
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "2", [2, 1, 1]),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", "0", [7, 0, 1]),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "0", [7, 1, 0]),
    ] {
        let collector = Collector::start();
        let place = Place::file();
        let program = place.start(&[&sending_to(&collector)[..], &[(variable, limit)]].concat());
        let _ = post_with(&program.local_url(), "trains", &[], "{}");
        let [attempt] = &collector.wait_for("process /webhooks/trains", 1)[..] else { panic!() };
        let [made] = &collector.wait_for("train", 1)[..] else { panic!() };
        let found = [attempt.attributes.len(), made.events.len(), attempt.links.len()];
        assert_eq!(found, [attributes, events, links], "{variable}: {attempt:#?} {made:#?}");
        program.kill();
    }
}

#[test]
fn a_collector_is_trusted_by_the_certificate_that_a_variable_names() {
    let own = Certificates::signed("localhost").unwrap();
    let other = Certificates::signed("localhost").unwrap();
    let (own_root, other_root) = (own.root(), other.root());
    let (own_root, other_root) = (own_root.to_str().unwrap(), other_root.to_str().unwrap());
    let general = |file| ("OTEL_EXPORTER_OTLP_CERTIFICATE", file);
    let of_traces = |file| ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", file);
    for (variables, is_trusted) in [
        (&[][..], false),
        (&[general(own_root)], true),
        (&[general(other_root)], false),
        (&[general(other_root), of_traces(own_root)], true),
        (&[general(own_root), of_traces(other_root)], false),
        // Instead of the certificates of the environment.
        (&[("SSL_CERT_FILE", other_root), general(own_root)], true),
        (&[("SSL_CERT_FILE", own_root), general(other_root)], false),
        (&[("SSL_CERT_FILE", "/nothing-here"), general(own_root)], true),
    ] {
        let server = HttpsServer::start(&own, "{}").unwrap();
        let endpoint = format!("https://localhost:{}", server.address.port());
        let sending =
            [("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint), ("OTEL_BSP_SCHEDULE_DELAY", "50")];
        let program = start(&[&sending[..], variables].concat());
        let _ = post_with(&program.local_url(), "trigger_training", &[], BODY);
        if is_trusted {
            wait_until("traces are sent", || !server.requests().is_empty());
            assert!(server.requests()[0].starts_with("POST /v1/traces "));
        } else {
            let line = program.wait_for_log("traces cannot be sent");
            assert!(line.contains("not signed by a trusted authority"), "{line}");
            assert!(server.requests().is_empty());
        }
        let ended = program.stop();
        assert_eq!(ended.stderr.contains("traces cannot be sent"), !is_trusted, "{variables:?}");
    }
}

#[test]
fn the_variables_that_the_page_names_have_no_effect() {
    let collector = Collector::start();
    let place = Place::file();
    // The trace of the sender is continued, its attributes are whole, and no file is read.
    let values = WITHOUT_EFFECT.map(|name| match name {
        "OTEL_PROPAGATORS" => (name, "none"),
        "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE" | "OTEL_EXPORTER_OTLP_CLIENT_KEY" => {
            (name, "/nothing-here")
        }
        _ => (name, "1"),
    });
    let program = place.start(&[&sending_to(&collector)[..], &values].concat());
    let _ = post_with(&program.local_url(), "trains", &[&traceparent()], "{}");
    let [attempt] = &collector.wait_for("process /webhooks/trains", 1)[..] else { panic!() };
    assert_eq!((&*attempt.trace, attempt.attributes.len()), (TRACE, 7), "{attempt:#?}");
    assert_eq!(attempt.attribute("messaging.system"), Some("webhooks"));
    let [made] = &collector.wait_for("train", 1)[..] else { panic!() };
    assert!(made.events[0].1.len() > 1, "{made:#?}");
    program.kill();
}

//! The variables that say whether and where traces are sent.

use std::collections::BTreeSet;
use std::fs;

use regex::Regex;
use tests::client::post;
use tests::collector::Collector;
use tests::program::Program;
use tests::programs::{background, quickstart};
use tests::repository::read;

use super::{WITHOUT_EFFECT, post_with, sending_to};

const BODY: &str =
    r#"{"event":{"action":"update","scope":"repo"},"repo":{"type":"model","name":"a/b"}}"#;

fn start(variables: &[(&str, &str)]) -> Program {
    Program::start(&quickstart(), &["--port", "0"], variables).unwrap()
}

/// Whether the process has the thread that sends spans.
fn has_exporter(program: &Program) -> bool {
    let threads = fs::read_dir(format!("/proc/{}/task", program.id())).unwrap();
    threads.into_iter().any(|thread| {
        let name = fs::read_to_string(thread.unwrap().path().join("comm")).unwrap_or_default();
        name.starts_with("OpenTelemetry")
    })
}

#[test]
fn nothing_is_sent_unless_a_variable_says_where_to() {
    let collector = Collector::start();
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.url);
    for (variables, sends) in [
        (&[][..], false),
        (&[("OTEL_SERVICE_NAME", "bot")], false),
        (&[endpoint, ("OTEL_TRACES_EXPORTER", "none")], false),
        (&[endpoint, ("OTEL_SDK_DISABLED", "true")], false),
        (&[endpoint], true),
    ] {
        let program = start(variables);
        let url = program.local_url();
        assert_eq!(has_exporter(&program), sends, "{variables:?}");
        assert!(post(&url, "/webhooks/trigger_training", BODY).unwrap().status < 500);
        let ended = program.stop();
        assert_eq!(ended.stdout.contains("* Traces:"), sends, "{}", ended.stdout);
        // Those of the last delivery are sent when it shuts down.
        assert_eq!(!collector.spans().is_empty(), sends, "{variables:?}");
    }
}

#[test]
fn the_headers_are_sent_and_no_secret_is_shown() {
    let collector = Collector::start();
    let host = collector.url.trim_start_matches("http://");
    let endpoint = format!("http://me:pass-planted@{host}/in?key=key-planted");
    let program = start(&[
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &endpoint),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20token-planted,x-team=ml"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"),
        ("RUST_LOG", "trace"),
    ]);
    let url = program.local_url();
    let _ = post_with(&url, "trigger_training", &[], BODY);
    let ended = program.stop();
    let output = format!("{}{}", ended.stdout, ended.stderr);
    assert!(output.contains(&format!("* Traces:                http://{host}/in\n")), "{output}");
    assert!(!output.contains("planted"), "{output}");
    let batch = collector.batches().remove(0);
    assert_eq!(batch.uri, "/in?key=key-planted");
    assert_eq!(batch.headers["authorization"], "Bearer token-planted");
    assert_eq!(batch.headers["x-team"], "ml");
    let span = collector.spans().remove(0);
    assert_eq!(span.resource["service.name"], "quickstart");
    assert_eq!(span.resource["deployment.environment.name"], "test");
}

#[test]
fn the_variables_of_the_standard_decide_about_name_and_sampling() {
    let collector = Collector::start();
    let name = [("OTEL_SERVICE_NAME", "my-bot")];
    let program = start(&[&sending_to(&collector)[..], &name].concat());
    let _ = post_with(&program.local_url(), "trigger_training", &[], BODY);
    program.stop();
    assert_eq!(collector.spans()[0].resource["service.name"], "my-bot");
    let before = collector.spans().len();
    let never = [("OTEL_TRACES_SAMPLER", "always_off")];
    let program = start(&[&sending_to(&collector)[..], &never].concat());
    let _ = post_with(&program.local_url(), "trigger_training", &[], BODY);
    program.stop();
    assert_eq!(collector.spans().len(), before);
}

#[test]
fn an_invalid_value_is_an_error_at_the_start_that_does_not_show_it() {
    for (name, value) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector-planted"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc-planted"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "token-planted"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/planted"),
        ("OTEL_TRACES_SAMPLER", "sometimes-planted"),
    ] {
        let ended = start(&[(name, value)]).wait();
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert!(ended.stderr.contains(&format!("{name} must be ")), "{}", ended.stderr);
        assert!(!ended.stderr.contains("planted"), "{}", ended.stderr);
    }
}

#[test]
fn the_page_has_every_variable_that_is_read_and_those_without_effect() {
    let variable = Regex::new("OTEL_[A-Z_]*[A-Z]").unwrap();
    let in_file = |file: &str| -> BTreeSet<String> {
        let text = read(file);
        variable.find_iter(&text).map(|name| name.as_str().to_owned()).collect()
    };
    let mut expected = in_file("webhooks-runtime/src/otel/settings.rs");
    assert!(expected.len() > 10, "{expected:?}");
    assert!(!expected.iter().any(|name| WITHOUT_EFFECT.contains(&&**name)), "{expected:?}");
    expected.extend(WITHOUT_EFFECT.map(str::to_owned));
    for language in ["en", "ko"] {
        assert_eq!(in_file(&format!("docs/{language}/traces.md")), expected, "{language}");
    }
}

/// The command `deliver` has no server, and sends its spans before it ends.
#[test]
fn deliver_sends_the_spans_of_its_function() {
    let collector = Collector::start();
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.url)];
    let arguments = ["deliver", "trains_at_once", "--sample", "dataset-commit"];
    let ended = Program::start(&background(), &arguments, &variables).unwrap().wait();
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let [request] = &collector.wait_for("POST /webhooks/trains_at_once", 1)[..] else { panic!() };
    let [made] = &collector.wait_for("train", 1)[..] else { panic!() };
    assert_eq!((&made.trace, &made.parent), (&request.trace, &request.id));
}

//! Traces: the spans of a delivery, from its request to its last attempt, and where they are sent.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on")]

mod delivery;
mod outage;
mod request;
mod setup;
mod variables;

use tests::client::{ClientResponse, request};
use tests::collector::Collector;

/// A trace that a request continues, and the span that is its parent.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// The variables of the specification that have no effect, as the page says.
const WITHOUT_EFFECT: [&str; 9] = [
    "OTEL_PROPAGATORS",
    "OTEL_BSP_EXPORT_TIMEOUT",
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_KEY",
    "OTEL_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
];

/// The header of a request in this trace, which is sampled.
fn traceparent() -> String {
    format!("traceparent: 00-{TRACE}-{PARENT}-01")
}

/// The variables of a program that sends its traces to this collector soon.
fn sending_to(collector: &Collector) -> [(&str, &str); 2] {
    [("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url), ("OTEL_BSP_SCHEDULE_DELAY", "50")]
}

/// Posts a delivery with these headers.
fn post_with(url: &str, function: &str, headers: &[&str], body: &str) -> ClientResponse {
    let headers = [&["Content-Type: application/json"], headers].concat();
    request(url, &format!("POST /webhooks/{function}"), &headers, body).unwrap()
}

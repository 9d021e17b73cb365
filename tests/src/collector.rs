//! A collector of traces: a server that reads what programs send with OpenTelemetry's protocol over HTTP.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]
#![allow(clippy::missing_panics_doc, reason = "each panics when there is no such thing")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode as SpanStatus;
use prost::Message;

use crate::client::PATIENCE;
use crate::local_server::LocalServer;
use crate::program::fail;

/// Names and values, as text.
pub type Attributes = BTreeMap<String, String>;

/// A span that was sent.
#[derive(Clone, Debug)]
pub struct ReceivedSpan {
    /// Its name.
    pub name: String,
    /// The kind of span, such as `Server`.
    pub kind: String,
    /// Its trace, in hexadecimal.
    pub trace: String,
    /// Its id, in hexadecimal.
    pub id: String,
    /// The id of its parent; empty when it has none.
    pub parent: String,
    /// Traces and ids of the spans that it is linked to.
    pub links: Vec<(String, String)>,
    /// The `tracestate` of the span and of each of its links.
    pub states: Vec<String>,
    /// Its attributes.
    pub attributes: Attributes,
    /// Names and attributes of its events.
    pub events: Vec<(String, Attributes)>,
    /// Whether its status is an error, and what the status says.
    pub error: Option<String>,
    /// How long it took.
    pub duration: Duration,
    /// The attributes of the program that sent it.
    pub resource: Attributes,
}

impl ReceivedSpan {
    /// An attribute's value.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }
}

/// A request that was sent.
#[derive(Clone, Debug)]
pub struct ReceivedBatch {
    /// Path and query.
    pub uri: String,
    /// Its headers, by lower-case names.
    pub headers: BTreeMap<String, String>,
    /// The number of its spans.
    pub spans: usize,
}

#[derive(Debug, Default)]
struct CollectorState {
    batches: Vec<ReceivedBatch>,
    spans: Vec<ReceivedSpan>,
    /// What it responds with, unless 200.
    status: Option<StatusCode>,
}

/// A collector, for as long as the test runs.
#[derive(Clone, Debug)]
pub struct Collector {
    /// Its URL, without a path.
    pub url: String,
    received: Arc<Mutex<CollectorState>>,
}

impl Collector {
    /// Starts one.
    #[must_use]
    pub fn start() -> Self {
        let received = Arc::<Mutex<CollectorState>>::default();
        let data = web::Data::from(Arc::clone(&received));
        let server = LocalServer::start(0, move |config| {
            config.app_data(data.clone()).default_service(web::to(receive));
        });
        Self { url: server.unwrap().url, received }
    }

    /// What it responds with from now on.
    pub fn respond_with(&self, status: u16) {
        self.received().status = Some(StatusCode::from_u16(status).unwrap());
    }

    /// All spans so far.
    #[must_use]
    pub fn spans(&self) -> Vec<ReceivedSpan> {
        self.received().spans.clone()
    }

    /// All requests so far.
    #[must_use]
    pub fn batches(&self) -> Vec<ReceivedBatch> {
        self.received().batches.clone()
    }

    /// Waits until so many spans of this name have come, and gives them.
    #[must_use]
    pub fn wait_for(&self, name: &str, count: usize) -> Vec<ReceivedSpan> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut spans = self.spans();
            let named: Vec<_> = spans.extract_if(.., |span| span.name == name).collect();
            if named.len() >= count {
                return named;
            }
            if Instant::now() > deadline {
                fail(&format!("not {count} spans {name:?}: {named:#?}, but {spans:#?}"));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn received(&self) -> MutexGuard<'_, CollectorState> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn receive(
    request: HttpRequest,
    body: web::Bytes,
    received: web::Data<Mutex<CollectorState>>,
) -> HttpResponse {
    let mut received = received.lock().unwrap_or_else(PoisonError::into_inner);
    let header = |(name, value): (&_, &actix_web::http::header::HeaderValue)| {
        let name: &actix_web::http::header::HeaderName = name;
        (name.to_string(), value.to_str().unwrap().to_owned())
    };
    let headers = request.headers().iter().map(header).collect();
    let sent = ExportTraceServiceRequest::decode(body).unwrap();
    let scopes = sent.resource_spans.iter().flat_map(|of_program| &of_program.scope_spans);
    let spans = scopes.map(|scope| scope.spans.len()).sum();
    received.batches.push(ReceivedBatch { uri: request.uri().to_string(), headers, spans });
    if let Some(status) = received.status.filter(|status| !status.is_success()) {
        return HttpResponse::build(status).body("no spans today");
    }
    for of_program in sent.resource_spans {
        let resource = of_program.resource.map(|it| attributes(it.attributes)).unwrap_or_default();
        let spans = of_program.scope_spans.into_iter().flat_map(|scope| scope.spans);
        received.spans.extend(spans.map(|span| read(span, resource.clone())));
    }
    HttpResponse::Ok().content_type("application/x-protobuf").finish()
}

fn read(span: Span, resource: Attributes) -> ReceivedSpan {
    let kind = SpanKind::try_from(span.kind).unwrap();
    let nanoseconds = span.end_time_unix_nano.checked_sub(span.start_time_unix_nano).unwrap();
    let status = span.status.unwrap_or_default();
    let states = span.links.iter().map(|link| link.trace_state.clone());
    let states = std::iter::once(span.trace_state).chain(states).collect();
    let links = span.links.into_iter();
    let events = span.events.into_iter();
    ReceivedSpan {
        name: span.name,
        kind: format!("{kind:?}"),
        trace: hexadecimal(&span.trace_id),
        id: hexadecimal(&span.span_id),
        parent: hexadecimal(&span.parent_span_id),
        links: links
            .map(|link| (hexadecimal(&link.trace_id), hexadecimal(&link.span_id)))
            .collect(),
        states,
        attributes: attributes(span.attributes),
        events: events.map(|event| (event.name, attributes(event.attributes))).collect(),
        error: (status.code == SpanStatus::Error as i32).then_some(status.message),
        duration: Duration::from_nanos(nanoseconds),
        resource,
    }
}

fn attributes(attributes: Vec<KeyValue>) -> Attributes {
    attributes.into_iter().map(|it| (it.key, text(it.value))).collect()
}

fn text(value: Option<AnyValue>) -> String {
    match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::BoolValue(it)) => it.to_string(),
        Some(Value::IntValue(it)) => it.to_string(),
        Some(Value::DoubleValue(it)) => it.to_string(),
        other => format!("{other:?}"),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

//! Makes the spans of deliveries, with the names and attributes of OpenTelemetry's semantic conventions for HTTP and for
//! messaging: <https://opentelemetry.io/docs/specs/semconv/>.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{
    Link, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt, Tracer as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::trace::{ActiveSpan, AttemptStart, DeliverySpan, RequestStart, SpanEnd, Tracer};

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

/// The value of `messaging.system`.
const SYSTEM: &str = "webhooks";

/// How many contexts of older deliveries an attempt is linked to. OpenTelemetry's default limit of links.
const MAX_LINKS: usize = 128;

/// Makes the spans of deliveries.
pub(super) struct OtelTracer {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

/// A span, and when it started.
struct OtelSpan {
    context: Context,
    started: SystemTime,
}

impl OtelTracer {
    pub(super) fn new(provider: SdkTracerProvider, tracer: SdkTracer) -> Self {
        Self { provider, tracer }
    }

    fn start(&self, span: SpanBuilder, parent: &Context, started: SystemTime) -> ActiveSpan {
        let span = self.tracer.build_with_context(span.with_start_time(started), parent);
        Arc::new(OtelSpan { context: parent.with_span(span), started })
    }
}

impl Tracer for OtelTracer {
    fn start_request(&self, request: &RequestStart<'_>) -> ActiveSpan {
        // Any text can be in the state, so that of a stranger is not sent on.
        let state = request.tracestate.filter(|_| request.authorized);
        let sent = extract(request.traceparent, state);
        let span = self
            .tracer
            .span_builder(format!("POST {}", request.endpoint))
            .with_kind(SpanKind::Server)
            .with_attributes([
                KeyValue::new("http.request.method", "POST"),
                KeyValue::new("http.route", request.endpoint.to_owned()),
                KeyValue::new("url.path", request.endpoint.to_owned()),
                KeyValue::new("url.scheme", "http"),
            ]);
        // A stranger must not decide which requests are sampled, nor add spans to a trace.
        let (parent, links) = if request.authorized {
            (sent.map(remote), Vec::new())
        } else {
            (None, sent.map(Link::with_context).into_iter().collect())
        };
        let parent = parent.unwrap_or_default();
        let started = SystemTime::now().checked_sub(request.received.elapsed());
        self.start(span.with_links(links), &parent, started.unwrap_or_else(SystemTime::now))
    }

    fn start_storing(&self, endpoint: &str) -> ActiveSpan {
        let span = self.tracer.span_builder(format!("store {endpoint}"));
        let span = span.with_kind(SpanKind::Producer).with_attributes([
            KeyValue::new("messaging.system", SYSTEM),
            KeyValue::new("messaging.operation.name", "store"),
            KeyValue::new("messaging.operation.type", "send"),
            KeyValue::new("messaging.destination.name", endpoint.to_owned()),
        ]);
        self.start(span, &Context::current(), SystemTime::now())
    }

    fn start_attempt(&self, attempt: &AttemptStart<'_>) -> ActiveSpan {
        let stored = extract(attempt.context, None);
        let merged = attempt.merged.iter().filter_map(|context| extract(Some(context), None));
        let links = stored.clone().into_iter().chain(merged).take(MAX_LINKS);
        let span = self
            .tracer
            .span_builder(format!("process {}", attempt.endpoint))
            .with_kind(SpanKind::Consumer)
            .with_links(links.map(Link::with_context).collect())
            .with_attributes([
                KeyValue::new("messaging.system", SYSTEM),
                KeyValue::new("messaging.operation.name", "process"),
                KeyValue::new("messaging.operation.type", "process"),
                KeyValue::new("messaging.destination.name", attempt.endpoint.to_owned()),
                KeyValue::new("messaging.message.id", attempt.delivery.to_string()),
                KeyValue::new("webhooks.attempt", i64::from(attempt.attempt)),
            ]);
        // The conventions ask for the link. As a child too, the attempt is in the trace of its request.
        self.start(span, &stored.map(remote).unwrap_or_default(), SystemTime::now())
    }

    fn flush(&self, limit: Duration) -> BoxFuture<'_, ()> {
        let provider = self.provider.clone();
        let (done, flushed) = oneshot::channel();
        // It may take longer than the limit, and the runtime would wait for one of its own threads.
        let flushing = thread::Builder::new().name("webhooks-traces".to_owned()).spawn(move || {
            let _ = provider.force_flush();
            let _ = done.send(());
        });
        async move {
            if flushing.is_ok() && timeout(limit, flushed).await.is_err() {
                tracing::warn!(
                    "the last traces were not sent: the collector does not respond in time"
                );
            }
        }
        .boxed()
    }
}

impl DeliverySpan for OtelSpan {
    fn enter(&self) -> Box<dyn Any> {
        Box::new(self.context.clone().attach())
    }

    fn context(&self) -> Option<String> {
        let mut fields = HashMap::new();
        TraceContextPropagator::new().inject_context(&self.context, &mut fields);
        fields.remove(TRACEPARENT)
    }

    fn end(&self, end: SpanEnd) {
        let span = self.context.span();
        let set = |name, value: String| span.set_attribute(KeyValue::new(name, value));
        let fail = |kind: String| {
            set("error.type", kind);
            // Without the error, which may contain what the payload does.
            span.set_status(Status::error(""));
        };
        let mut ended = SystemTime::now();
        match end {
            SpanEnd::Response(status) => {
                span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
                if status >= 500 {
                    fail(status.to_string());
                }
            }
            SpanEnd::Stored(id) => set("messaging.message.id", id.to_string()),
            SpanEnd::NotStored => fail("not_stored".to_owned()),
            SpanEnd::Attempt { result, failed, duration } => {
                set("webhooks.result", result.to_owned());
                if failed {
                    fail(result.to_owned());
                }
                ended = self.started.checked_add(duration).unwrap_or(ended);
            }
        }
        span.end_with_timestamp(ended);
    }
}

/// Reads a context. `None` if it is invalid.
fn extract(traceparent: Option<&str>, tracestate: Option<&str>) -> Option<SpanContext> {
    let field = |name: &str, value: Option<&str>| Some((name.to_owned(), value?.to_owned()));
    let fields: HashMap<String, String> =
        [field(TRACEPARENT, traceparent), field(TRACESTATE, tracestate)]
            .into_iter()
            .flatten()
            .collect();
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &fields);
    let span = context.span().span_context().clone();
    span.is_valid().then_some(span)
}

/// Returns the context of a span in another process.
fn remote(span: SpanContext) -> Context {
    Context::new().with_remote_span_context(span)
}

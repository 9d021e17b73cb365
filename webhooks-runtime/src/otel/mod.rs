//! Sends traces of deliveries to an OpenTelemetry collector, with the Cargo feature `otel`.
//!
//! A trace begins with the request, or continues the one of its header `traceparent`, and goes on through the store to each
//! attempt, also in another process: the context is stored with the delivery. Nothing is sent unless one of the standard
//! variables `OTEL_…` says where to.
//!
//! ```sh
//! cargo add webhooks-runtime --features otel
//! OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 cargo run
//! ```
//!
//! The spans that your function makes with `tracing` are part of the trace. A program with its own `tracing` subscriber
//! adds [`layer`] to it for that.

// `settings` reads the variables, `exporter` sends the spans in `queue` with the requests of `client`, `tracer` makes the spans
// of deliveries, and `part` connects all of it to the server. An attribute that is added here belongs on the guide's page
// `traces.md`; none has anything of a payload.

mod client;
mod exporter;
mod part;
mod queue;
mod settings;
mod tracer;

use opentelemetry::trace::TracerProvider;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use crate::config::environment::Environment;
pub(crate) use part::compose;
use settings::TraceSettings;

/// Returns a layer that makes the spans of your functions part of the traces of their deliveries, for a program with its own
/// `tracing` subscriber. A program that leaves the log to the server needs no such layer.
///
/// It sends the spans up to the level `INFO`, with the events in them. On a thread that the function starts, enter a span of
/// the function; a task that it spawns needs
/// [`.in_current_span()`](https://docs.rs/tracing/latest/tracing/trait.Instrument.html#method.in_current_span). Without the
/// variables `OTEL_…`, the layer does nothing.
///
/// ```
/// use tracing_subscriber::filter::LevelFilter;
/// use tracing_subscriber::layer::SubscriberExt;
/// use tracing_subscriber::util::SubscriberInitExt;
///
/// tracing_subscriber::registry()
///     .with(LevelFilter::INFO)
///     .with(tracing_subscriber::fmt::layer().compact())
///     .with(webhooks_runtime::otel::layer())
///     .init();
/// ```
pub fn layer<S>() -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    // The server reports invalid variables when it starts.
    let settings = TraceSettings::read(&Environment::Process, &mut Vec::new());
    let provider = settings.and_then(|settings| exporter::provider(&settings).ok());
    provider.map(|provider| {
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer_with_scope(exporter::scope()))
            .with_location(false)
            .with_threads(false)
            .with_filter(filter_fn(is_of_program))
    })
}

/// Returns whether a span or an event is the program's. The runtime's own are made by `tracer`.
fn is_of_program(metadata: &Metadata<'_>) -> bool {
    let name = metadata.target().split("::").next().unwrap_or_default();
    *metadata.level() <= Level::INFO && name != env!("CARGO_CRATE_NAME")
}

//! Sends spans in batches, on a thread of their own.

use std::env;
use std::sync::OnceLock;

use opentelemetry::{InstrumentationScope, Key, Value};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;

use super::client::CollectorClient;
use super::queue::SpanQueue;
use super::settings::TraceSettings;
use crate::config::error::SettingError;

/// The exporter of this process. Its settings are the variables of the process, so that several servers share it with
/// each other and with the log.
static PROVIDER: OnceLock<Result<SdkTracerProvider, SettingError>> = OnceLock::new();

/// Returns the exporter of this process. Starts its thread when it is called first.
pub(super) fn provider(
    settings: &TraceSettings,
) -> Result<&'static SdkTracerProvider, SettingError> {
    PROVIDER.get_or_init(|| start(settings)).as_ref().map_err(Clone::clone)
}

fn start(settings: &TraceSettings) -> Result<SdkTracerProvider, SettingError> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(CollectorClient::new(settings.clone()))
        .with_protocol(Protocol::HttpBinary)
        .with_headers(settings.headers.clone())
        .with_endpoint(&settings.endpoint)
        .with_timeout(settings.timeout)
        .build();
    // Not with its text, which may contain the URL.
    let exporter = exporter.map_err(|_| SettingError {
        name: "OTEL_EXPORTER_OTLP_ENDPOINT",
        wants: "a URL like http://localhost:4318",
    })?;
    let queue = SpanQueue::new(exporter, settings.queue_size);
    Ok(SdkTracerProvider::builder().with_resource(resource()).with_span_processor(queue).build())
}

/// Returns the attributes of this process: those of the variables, and the program's name if they have none.
fn resource() -> Resource {
    let resource = Resource::builder();
    let named = Resource::builder().build().get(&Key::new("service.name"));
    let is_unnamed =
        matches!(named, Some(Value::String(name)) if name.as_str().starts_with("unknown_service"));
    let program = env::current_exe().ok();
    let program = program.as_ref().and_then(|program| program.file_stem()?.to_str());
    match program {
        Some(program) if is_unnamed => resource.with_service_name(program.to_owned()).build(),
        _ => resource.build(),
    }
}

/// Returns the name and version of what makes the spans.
pub(super) fn scope() -> InstrumentationScope {
    InstrumentationScope::builder("webhooks-runtime")
        .with_version(env!("CARGO_PKG_VERSION"))
        .build()
}

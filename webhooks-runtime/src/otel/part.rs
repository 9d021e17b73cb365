//! Connects the traces to the server.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use opentelemetry::trace::TracerProvider;
use tokio::time::Instant;

use super::exporter;
use super::settings::TraceSettings;
use super::tracer::OtelTracer;
use crate::config::environment::Environment;
use crate::config::error::SettingError;
use crate::http::part::Part;
use crate::trace::Tracer;

/// How long a shutdown waits for the collector: at least, when its deadline has passed, and at most.
const FLUSH: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3));

/// The traces of a server.
struct TracesPart {
    tracer: Arc<dyn Tracer>,
    settings: TraceSettings,
}

/// Creates the part of traces, if the variables ask for them. Invalid ones are added to `errors`.
pub(crate) fn compose(
    environment: &Environment,
    errors: &mut Vec<SettingError>,
) -> Option<Arc<dyn Part>> {
    let mut invalid = Vec::new();
    let settings = TraceSettings::read(environment, &mut invalid);
    errors.append(&mut invalid);
    let settings = settings?;
    match exporter::provider(&settings) {
        Ok(provider) => {
            let tracer = provider.tracer_with_scope(exporter::scope());
            let tracer = Arc::new(OtelTracer::new(provider.clone(), tracer));
            Some(Arc::new(TracesPart { tracer, settings }))
        }
        Err(error) => {
            errors.push(error);
            None
        }
    }
}

impl Part for TracesPart {
    fn tracer(&self) -> Option<Arc<dyn Tracer>> {
        Some(Arc::clone(&self.tracer))
    }

    fn banner(&self, _: bool) -> Option<String> {
        Some(format!("* Traces:                {}\n", self.settings.shown))
    }

    fn close(&self, deadline: Instant) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let left = deadline.saturating_duration_since(Instant::now());
            self.tracer.flush(left.clamp(FLUSH.0, FLUSH.1)).await;
        })
    }
}

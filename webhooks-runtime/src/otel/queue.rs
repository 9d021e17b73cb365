//! The queue of spans that wait to be sent. The queue of OpenTelemetry's crates drops spans without a log line when it is
//! full. This one keeps that queue from getting full, and reports the spans that are dropped.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor,
};

/// The numbers of waiting and of dropped spans.
#[derive(Debug, Default)]
struct QueueCounts {
    waiting: AtomicUsize,
    /// Since the last batch.
    dropped: AtomicUsize,
}

/// The queue of spans.
#[derive(Debug)]
pub(super) struct SpanQueue {
    batches: BatchSpanProcessor,
    counts: Arc<QueueCounts>,
    /// The largest number of spans that wait.
    size: usize,
}

impl SpanQueue {
    /// Returns a queue for this many spans, and starts the thread that sends them.
    pub(super) fn new(exporter: impl SpanExporter + 'static, size: usize) -> Self {
        let counts = Arc::new(QueueCounts::default());
        let exporter = QueueExporter {
            exporter,
            counts: Arc::clone(&counts),
            was_full: AtomicBool::default(),
        };
        let config = BatchConfigBuilder::default().with_max_queue_size(size).build();
        let batches = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
        Self { batches, counts, size }
    }
}

impl SpanProcessor for SpanQueue {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.batches.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        let QueueCounts { waiting, dropped } = &*self.counts;
        if waiting.fetch_add(1, Ordering::Relaxed) < self.size {
            self.batches.on_end(span);
        } else {
            waiting.fetch_sub(1, Ordering::Relaxed);
            // Logged by the thread that sends: this one may be in the middle of a call of `tracing`.
            dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

/// An exporter that takes batches from the queue.
#[derive(Debug)]
struct QueueExporter<E> {
    exporter: E,
    counts: Arc<QueueCounts>,
    /// Whether spans were dropped before the last batch.
    was_full: AtomicBool,
}

impl<E> QueueExporter<E> {
    /// Logs that spans are dropped, or that they no longer are, once.
    fn report(&self) {
        let dropped = self.counts.dropped.swap(0, Ordering::Relaxed);
        let was_full = self.was_full.swap(dropped > 0, Ordering::Relaxed);
        if dropped > 0 && !was_full {
            tracing::warn!(
                dropped,
                "the queue of spans is full, and further ones are dropped: OTEL_BSP_MAX_QUEUE_SIZE sets its size"
            );
        } else if dropped == 0 && was_full {
            tracing::info!("the queue of spans has room again");
        }
    }
}

impl<E: SpanExporter> SpanExporter for QueueExporter<E> {
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        self.counts.waiting.fetch_sub(batch.len(), Ordering::Relaxed);
        self.report();
        self.exporter.export(batch)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::sync::{Mutex, PoisonError};

    use opentelemetry::trace::{Span as _, Tracer as _, TracerProvider as _};
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;

    /// An exporter that says how many spans a batch has, and then waits until it may go on.
    #[derive(Debug)]
    struct GatedExporter {
        batches: Sender<usize>,
        gate: Mutex<Receiver<()>>,
    }

    impl SpanExporter for GatedExporter {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            let _ = self.batches.send(batch.len());
            let _ = self.gate.lock().unwrap_or_else(PoisonError::into_inner).recv();
            Ok(())
        }
    }

    #[test]
    fn a_full_queue_drops_spans_and_counts_them() {
        let ((batches, sizes), (open, gate)) = (channel(), channel());
        let queue = SpanQueue::new(GatedExporter { batches, gate: Mutex::new(gate) }, 3);
        let counts = Arc::clone(&queue.counts);
        let provider = SdkTracerProvider::builder().with_span_processor(queue).build();
        let tracer = provider.tracer("test");
        let end_spans = |count| (0..count).for_each(|_| tracer.start("span").end());
        let numbers =
            || (counts.waiting.load(Ordering::Relaxed), counts.dropped.load(Ordering::Relaxed));
        // Three are a batch, which the exporter holds. It says so when it has taken them.
        end_spans(3);
        assert_eq!(sizes.recv().unwrap(), 3);
        assert_eq!(numbers(), (0, 0));
        end_spans(5);
        assert_eq!(numbers(), (3, 2));
        // Of the next batch, it is reported.
        open.send(()).unwrap();
        assert_eq!(sizes.recv().unwrap(), 3);
        assert_eq!(numbers(), (0, 0));
        drop(open);
        assert!(provider.shutdown().is_ok());
        assert!(sizes.recv().is_err());
    }
}

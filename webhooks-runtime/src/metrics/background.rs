//! Counts the attempts at background deliveries, and measures them and the store.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::{EndpointLabel, endpoint_label};
use crate::jobs::{AttemptResult, JobsObserver, StoreOperation};

type AttemptLabels = [(&'static str, String); 2];
type OperationLabel = [(&'static str, &'static str); 1];

/// The bounds of run times, in seconds: from a comment to a night of training.
const RUN_BOUNDS: [f64; 9] = [0.1, 1.0, 10.0, 60.0, 300.0, 1800.0, 3600.0, 14_400.0, 86_400.0];

/// The bounds of the store's response times, in seconds.
const STORE_BOUNDS: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

/// The metrics of attempts and of the store.
pub(super) struct BackgroundMetrics {
    attempts: Family<AttemptLabels, Counter>,
    run_times: Family<EndpointLabel, Histogram>,
    store_times: Family<OperationLabel, Histogram>,
    store_errors: Family<OperationLabel, Counter>,
}

impl BackgroundMetrics {
    /// Registers the metrics of the background endpoints with these paths.
    pub(super) fn new<'a>(
        endpoints: impl Iterator<Item = &'a str>,
        registry: &mut Registry,
    ) -> Self {
        let metrics = Self {
            attempts: Family::default(),
            run_times: Family::new_with_constructor(|| Histogram::new(RUN_BOUNDS)),
            store_times: Family::new_with_constructor(|| Histogram::new(STORE_BOUNDS)),
            store_errors: Family::default(),
        };
        // Present before the first attempt, so that the first one is an increase.
        for path in endpoints {
            for result in AttemptResult::ALL {
                drop(metrics.attempts.get_or_create(&attempt_labels(path, result)));
            }
            drop(metrics.run_times.get_or_create(&endpoint_label(path)));
        }
        for operation in StoreOperation::ALL {
            drop(metrics.store_times.get_or_create(&operation_label(operation)));
            drop(metrics.store_errors.get_or_create(&operation_label(operation)));
        }
        let help = "Attempts at background deliveries that have ended in this process, by result";
        registry.register("background_attempts", help, metrics.attempts.clone());
        let help = "Time that an attempt at a background delivery took";
        let run_times = metrics.run_times.clone();
        registry.register_with_unit("background_run_duration", help, Unit::Seconds, run_times);
        let help = "Time that the store took for an operation";
        let store_times = metrics.store_times.clone();
        registry.register_with_unit("store_operation_duration", help, Unit::Seconds, store_times);
        let help = "Operations of the store that failed";
        registry.register("store_errors", help, metrics.store_errors.clone());
        metrics
    }
}

impl JobsObserver for BackgroundMetrics {
    fn attempt_ended(&self, endpoint: &str, result: AttemptResult, duration: Duration) {
        self.attempts.get_or_create(&attempt_labels(endpoint, result)).inc();
        self.run_times.get_or_create(&endpoint_label(endpoint)).observe(duration.as_secs_f64());
    }

    fn store_responded(&self, operation: StoreOperation, duration: Duration, succeeded: bool) {
        let label = operation_label(operation);
        self.store_times.get_or_create(&label).observe(duration.as_secs_f64());
        if !succeeded {
            self.store_errors.get_or_create(&label).inc();
        }
    }
}

fn attempt_labels(endpoint: &str, result: AttemptResult) -> AttemptLabels {
    [("endpoint", endpoint.to_owned()), ("result", result.name().to_owned())]
}

fn operation_label(operation: StoreOperation) -> OperationLabel {
    [("operation", operation.name())]
}

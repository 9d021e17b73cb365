//! Counts the requests of deliveries by endpoint and outcome, and measures how long they take.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use foldhash::fast::RandomState;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::ending::Ending;
use super::{EndpointLabel, endpoint_label};
use crate::http::outcome::{Observation, Observer};

/// The labels of a count.
type CountLabels = [(&'static str, String); 3];

/// The bounds of durations, in seconds. The Hub waits for 30 s.
const BOUNDS: [f64; 10] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0];

/// The metrics of all endpoints.
pub(super) struct DeliveryMetrics {
    /// Uses a fast hash, because nobody outside the program can add a path.
    endpoints: HashMap<String, EndpointMetrics, RandomState>,
    counts: Family<CountLabels, Counter>,
}

/// The metrics of an endpoint. They are found once, so that a delivery looks up no labels.
struct EndpointMetrics {
    counts: [OnceLock<Counter>; Ending::ALL.len()],
    durations: Histogram,
}

impl DeliveryMetrics {
    /// Registers the metrics of the endpoints with these paths. The second value is whether an endpoint runs in the
    /// background.
    pub(super) fn new<'a>(
        endpoints: impl Iterator<Item = (&'a str, bool)>,
        registry: &mut Registry,
    ) -> Self {
        let counts = Family::<CountLabels, Counter>::default();
        let durations =
            Family::<EndpointLabel, Histogram>::new_with_constructor(|| Histogram::new(BOUNDS));
        let mut of_paths = HashMap::default();
        for (path, background) in endpoints {
            let metrics = EndpointMetrics {
                counts: std::array::from_fn(|_| OnceLock::new()),
                durations: durations.get_or_create_owned(&endpoint_label(path)),
            };
            // Present before the first delivery, so that the first one is an increase. The others begin with theirs:
            // a thousand endpoints would have twenty thousand lines.
            let success = if background { Ending::Accepted } else { Ending::Succeeded };
            for ending in [success, Ending::Failed] {
                metrics.count(path, ending, &counts);
            }
            of_paths.insert(path.to_owned(), metrics);
        }
        let help = "Requests of deliveries, by outcome";
        registry.register("deliveries", help, counts.clone());
        let help = "Time from the head of a request to its response";
        registry.register_with_unit("delivery_duration", help, Unit::Seconds, durations);
        Self { endpoints: of_paths, counts }
    }
}

impl EndpointMetrics {
    fn count(&self, path: &str, ending: Ending, counts: &Family<CountLabels, Counter>) -> &Counter {
        self.counts[ending as usize].get_or_init(|| {
            let (outcome, reason) = ending.labels();
            let labels = [("endpoint", path), ("outcome", outcome), ("reason", reason)];
            counts.get_or_create_owned(&labels.map(|(name, value)| (name, value.to_owned())))
        })
    }
}

impl Observer for Arc<DeliveryMetrics> {
    fn observe(&self, observation: &Observation<'_>) {
        let path = observation.delivery.endpoint;
        // Every endpoint is registered.
        let Some(endpoint) = self.endpoints.get(&**path) else { return };
        endpoint.count(path, Ending::of(observation.outcome), &self.counts).inc();
        endpoint.durations.observe(observation.duration.as_secs_f64());
    }
}

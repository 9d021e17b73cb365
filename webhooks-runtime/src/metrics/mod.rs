//! Exports metrics for Prometheus at `GET /metrics`, in the text format of OpenMetrics, with the Cargo feature `metrics`.
//!
//! Counters and histograms are updated as things happen: this part observes the outcomes of requests, the ends of
//! attempts and the responses of the store. Everything else is read when Prometheus scrapes: the store with the same
//! bounds in time as for `/health`, the tunnel, the webhooks on the Hub, and the process. A scrape responds while the
//! store does not: `webhooks_store_up` is 0 then, and the values from the store are absent.
//!
//! No label has a text from outside. The values of `endpoint` are the paths of the program, all others are fixed.
//!
//! - `deliveries` counts requests by their `ending`, and measures them.
//! - `background` counts attempts, and measures them and the store.
//! - `scrape` reads everything else, with `counts` for the deliveries in the store and `process` for the process.
//! - `access` decides who may read the metrics, `export` writes the text, and `part` connects all of it to the server.
//!
//! A metric that is added here belongs on the guide's page `metrics.md`, which a test compares with a running server.

mod access;
mod background;
mod counts;
mod deliveries;
mod ending;
mod export;
mod part;
mod process;
mod scrape;

pub(crate) use part::{MetricsPart, MetricsSettings};

/// The label of an endpoint.
type EndpointLabel = [(&'static str, String); 1];

/// Returns the label of the endpoint with this path.
fn endpoint_label(path: &str) -> EndpointLabel {
    [("endpoint", path.to_owned())]
}

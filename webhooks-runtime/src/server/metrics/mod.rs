//! Serves the metrics, on the server's port or on one of their own.
//!
//! - `builder` defines the builder's methods for them.
//! - `port` serves their own port, in a thread of its own, so that a scrape and a delivery never wait for each other.

mod builder;
mod port;

use std::sync::Arc;

use super::background::BackgroundPart;
use super::composition::Composition;
use crate::config::error::SettingError;
use crate::config::exposure::Exposure;
use crate::config::metrics::MetricsListener;
use crate::http::part::Part;
use crate::http::webhook_status::WebhookStatus;
use crate::metrics::{MetricsPart, MetricsSettings};
use port::MetricsPort;

/// Creates the parts of the metrics, if the settings ask for them. `webhooks` is the status of the server's webhooks if
/// it registers them. Invalid settings are added to `errors`.
pub(super) fn compose(
    webhooks: Option<WebhookStatus>,
    background: &BackgroundPart,
    server: &Composition<'_>,
    errors: &mut Vec<SettingError>,
) -> Vec<Arc<dyn Part>> {
    let port = match server.settings.metrics {
        MetricsListener::Off => return Vec::new(),
        MetricsListener::MainPort => None,
        MetricsListener::OwnPort(port) => Some(port),
    };
    let settings = MetricsSettings {
        own_port: port.is_some(),
        endpoints: server.endpoints,
        jobs: Arc::clone(&background.jobs),
        monitor: background.monitor.clone(),
        webhooks,
        addresses: server.addresses.clone(),
        has_tunnel: matches!(server.settings.exposure, Exposure::Link { .. } | Exposure::Tunnel),
    };
    let metrics = MetricsPart::new(settings, server.environment, errors);
    let port = port.map(|port| {
        let host = server.settings.host.clone();
        Arc::new(MetricsPort::new(host, port, metrics.own_routes())) as Arc<dyn Part>
    });
    std::iter::once(Arc::new(metrics) as Arc<dyn Part>).chain(port).collect()
}

//! Reads the values that are current at a scrape: of the store, the tunnel, the Hub and the process.

use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::{Registry, Unit};

use super::counts::CountReader;
use super::{EndpointLabel, endpoint_label, process};
use crate::config::addresses::Addresses;
use crate::http::store_monitor::{StoreMonitor, StoreReport};
use crate::http::webhook_status::{WebhookCondition, WebhookStatus};
use crate::jobs::{Jobs, StateCount};

/// What the values are read from.
pub(super) struct Sources {
    pub(super) store: Option<StoreSource>,
    /// The webhooks on the Hub, if the server registers them.
    pub(super) webhooks: Option<WebhookStatus>,
    /// The addresses of a server with a tunnel.
    pub(super) tunnel: Option<Addresses>,
    pub(super) started: SystemTime,
}

/// The store of a server with background endpoints.
pub(super) struct StoreSource {
    /// The background deliveries, once their store is open.
    pub(super) jobs: Arc<OnceLock<Jobs>>,
    pub(super) monitor: StoreMonitor,
    pub(super) counts: CountReader,
    /// The paths of the background endpoints.
    pub(super) endpoints: Vec<String>,
}

impl Sources {
    /// Reads the values into a registry. Takes at most the time of a health check.
    pub(super) async fn read(&self) -> Registry {
        let mut registry = Registry::default();
        process::register(&mut registry, self.started);
        let own = registry.sub_registry_with_prefix("webhooks");
        if let Some(addresses) = &self.tunnel {
            let up = ConstGauge::new(u64::from(addresses.tunnel_is_open()));
            own.register("tunnel_up", "Whether the tunnel is open", up);
        }
        if let Some(webhooks) = &self.webhooks {
            register_webhooks(own, webhooks);
        }
        if let Some(store) = &self.store {
            store.read(own).await;
        }
        registry
    }
}

impl StoreSource {
    async fn read(&self, registry: &mut Registry) {
        let Some(jobs) = self.jobs.get() else { return };
        let (report, counts) = tokio::join!(self.monitor.report(jobs), self.counts.read(jobs));
        let up = ConstGauge::new(u64::from(report.responds));
        registry.register("store_up", "Whether the store of background deliveries responds", up);
        let overdue = ConstGauge::new(jobs.overdue() as u64);
        let help = "Functions of this process that still run after their timeout";
        registry.register("background_overdue", help, overdue);
        if report.responds {
            self.register_report(registry, &report);
        }
        if let Some(counts) = counts.filter(|_| report.responds) {
            register_counts(registry, counts);
        }
    }

    fn register_report(&self, registry: &mut Registry, report: &StoreReport) {
        let oldest = Gauge::<f64, std::sync::atomic::AtomicU64>::default();
        oldest.set(report.oldest_due.unwrap_or_default().as_secs_f64());
        let help =
            "Time that the longest due background delivery has been waiting; 0 if none is due";
        registry.register_with_unit("background_oldest_due", help, Unit::Seconds, oldest);
        let family = Family::<EndpointLabel, Gauge>::default();
        for path in &self.endpoints {
            let is_paused = report.paused.iter().flatten().any(|(paused, _)| paused == path);
            family.get_or_create(&endpoint_label(path)).set(is_paused.into());
        }
        let help = "Whether the background deliveries of an endpoint are paused";
        registry.register("background_paused", help, family);
    }
}

fn register_counts(registry: &mut Registry, counts: Vec<StateCount>) {
    let family = Family::<[(&'static str, String); 2], Gauge>::default();
    for StateCount { endpoint, state, count } in counts {
        let labels = [("endpoint", endpoint), ("state", state.name().to_owned())];
        family.get_or_create(&labels).set(i64::try_from(count).unwrap_or(i64::MAX));
    }
    let help = "Background deliveries in the store that are not done, by state";
    registry.register("background_deliveries", help, family);
}

fn register_webhooks(registry: &mut Registry, webhooks: &WebhookStatus) {
    let family = Family::<[(&'static str, &'static str); 1], Gauge>::default();
    let report = webhooks.report();
    for (name, condition) in [
        ("enabled", WebhookCondition::Enabled),
        ("disabled", WebhookCondition::Disabled),
        ("suspended", WebhookCondition::Suspended),
        ("missing", WebhookCondition::Missing),
    ] {
        let count = report.webhooks.iter().filter(|webhook| webhook.condition == condition).count();
        family.get_or_create(&[("state", name)]).set(i64::try_from(count).unwrap_or(i64::MAX));
    }
    let help = "Webhooks of the endpoints on the Hub, as of the last check, by state";
    registry.register("hub_webhooks", help, family);
}

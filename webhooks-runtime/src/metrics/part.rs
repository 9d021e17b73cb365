//! Composes the metrics of a server.

use std::sync::{Arc, OnceLock};

use actix_web::web::ServiceConfig;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::access::ScrapeAccess;
use super::background::BackgroundMetrics;
use super::counts::CountReader;
use super::deliveries::DeliveryMetrics;
use super::export::Export;
use super::process;
use super::scrape::{Sources, StoreSource};
use crate::config::addresses::Addresses;
use crate::config::environment::Environment;
use crate::config::error::SettingError;
use crate::config::token::Token;
use crate::endpoint::registry::EndpointInfo;
use crate::http::app::Configure;
use crate::http::outcome::Observer;
use crate::http::part::Part;
use crate::http::store_monitor::StoreMonitor;
use crate::http::webhook_status::WebhookStatus;
use crate::jobs::{Jobs, JobsObserver};

/// The variable that sets the token of the metrics.
pub(super) const TOKEN_VARIABLE: &str = "WEBHOOKS_METRICS_TOKEN";

/// What the metrics of a server are composed from.
pub(crate) struct MetricsSettings<'a> {
    /// Whether they have a port of their own.
    pub(crate) own_port: bool,
    pub(crate) endpoints: &'a [EndpointInfo],
    /// The background deliveries, once their store is open.
    pub(crate) jobs: Arc<OnceLock<Jobs>>,
    /// Shared with `/health`.
    pub(crate) monitor: StoreMonitor,
    /// The webhooks on the Hub, if the server registers them.
    pub(crate) webhooks: Option<WebhookStatus>,
    pub(crate) addresses: Addresses,
    pub(crate) has_tunnel: bool,
}

/// The metrics of a server.
pub(crate) struct MetricsPart {
    export: Arc<Export>,
    deliveries: Arc<DeliveryMetrics>,
    background: Option<Arc<BackgroundMetrics>>,
    own_port: bool,
    addresses: Addresses,
}

impl MetricsPart {
    /// Registers all metrics. An invalid token goes to `errors`.
    pub(crate) fn new(
        settings: MetricsSettings<'_>,
        environment: &Environment,
        errors: &mut Vec<SettingError>,
    ) -> Self {
        let token = Token::from_environment(environment, TOKEN_VARIABLE);
        let token = token.map_err(|error| errors.push(error)).unwrap_or_default();
        let mut registry = Registry::with_prefix("webhooks");
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version of webhooks-runtime", version);
        let endpoints = settings.endpoints.iter();
        let paths = endpoints.clone().map(|it| (it.path.as_str(), it.background));
        let deliveries = Arc::new(DeliveryMetrics::new(paths, &mut registry));
        let background: Vec<String> =
            endpoints.filter(|it| it.background).map(|it| it.path.clone()).collect();
        let (background, store) = match background {
            endpoints if endpoints.is_empty() => (None, None),
            endpoints => {
                let paths = endpoints.iter().map(String::as_str);
                let metrics = Arc::new(BackgroundMetrics::new(paths, &mut registry));
                let (jobs, monitor) = (settings.jobs, settings.monitor);
                let counts = CountReader::default();
                (Some(metrics), Some(StoreSource { jobs, monitor, counts, endpoints }))
            }
        };
        let sources = Sources {
            store,
            webhooks: settings.webhooks,
            tunnel: settings.has_tunnel.then(|| settings.addresses.clone()),
            started: process::start_time(),
        };
        let own_port = settings.own_port;
        let access = ScrapeAccess::new(token, own_port);
        let export = Arc::new(Export { registry, sources, access });
        Self { export, deliveries, background, own_port, addresses: settings.addresses }
    }

    /// Returns the routes of a port that serves only the metrics.
    pub(crate) fn own_routes(&self) -> Configure {
        let export = Arc::clone(&self.export);
        Arc::new(move |app| export.route(app))
    }
}

impl Part for MetricsPart {
    fn routes(&self, app: &mut ServiceConfig) {
        if !self.own_port {
            self.export.route(app);
        }
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        Some(Arc::new(Arc::clone(&self.deliveries)))
    }

    fn jobs_observer(&self) -> Option<Arc<dyn JobsObserver>> {
        Some(Arc::clone(self.background.as_ref()?) as Arc<dyn JobsObserver>)
    }

    fn banner(&self, _: bool) -> Option<String> {
        let local = self.addresses.local();
        (!self.own_port).then(|| format!("* Metrics:               {local}/metrics\n"))
    }

    fn warning(&self) -> Option<String> {
        matches!(self.export.access, ScrapeAccess::Nobody).then(|| {
            format!(
                "Warning: nobody can read the metrics yet, because strangers reach this port. Set {TOKEN_VARIABLE} \
                 to a token for Prometheus, or serve the metrics on a port of their own with --metrics-port.\n"
            )
        })
    }
}

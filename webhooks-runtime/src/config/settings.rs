//! Resolves the server's settings once: flags override code, code overrides the environment.

use std::time::Duration;

use super::alert_url::AlertUrl;
use super::limits::Limits;
use super::log_format::LogFormat;
use super::metrics::{MetricsListener, PartialMetrics};
use super::ports::Ports;
use super::reconcile::{OFF, interval};
use crate::config::environment::{Environment, NotUnicode};
use crate::config::error::SettingError;
use crate::config::exposure::{Exposure, PartialExposure};
use crate::config::host::{Host, Unattended, assigned_port, parse_port};

/// The settings from one source: flags, code or environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PartialSettings {
    pub(crate) host: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) workers: Option<usize>,
    /// Where background deliveries are stored.
    pub(crate) store: Option<String>,
    /// Whether the server registers its webhooks on the Hub.
    pub(crate) register: Option<bool>,
    /// How often it looks for missed deliveries.
    pub(crate) reconcile: Option<String>,
    pub(crate) log_format: Option<LogFormat>,
    pub(crate) metrics: PartialMetrics,
    /// Where alerts are posted.
    pub(crate) alert_url: Option<AlertUrl>,
    pub(crate) exposure: PartialExposure,
}

impl PartialSettings {
    /// Reads the variables that a Gradio app reads. An empty one counts as not set, as it does for Gradio.
    fn environment(environment: &Environment, errors: &mut Vec<SettingError>) -> Self {
        let mut filled = |name: &'static str| {
            environment.filled(name).unwrap_or_else(|NotUnicode| {
                errors.push(SettingError { name, wants: "text in UTF-8" });
                None
            })
        };
        let (host, port) = (filled("GRADIO_SERVER_NAME"), filled("GRADIO_SERVER_PORT"));
        let (store, reconcile) = (filled("WEBHOOKS_STORE"), filled("WEBHOOKS_RECONCILE"));
        let port = port.and_then(|port| parse_port("GRADIO_SERVER_PORT", &port, errors));
        let register = environment.switch("WEBHOOKS_REGISTER", errors);
        let log_format = LogFormat::environment(environment, errors);
        let metrics = PartialMetrics::environment(environment, errors);
        let alert_url = AlertUrl::environment(environment, errors);
        let exposure = PartialExposure::environment(environment, errors);
        Self {
            host,
            port,
            workers: None,
            store,
            register,
            reconcile,
            log_format,
            metrics,
            alert_url,
            exposure,
        }
    }

    /// Returns them for a process that does nothing on the Hub by itself.
    pub(crate) fn without_the_hub(self) -> Self {
        Self { register: Some(false), reconcile: Some(OFF.to_owned()), ..self }
    }

    /// Fills in from `weaker` what is not set here.
    fn or(self, weaker: Self) -> Self {
        Self {
            host: self.host.or(weaker.host),
            port: self.port.or(weaker.port),
            workers: self.workers.or(weaker.workers),
            store: self.store.or(weaker.store),
            register: self.register.or(weaker.register),
            reconcile: self.reconcile.or(weaker.reconcile),
            log_format: self.log_format.or(weaker.log_format),
            metrics: self.metrics.or(weaker.metrics),
            alert_url: self.alert_url.or(weaker.alert_url),
            exposure: self.exposure.or(weaker.exposure),
        }
    }
}

/// Where and how the server listens: the resolved settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) host: String,
    pub(crate) ports: Ports,
    pub(crate) workers: usize,
    pub(crate) on_space: bool,
    /// Whether the server listens on all addresses only because a platform assigned its port.
    pub(crate) for_platform: bool,
    /// Where background deliveries are stored, if it is set.
    pub(crate) store: Option<String>,
    /// Whether the server registers its webhooks on the Hub.
    pub(crate) register: bool,
    /// How often it looks for missed deliveries, if it does.
    pub(crate) reconcile: Option<Duration>,
    pub(crate) log_format: LogFormat,
    pub(crate) metrics: MetricsListener,
    /// Where alerts are posted, if they are.
    pub(crate) alert_url: Option<AlertUrl>,
    pub(crate) exposure: Exposure,
    /// Why no tunnel is opened by default, if none is and no setting decides it.
    pub(crate) unshared: Option<Unattended>,
}

impl Settings {
    /// The most workers that actix-web can have.
    const MAX_WORKERS: usize = 512;

    /// Resolves every setting: flag > code > environment > default. Invalid settings go to `errors`. `launched` is
    /// whether a person may have started the server, so that a tunnel is the default if that person sees it.
    pub(crate) fn resolve(
        flags: PartialSettings,
        code: PartialSettings,
        launched: bool,
        host: &Host,
        limits: &Limits,
        environment: &Environment,
        errors: &mut Vec<SettingError>,
    ) -> Self {
        limits.check(errors);
        let given = flags.or(code).or(PartialSettings::environment(environment, errors));
        let assigned = match given.port {
            None => assigned_port(environment, errors),
            Some(_) => None,
        };
        // A platform that assigns a port connects from outside. In a terminal, the variable is left over
        // from something else.
        let for_platform = assigned.is_some() && !host.terminal;
        let (address, ports) = match (&host.space, assigned) {
            (None, Some(port)) if host.terminal => ("127.0.0.1", Ports::One(port)),
            (_, Some(port)) => ("0.0.0.0", Ports::One(port)),
            // A Space forwards port 7860 of the container and nothing else.
            (Some(_), None) => ("0.0.0.0", Ports::One(7860)),
            (None, None) => ("127.0.0.1", Ports::FirstFreeOf(7860..=7959)),
        };
        let workers = given.workers.unwrap_or_else(|| {
            std::thread::available_parallelism().map_or(1, usize::from).min(Self::MAX_WORKERS)
        });
        if !(1..=Self::MAX_WORKERS).contains(&workers) {
            errors.push(SettingError { name: "The number of workers", wants: "1 to 512" });
        }
        let reconcile = given.reconcile.as_deref().map_or(Ok(None), interval);
        let reconcile = reconcile.map_err(|error| errors.push(error)).unwrap_or_default();
        // A Space has a public URL.
        let by_default = launched && host.space.is_none();
        let unattended = host.unattended();
        let unshared = unattended.filter(|_| by_default && given.exposure.choice.is_none());
        let for_platform = for_platform && given.host.is_none();
        Self {
            for_platform,
            host: given.host.unwrap_or_else(|| address.to_owned()),
            ports: given.port.map_or(ports, Ports::One),
            workers,
            on_space: host.space.is_some(),
            store: given.store,
            register: given.register.unwrap_or(false),
            reconcile,
            log_format: given.log_format.unwrap_or_default(),
            metrics: given.metrics.decide(errors),
            alert_url: given.alert_url.and_then(|url| url.check(errors)),
            exposure: given.exposure.decide(host, by_default && unattended.is_none(), errors),
            unshared,
        }
    }
}

#[cfg(test)]
mod tests;

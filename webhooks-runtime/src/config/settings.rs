//! Resolves the server's settings once: flags override code, code overrides the environment.

use std::time::Duration;

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
        let exposure = PartialExposure::environment(environment, errors);
        let workers = None;
        Self { host, port, workers, store, register, reconcile, log_format, metrics, exposure }
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
            exposure: given.exposure.decide(host, by_default && unattended.is_none(), errors),
            unshared,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(host: &str, port: u16) -> PartialSettings {
        PartialSettings { host: Some(host.into()), port: Some(port), ..PartialSettings::default() }
    }

    fn resolve(
        flags: PartialSettings,
        code: PartialSettings,
        variables: &[(&'static str, &'static str)],
    ) -> Settings {
        let (settings, errors) = try_resolve(flags, code, &Limits::default(), variables);
        assert_eq!(errors, <[String; 0]>::default());
        settings
    }

    fn try_resolve(
        flags: PartialSettings,
        code: PartialSettings,
        limits: &Limits,
        variables: &[(&'static str, &'static str)],
    ) -> (Settings, Vec<String>) {
        let environment = Environment::from_iter(variables.iter().copied());
        let mut errors = Vec::new();
        let host = Host::with_terminal(&environment);
        let settings =
            Settings::resolve(flags, code, true, &host, limits, &environment, &mut errors);
        (settings, errors.iter().map(ToString::to_string).collect())
    }

    const GRADIO: [(&str, &str); 2] =
        [("GRADIO_SERVER_NAME", "10.0.0.3"), ("GRADIO_SERVER_PORT", "8003")];

    #[test]
    fn a_flag_wins_over_code_over_the_environment_over_the_default() {
        let none = PartialSettings::default;
        let settings = resolve(given("10.0.0.1", 8001), given("10.0.0.2", 8002), &GRADIO);
        assert_eq!((settings.host.as_str(), settings.ports), ("10.0.0.1", Ports::One(8001)));
        let settings = resolve(none(), given("10.0.0.2", 8002), &GRADIO);
        assert_eq!((settings.host.as_str(), settings.ports), ("10.0.0.2", Ports::One(8002)));
        let settings = resolve(none(), none(), &GRADIO);
        assert_eq!((settings.host.as_str(), settings.ports), ("10.0.0.3", Ports::One(8003)));
        let settings = resolve(none(), none(), &[]);
        assert_eq!(settings.host, "127.0.0.1");
        assert_eq!(settings.ports, Ports::FirstFreeOf(7860..=7959));
    }

    #[test]
    fn on_a_space_the_port_that_it_forwards_is_the_default() {
        let space = [("SPACE_ID", "me/bot"), ("SPACE_HOST", "me-bot.hf.space")];
        let settings = resolve(PartialSettings::default(), PartialSettings::default(), &space);
        assert_eq!(settings.host, "0.0.0.0");
        assert_eq!(settings.ports, Ports::One(7860));
        assert!(settings.on_space);
    }

    #[test]
    fn a_platform_assigns_the_port_and_everything_else_overrides_it() {
        let port = [("PORT", "8080")];
        let settings = |variables: &[(&'static str, &'static str)], terminal| {
            let environment = Environment::from_iter(variables.iter().copied());
            let mut host = Host::detect(&environment);
            host.terminal = terminal;
            let (flags, code, mut errors) =
                (PartialSettings::default(), PartialSettings::default(), Vec::new());
            let limits = Limits::default();
            let settings =
                Settings::resolve(flags, code, true, &host, &limits, &environment, &mut errors);
            (settings, errors)
        };
        let (platform, _) = settings(&port, false);
        assert_eq!((platform.host.as_str(), platform.ports), ("0.0.0.0", Ports::One(8080)));
        assert!(platform.for_platform);
        let (person, _) = settings(&port, true);
        assert_eq!((person.host.as_str(), person.ports), ("127.0.0.1", Ports::One(8080)));
        assert!(!person.for_platform);
        assert_eq!((platform.exposure, person.exposure), (Exposure::Local, Exposure::Local));

        let overridden = [&GRADIO[..], &port].concat();
        let (gradio, _) = settings(&overridden, false);
        assert_eq!((gradio.host.as_str(), gradio.ports), ("10.0.0.3", Ports::One(8003)));
        let named = [("PORT", "8080"), ("GRADIO_SERVER_NAME", "10.0.0.3")];
        let (named, _) = settings(&named, false);
        assert_eq!((named.host.as_str(), named.for_platform), ("10.0.0.3", false));

        let serial = [("PORT", "/dev/ttyUSB0")];
        let wrong: Vec<_> = settings(&serial, true).1.iter().map(ToString::to_string).collect();
        assert_eq!(wrong, ["PORT must be a port number, 0 to 65535."]);
        // An invalid PORT is ignored if another setting decides.
        let (_, errors) = settings(&[&GRADIO[..], &serial].concat(), true);
        assert!(errors.is_empty());
    }

    #[test]
    fn webhooks_are_registered_only_if_a_setting_says_so() {
        let register = |flag, code, variable: &'static str| {
            let given = |register| PartialSettings { register, ..PartialSettings::default() };
            resolve(given(flag), given(code), &[("WEBHOOKS_REGISTER", variable)]).register
        };
        assert!(!register(None, None, ""));
        assert!(register(None, None, "1"));
        assert!(!register(None, Some(false), "1"));
        assert!(register(Some(true), Some(false), "0"));
        let variables = [("WEBHOOKS_REGISTER", "always")];
        let none = PartialSettings::default;
        let (settings, errors) = try_resolve(none(), none(), &Limits::default(), &variables);
        assert!(!settings.register);
        assert_eq!(errors, ["WEBHOOKS_REGISTER must be true or false."]);
    }

    #[test]
    fn every_bad_value_is_an_error_that_names_the_setting() {
        let code = PartialSettings { workers: Some(513), ..PartialSettings::default() };
        for request_timeout in [Duration::ZERO, Duration::MAX] {
            let limits =
                Limits { request_timeout, shutdown_timeout: Duration::MAX, ..Limits::default() };
            let variables = [("GRADIO_SERVER_PORT", "http")];
            let (_, errors) =
                try_resolve(PartialSettings::default(), code.clone(), &limits, &variables);
            assert_eq!(
                errors,
                [
                    "The shutdown timeout must be at most one day.",
                    "The request timeout must be more than zero and at most one day.",
                    "GRADIO_SERVER_PORT must be a port number, 0 to 65535.",
                    "The number of workers must be 1 to 512."
                ]
            );
        }
    }

    #[test]
    fn an_empty_variable_of_gradio_counts_as_not_set() {
        let empty = [("GRADIO_SERVER_NAME", ""), ("GRADIO_SERVER_PORT", "")];
        let settings = resolve(PartialSettings::default(), PartialSettings::default(), &empty);
        assert_eq!(settings.host, "127.0.0.1");
    }
}

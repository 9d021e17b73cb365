//! Resolves where the metrics are served.

use super::environment::{Environment, NotUnicode};
use super::error::SettingError;
use super::host::parse_port;
use super::table;

/// The settings of the metrics from one source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PartialMetrics {
    /// Whether they are served.
    pub(crate) on: Option<bool>,
    /// The port of their own.
    pub(crate) port: Option<u16>,
}

/// Where the metrics are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MetricsListener {
    Off,
    /// On the server's port, which strangers can reach.
    MainPort,
    /// On a port of their own. 0 lets the system choose one.
    OwnPort(u16),
}

impl PartialMetrics {
    pub(super) fn environment(environment: &Environment, errors: &mut Vec<SettingError>) -> Self {
        const PORT: &str = "WEBHOOKS_METRICS_PORT";
        let port = environment.filled(PORT).unwrap_or_else(|NotUnicode| {
            errors.push(SettingError { name: PORT, wants: "text in UTF-8" });
            None
        });
        let port = port.and_then(|port| parse_port(PORT, &port, errors));
        Self { on: environment.switch("WEBHOOKS_METRICS", errors), port }
    }

    /// Fills in from `weaker` what is not set here.
    pub(super) fn or(self, weaker: Self) -> Self {
        Self { on: self.on.or(weaker.on), port: self.port.or(weaker.port) }
    }

    /// Returns where the metrics are served. Adds an error if this build has none.
    pub(super) fn decide(self, errors: &mut Vec<SettingError>) -> MetricsListener {
        let listener = match self.port {
            _ if self.on == Some(false) => MetricsListener::Off,
            Some(port) => MetricsListener::OwnPort(port),
            None if self.on.is_some() => MetricsListener::MainPort,
            None => MetricsListener::Off,
        };
        if listener != MetricsListener::Off && !table::is_compiled("--metrics") {
            errors.push(SettingError {
                name: "The setting of metrics",
                wants: "off, because this program is built without them. Add them: cargo add webhooks-runtime \
                        --features metrics",
            });
        }
        listener
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(code: PartialMetrics, variables: &[(&str, &str)]) -> (MetricsListener, Vec<String>) {
        let mut errors = Vec::new();
        let environment = Environment::from_iter(variables.iter().copied());
        let environment = PartialMetrics::environment(&environment, &mut errors);
        let listener = code.or(environment).decide(&mut errors);
        let is_missing = |error: &SettingError| error.wants.contains("--features metrics");
        // As it is for a build without the feature, too.
        let expected = listener != MetricsListener::Off && !table::is_compiled("--metrics");
        assert_eq!(errors.iter().any(is_missing), expected);
        errors.retain(|error| !is_missing(error));
        (listener, errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn metrics_are_served_only_if_a_setting_says_so_and_a_port_says_so() {
        let none = PartialMetrics::default();
        let port = |port| PartialMetrics { port: Some(port), ..none };
        let on = |on| PartialMetrics { on: Some(on), ..none };
        for (code, variables, expected) in [
            (none, &[][..], MetricsListener::Off),
            (none, &[("WEBHOOKS_METRICS", "1")], MetricsListener::MainPort),
            (on(true), &[], MetricsListener::MainPort),
            (on(false), &[("WEBHOOKS_METRICS", "1")], MetricsListener::Off),
            (port(9000), &[], MetricsListener::OwnPort(9000)),
            (on(true), &[("WEBHOOKS_METRICS_PORT", "9001")], MetricsListener::OwnPort(9001)),
            (port(9000), &[("WEBHOOKS_METRICS_PORT", "9001")], MetricsListener::OwnPort(9000)),
            (on(false), &[("WEBHOOKS_METRICS_PORT", "9001")], MetricsListener::Off),
            (
                none,
                &[("WEBHOOKS_METRICS", ""), ("WEBHOOKS_METRICS_PORT", "")],
                MetricsListener::Off,
            ),
        ] {
            assert_eq!(resolve(code, variables), (expected, Vec::new()), "{code:?} {variables:?}");
        }
    }

    #[test]
    fn an_invalid_variable_is_an_error() {
        let variables = [("WEBHOOKS_METRICS", "always"), ("WEBHOOKS_METRICS_PORT", "http")];
        let (_, errors) = resolve(PartialMetrics::default(), &variables);
        assert_eq!(
            errors,
            [
                "WEBHOOKS_METRICS_PORT must be a port number, 0 to 65535.",
                "WEBHOOKS_METRICS must be true or false."
            ]
        );
    }
}

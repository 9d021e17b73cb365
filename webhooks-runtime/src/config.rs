//! The server's settings, resolved once: flag > code > environment > default.

use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::environment::{Environment, NotUnicode};
use crate::space::Space;

/// A setting whose value cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} must be {wants}.")]
#[non_exhaustive]
pub struct SettingError {
    /// The variable or the method that holds it.
    pub name: String,
    /// What it must be.
    pub wants: &'static str,
}

/// Settings that may be given in more than one place; each place fills in what it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) host: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) workers: Option<usize>,
}

impl Given {
    /// What the environment says: the variables that a Gradio app reads.
    fn environment(environment: &Environment) -> Result<Self, SettingError> {
        // An empty variable counts as not set, as it does for Gradio.
        let filled = |name: &str| {
            environment.filled(name).map_err(|NotUnicode| SettingError {
                name: name.to_owned(),
                wants: "text in UTF-8",
            })
        };
        let port = filled("GRADIO_SERVER_PORT")?
            .map(|port| {
                port.trim().parse().map_err(|_| SettingError {
                    name: "GRADIO_SERVER_PORT".to_owned(),
                    wants: "a port number, 0 to 65535",
                })
            })
            .transpose()?;
        Ok(Self { host: filled("GRADIO_SERVER_NAME")?, port, workers: None })
    }

    /// Takes from `weaker` what is not given here.
    fn or(self, weaker: Self) -> Self {
        Self {
            host: self.host.or(weaker.host),
            port: self.port.or(weaker.port),
            workers: self.workers.or(weaker.workers),
        }
    }
}

/// Which ports to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ports {
    /// This one or none. 0 lets the system choose.
    One(u16),
    /// The first free one.
    FirstFreeOf(RangeInclusive<u16>),
}

/// The limits of a server, all with defaults.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// The largest body that is read, in bytes.
    pub(crate) body: usize,
    /// How long a client may take to send a request's head, and then its body.
    pub(crate) request_timeout: Duration,
    /// How long running deliveries may go on after the server was told to stop.
    pub(crate) shutdown_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 2 * 1024 * 1024,
            request_timeout: Duration::from_secs(10),
            // The Hub gives up on a delivery after 30 s.
            shutdown_timeout: Duration::from_secs(30),
        }
    }
}

/// Where and how the server listens, with everything decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) host: String,
    pub(crate) ports: Ports,
    pub(crate) workers: NonZeroUsize,
    pub(crate) space: Option<Space>,
}

impl Settings {
    /// Decides every setting: flag > code > environment > default.
    pub(crate) fn resolve(
        flags: Given,
        code: Given,
        environment: &Environment,
    ) -> Result<Self, SettingError> {
        let space = Space::detect(environment);
        let given = flags.or(code).or(Given::environment(environment)?);
        // A Space forwards port 7860 of the container and nothing else.
        let (host, ports) = match space {
            Some(_) => ("0.0.0.0", Ports::One(7860)),
            None => ("127.0.0.1", Ports::FirstFreeOf(7860..=7959)),
        };
        let workers = match given.workers {
            Some(count) => NonZeroUsize::new(count).ok_or(SettingError {
                name: "The number of workers".to_owned(),
                wants: "at least 1",
            })?,
            None => std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        };
        Ok(Self {
            host: given.host.unwrap_or_else(|| host.to_owned()),
            ports: given.port.map_or(ports, Ports::One),
            workers,
            space,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(host: &str, port: u16) -> Given {
        Given { host: Some(host.into()), port: Some(port), workers: None }
    }

    fn resolve(flags: Given, code: Given, variables: &[(&'static str, &'static str)]) -> Settings {
        let environment = Environment::from_iter(variables.iter().copied());
        Settings::resolve(flags, code, &environment).unwrap()
    }

    const GRADIO: [(&str, &str); 2] =
        [("GRADIO_SERVER_NAME", "10.0.0.3"), ("GRADIO_SERVER_PORT", "8003")];

    #[test]
    fn a_flag_wins_over_code_over_the_environment_over_the_default() {
        let none = Given::default;
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
        let settings = resolve(Given::default(), Given::default(), &space);
        assert_eq!(settings.host, "0.0.0.0");
        assert_eq!(settings.ports, Ports::One(7860));
        assert!(settings.space.is_some());
    }

    #[test]
    fn a_bad_value_is_an_error_that_names_the_setting() {
        let environment = Environment::from_iter([("GRADIO_SERVER_PORT", "http")]);
        let error =
            Settings::resolve(Given::default(), Given::default(), &environment).unwrap_err();
        assert_eq!(error.to_string(), "GRADIO_SERVER_PORT must be a port number, 0 to 65535.");
        let none = Given { workers: Some(0), ..Given::default() };
        let error = Settings::resolve(none, Given::default(), &Environment::default()).unwrap_err();
        assert_eq!(error.to_string(), "The number of workers must be at least 1.");
    }

    #[test]
    fn an_empty_variable_of_gradio_counts_as_not_set() {
        let empty = [("GRADIO_SERVER_NAME", ""), ("GRADIO_SERVER_PORT", "")];
        let settings = resolve(Given::default(), Given::default(), &empty);
        assert_eq!(settings.host, "127.0.0.1");
    }
}

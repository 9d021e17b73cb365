//! Describes the machine that the program runs on, as far as defaults depend on it.
//!
//! A tunnel makes the program reachable from the internet, so by default it is only opened where a person sees the
//! program start. Nobody reads the output of a container, a CI job or a systemd unit at that moment.

use std::fmt;
use std::io::{self, IsTerminal};
use std::path::Path;

use crate::config::environment::{Environment, NotUnicode};
use crate::config::error::SettingError;
use crate::config::space::Space;

/// Files below the root that container runtimes put into each container: Docker, and Podman.
const CONTAINER_FILES: [&str; 2] = [".dockerenv", "run/.containerenv"];

/// Variables that are set in each container: by Podman, LXC and systemd-nspawn, and by Kubernetes.
const CONTAINER_VARIABLES: [&str; 2] = ["container", "KUBERNETES_SERVICE_HOST"];

/// The machine that the program runs on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) space: Option<Space>,
    /// Whether standard output is a terminal.
    pub(crate) terminal: bool,
    /// Whether the platform assigns a port, as hosting platforms do.
    pub(crate) assigns_port: bool,
    job: bool,
    container: bool,
    ci: bool,
}

/// The reason to assume that no person follows the program's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unattended {
    Job,
    Ci,
    Container,
    AssignedPort,
    NoTerminal,
}

impl fmt::Display for Unattended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Job => "the program runs in a Job",
            Self::Ci => "the program runs in CI",
            Self::Container => "the program runs in a container",
            Self::AssignedPort => "the variable PORT is set, as hosting platforms do",
            Self::NoTerminal => "standard output is not a terminal",
        })
    }
}

impl Host {
    /// Describes this machine, or, for a fixed set of variables, one without a terminal.
    pub(crate) fn detect(environment: &Environment) -> Self {
        let set = |name: &str| environment.filled(name).ok().flatten().is_some();
        let real = matches!(environment, Environment::Process);
        Self {
            space: Space::detect(environment),
            terminal: real && io::stdout().is_terminal(),
            assigns_port: set("PORT"),
            job: set("JOB_ID"),
            container: CONTAINER_VARIABLES.into_iter().any(set)
                || (real && has_container_file(Path::new("/"))),
            ci: is_ci(environment),
        }
    }

    /// Returns whether a person develops the program here: at a terminal, and neither on a Space nor in a Job, in a
    /// container or in CI.
    pub(crate) fn is_for_development(&self) -> bool {
        self.terminal && self.is_own_machine()
    }

    /// Returns whether no platform runs the program: it is neither on a Space nor in a Job, in a container or in CI.
    pub(crate) fn is_own_machine(&self) -> bool {
        self.space.is_none() && !self.job && !self.container && !self.ci
    }

    /// Returns why no person is expected to follow the output, `None` when one is.
    pub(crate) fn unattended(&self) -> Option<Unattended> {
        let reasons = [
            (self.job, Unattended::Job),
            (self.ci, Unattended::Ci),
            (self.container, Unattended::Container),
            (self.assigns_port, Unattended::AssignedPort),
            (!self.terminal, Unattended::NoTerminal),
        ];
        reasons.into_iter().find_map(|(applies, reason)| applies.then_some(reason))
    }

    /// A machine with these variables and a person at its terminal, for tests.
    #[cfg(test)]
    pub(crate) fn with_terminal(environment: &Environment) -> Self {
        Self { terminal: true, ..Self::detect(environment) }
    }
}

fn has_container_file(root: &Path) -> bool {
    CONTAINER_FILES.iter().any(|file| root.join(file).exists())
}

/// Whether `CI` is set, as every CI service sets it. Some people set it to `false` to turn it off.
fn is_ci(environment: &Environment) -> bool {
    let value = environment.filled("CI").ok().flatten();
    value.is_some_and(|value| !["0", "false"].iter().any(|no| value.eq_ignore_ascii_case(no)))
}

/// Reads the port that a hosting platform assigns: Cloud Run, Render, Railway, Heroku.
pub(super) fn assigned_port(
    environment: &Environment,
    errors: &mut Vec<SettingError>,
) -> Option<u16> {
    let value = environment.filled("PORT").unwrap_or_else(|NotUnicode| Some(String::new()))?;
    parse_port("PORT", &value, errors)
}

/// Parses the port that a variable sets. An invalid one is added to `errors`.
pub(super) fn parse_port(
    name: &'static str,
    value: &str,
    errors: &mut Vec<SettingError>,
) -> Option<u16> {
    let port = value.trim().parse().ok();
    if port.is_none() {
        errors.push(SettingError { name, wants: "a port number, 0 to 65535" });
    }
    port
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unattended(variables: &[(&'static str, &'static str)]) -> Option<Unattended> {
        let environment = Environment::from_iter(variables.iter().copied());
        Host::with_terminal(&environment).unattended()
    }

    #[test]
    fn a_person_is_expected_at_a_terminal_and_nowhere_else() {
        assert_eq!(unattended(&[]), None);
        assert_eq!(Host::default().unattended(), Some(Unattended::NoTerminal));
    }

    #[test]
    fn a_program_is_developed_at_a_terminal_of_an_own_machine() {
        let develops = |variables: &[(&'static str, &'static str)]| {
            let environment = Environment::from_iter(variables.iter().copied());
            Host::with_terminal(&environment).is_for_development()
        };
        assert!(develops(&[]) && develops(&[("PORT", "8080"), ("CI", "false")]));
        assert!(!Host::default().is_for_development());
        for variable in ["SPACE_ID", "JOB_ID", "CI", "container", "KUBERNETES_SERVICE_HOST"] {
            assert!(!develops(&[(variable, "1")]), "{variable}");
        }
    }

    #[test]
    fn a_container_is_known_by_the_file_of_its_runtime() {
        for file in CONTAINER_FILES {
            let root = tempfile::tempdir().unwrap();
            assert!(!has_container_file(root.path()));
            std::fs::create_dir_all(root.path().join("run")).unwrap();
            std::fs::write(root.path().join(file), "").unwrap();
            assert!(has_container_file(root.path()), "{file}");
        }
    }

    #[test]
    fn nobody_is_expected_in_a_container_in_ci_or_on_a_platform() {
        for (variable, value, reason) in [
            ("container", "podman", Unattended::Container),
            ("KUBERNETES_SERVICE_HOST", "10.0.0.1", Unattended::Container),
            ("CI", "true", Unattended::Ci),
            ("CI", "1", Unattended::Ci),
            ("PORT", "8080", Unattended::AssignedPort),
            ("JOB_ID", "687f911eaea852de79c4a50a", Unattended::Job),
        ] {
            assert_eq!(unattended(&[(variable, value)]), Some(reason), "{variable}={value}");
            assert_eq!(unattended(&[(variable, "")]), None, "{variable}=");
        }
        for value in ["false", "False", "0"] {
            assert_eq!(unattended(&[("CI", value)]), None, "CI={value}");
        }
    }
}

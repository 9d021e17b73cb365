//! Compares this machine's clock with that of the Hub.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::finding::{Diagnosis, Finding};

/// The difference that a slow response and whole seconds do not explain.
const TOLERANCE: Duration = Duration::from_secs(60);

/// The time of the Hub in a response, and when this machine has sent the request and got the response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClockReading {
    pub(super) hub: SystemTime,
    pub(super) sent: SystemTime,
    pub(super) received: SystemTime,
}

impl ClockReading {
    /// Returns how far this machine's clock is off.
    fn difference(&self) -> Duration {
        let ahead = self.sent.duration_since(self.hub).unwrap_or_default();
        let behind = self.hub.duration_since(self.received).unwrap_or_default();
        ahead.max(behind)
    }
}

pub(super) fn check(reading: Option<&ClockReading>) -> Diagnosis {
    let Some(reading) = reading else {
        return Diagnosis::Unchecked("the Hub did not send its time");
    };
    let difference = reading.difference();
    if difference <= TOLERANCE {
        return Diagnosis::Healthy("right".to_owned());
    }
    Finding::new(
        format!("the clock of this machine is {} s off the Hub's", difference.as_secs()),
        "certificates, retries and retention depend on the time",
        fix(Path::new("/")),
    )
    .into()
}

/// Returns the command that sets the clock of this system, or what to do in a container or without such a command.
fn fix(root: &Path) -> &'static str {
    let has_systemd = root.join("run/systemd/system").is_dir();
    match std::env::consts::OS {
        "macos" => "sudo sntp -sS time.apple.com",
        "windows" => "w32tm /resync",
        _ if has_systemd => "sudo timedatectl set-ntp true",
        _ => "set the clock of this machine; in a container, set that of its host",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clock_that_is_off_by_more_than_a_minute_is_wrong() {
        let now = SystemTime::now();
        let (second, wait) = (Duration::from_secs(1), Duration::from_secs(20));
        let check_at =
            |hub: SystemTime| check(Some(&ClockReading { hub, sent: now, received: now + wait }));
        for hub in [now, now + wait + TOLERANCE, now - TOLERANCE, now + wait / 2] {
            assert_eq!(check_at(hub), Diagnosis::Healthy("right".to_owned()));
        }
        for hub in [now + wait + TOLERANCE + second, now - TOLERANCE - second] {
            let Diagnosis::Faulty(findings) = check_at(hub) else { panic!("{hub:?}") };
            assert_eq!(findings[0].what, "the clock of this machine is 61 s off the Hub's");
        }
        assert!(matches!(check(None), Diagnosis::Unchecked(_)));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn only_a_system_with_systemd_is_told_its_command() {
        let root = tempfile::tempdir().unwrap();
        assert!(fix(root.path()).starts_with("set the clock"));
        std::fs::create_dir_all(root.path().join("run/systemd/system")).unwrap();
        assert_eq!(fix(root.path()), "sudo timedatectl set-ntp true");
    }
}

//! Defines the options of a server's background deliveries.

use std::time::Duration;

use super::observer::JobsObservers;
use super::store::StoreLimits;
use crate::config::error::SettingError;

/// The options of the engine and its store.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// How long done deliveries are retained: at least for the longest `dedup_window`.
    pub(crate) retain_done: Duration,
    /// How long dead deliveries are retained.
    pub(crate) retain_dead: Duration,
    pub(crate) limits: StoreLimits,
    /// How long a replica may go without a heartbeat before its deliveries are recovered.
    pub(crate) lease: Duration,
    /// The maximum number of connections to a database server.
    pub(crate) connections: u32,
    /// How long opening may wait for a database lock that another process holds.
    pub(crate) lock_limit: Duration,
    /// Who is notified of attempts and of the store's responses.
    pub(crate) observers: JobsObservers,
}

impl Options {
    /// More than a database server usually allows for all its clients.
    const MAX_CONNECTIONS: u32 = 1000;

    /// Adds an error for each invalid option.
    pub(crate) fn check(&self, errors: &mut Vec<SettingError>) {
        if !(3..=Self::MAX_CONNECTIONS).contains(&self.connections) {
            let name = "The number of store connections";
            let wants =
                "3 to 1000: one listens, one sends heartbeats, and the rest do everything else";
            errors.push(SettingError { name, wants });
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            retain_done: Duration::from_secs(7 * 24 * 60 * 60),
            retain_dead: Duration::from_secs(30 * 24 * 60 * 60),
            limits: StoreLimits::default(),
            lease: Duration::from_secs(30),
            connections: 9,
            lock_limit: Duration::from_secs(60),
            observers: JobsObservers::default(),
        }
    }
}

#[cfg(test)]
impl<L: Into<StoreLimits>> From<L> for Options {
    fn from(limits: L) -> Self {
        Self { limits: limits.into(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_and_too_many_connections_are_errors() {
        let errors = |connections| {
            let mut errors = Vec::new();
            Options { connections, ..Options::default() }.check(&mut errors);
            errors.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert!(errors(3).is_empty() && errors(1000).is_empty());
        for connections in [0, 2, 1001] {
            let [error] = &errors(connections)[..] else { panic!("{connections}") };
            assert!(error.starts_with("The number of store connections must be 3 to 1000: "));
        }
    }
}

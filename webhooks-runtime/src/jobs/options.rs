//! How a server keeps background deliveries.

use std::time::Duration;

use super::store::StoreLimits;
use crate::setting::SettingError;

/// How background deliveries are kept.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// How long those are kept that are done: at least for the longest `dedup_window`.
    pub(crate) keep_done: Duration,
    /// How long those are kept that are dead.
    pub(crate) keep_dead: Duration,
    pub(crate) limits: StoreLimits,
    /// How long a process may be silent before its deliveries are given to others.
    pub(crate) lease: Duration,
    /// How many connections to a database server the process opens, at most.
    pub(crate) connections: u32,
    /// How long opening may wait for a lock of the database that another process holds.
    pub(crate) lock_limit: Duration,
}

impl Options {
    /// More than a server has for all its clients.
    const MOST_CONNECTIONS: u32 = 1000;

    pub(crate) fn check(&self, errors: &mut Vec<SettingError>) {
        if !(3..=Self::MOST_CONNECTIONS).contains(&self.connections) {
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
            keep_done: Duration::from_secs(7 * 24 * 60 * 60),
            keep_dead: Duration::from_secs(30 * 24 * 60 * 60),
            limits: StoreLimits { deliveries: 10_000_000, bytes: 10 << 30 },
            lease: Duration::from_secs(30),
            connections: 9,
            lock_limit: Duration::from_secs(60),
        }
    }
}

#[cfg(test)]
impl<L: Into<StoreLimits>> From<L> for Options {
    fn from(limits: L) -> Self {
        Self { limits: limits.into(), ..Self::default() }
    }
}

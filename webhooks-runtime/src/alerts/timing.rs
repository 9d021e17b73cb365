//! Defines when alerts are posted, and how long a store must be unavailable before there is an alert.

use std::time::Duration;

use crate::config::environment::Environment;

/// Shortens the times, for the tests of this crate.
const TEST_INTERVAL: &str = "WEBHOOKS_TEST_ALERT_INTERVAL_MS";

/// When alerts are posted.
#[derive(Clone, Copy, Debug)]
pub(super) struct AlertTiming {
    /// How long the first alerts of a burst wait for the others.
    pub(super) gather: Duration,
    /// The shortest time between two posts.
    pub(super) interval: Duration,
    /// The bounds of the time until a failed post is repeated.
    pub(super) retry: (Duration, Duration),
    /// How often the state of the store is read.
    pub(super) store_check: Duration,
    /// How long the store is unavailable until there is an alert.
    pub(super) store_patience: Duration,
}

impl AlertTiming {
    const DEFAULT: Self = Self {
        gather: Duration::from_secs(1),
        interval: Duration::from_secs(10),
        retry: (Duration::from_secs(2), Duration::from_secs(5 * 60)),
        store_check: Duration::from_secs(5),
        store_patience: Duration::from_secs(60),
    };

    /// Returns the usual times, unless a test shortens them.
    pub(super) fn of(environment: &Environment) -> Self {
        let value = environment.filled(TEST_INTERVAL).ok().flatten();
        match value.and_then(|value| value.parse().ok()).map(Duration::from_millis) {
            None => Self::DEFAULT,
            Some(interval) => Self {
                gather: interval / 2,
                interval,
                retry: (interval / 2, interval),
                store_check: interval / 2,
                store_patience: interval * 2,
            },
        }
    }

    /// Returns the time until the next attempt to post after this many failures in a row.
    pub(super) fn backoff(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        self.retry.0.saturating_mul(1 << doublings).min(self.retry.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The guide's page about alerts names these times.
    #[test]
    fn the_usual_times_are_those_of_the_guide() {
        let timing = AlertTiming::of(&Environment::from_iter([]));
        assert_eq!(timing.gather, Duration::from_secs(1));
        assert_eq!(timing.interval, Duration::from_secs(10));
        assert_eq!(timing.retry, (Duration::from_secs(2), Duration::from_secs(5 * 60)));
        assert_eq!(timing.store_patience, Duration::from_secs(60));
        // So that an alert is at most this much later than the guide says.
        assert_eq!(timing.store_check, Duration::from_secs(5));
    }

    #[test]
    fn failed_posts_are_repeated_ever_later() {
        let timing = AlertTiming::of(&Environment::from_iter([]));
        for (failures, seconds) in [(1, 2), (2, 4), (5, 32), (9, 300), (u32::MAX, 300)] {
            assert_eq!(timing.backoff(failures), Duration::from_secs(seconds));
        }
    }
}

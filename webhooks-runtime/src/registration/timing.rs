//! Defines how often a running server checks its webhooks, and when it retries.

use std::time::Duration;

use crate::config::environment::Environment;

/// Shortens the intervals, for the tests of this crate.
const TEST_INTERVAL: &str = "WEBHOOKS_TEST_REGISTRATION_INTERVAL_MS";

/// How often a running server does what registration needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    /// The interval between two checks of the webhooks.
    pub(super) check: Duration,
    /// The interval at which the lease is renewed.
    pub(super) renewal: Duration,
    /// The shortest time until a failed attempt is repeated. It doubles with each failure, up to `check`.
    pub(super) retry: Duration,
}

impl Timing {
    const DEFAULT: Self = Self {
        check: Duration::from_secs(5 * 60),
        renewal: Duration::from_secs(20),
        retry: Duration::from_secs(5),
    };

    /// Returns the usual intervals, unless a test shortens them.
    pub(super) fn of(environment: &Environment) -> Self {
        let value = environment.filled(TEST_INTERVAL).ok().flatten();
        match value.and_then(|value| value.parse().ok()).map(Duration::from_millis) {
            None => Self::DEFAULT,
            Some(check) => Self { check, renewal: check, retry: check / 2 },
        }
    }

    /// Returns the time until the next attempt after this many failures in a row. The Hub may ask for a longer one.
    pub(super) fn backoff(&self, failures: u32, at_least: Option<Duration>) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        let backoff = self.retry.saturating_mul(1 << doublings).min(self.check);
        backoff.max(at_least.unwrap_or_default().min(self.check))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_retried_ever_later_up_to_the_interval() {
        let timing = Timing::of(&Environment::from_iter([]));
        for (failures, at_least, seconds) in [
            (1, None, 5),
            (2, None, 10),
            (7, None, 300),
            (u32::MAX, None, 300),
            (1, Some(60), 60),
            (1, Some(3600), 300),
        ] {
            let at_least = at_least.map(Duration::from_secs);
            assert_eq!(timing.backoff(failures, at_least), Duration::from_secs(seconds));
        }
        let timing = Timing::of(&Environment::from_iter([(TEST_INTERVAL, "100")]));
        assert_eq!(timing.check, Duration::from_millis(100));
    }
}

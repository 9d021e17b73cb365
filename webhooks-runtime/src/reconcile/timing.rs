//! Defines how often the Hub is asked.

use std::time::Duration;

use crate::config::environment::Environment;

/// Shortens the intervals, for the tests of this crate.
const TEST_INTERVAL: &str = "WEBHOOKS_TEST_RECONCILE_INTERVAL_MS";

/// How long a difference must last: the Hub sends deliveries asynchronously.
const CONFIRM: Duration = Duration::from_secs(2 * 60);

/// The shortest time until a failed poll is repeated. It doubles with each failure, up to the interval.
const RETRY: Duration = Duration::from_secs(60);

/// The interval at which the lease is renewed. It lasts for three of them.
const RENEWAL: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug)]
pub(super) struct PollTiming {
    /// The interval between two polls.
    pub(super) interval: Duration,
    /// How long a difference must last before a delivery is made.
    pub(super) confirm: Duration,
}

impl PollTiming {
    pub(super) fn new(interval: Duration, environment: &Environment) -> Self {
        let value = environment.filled(TEST_INTERVAL).ok().flatten();
        match value.and_then(|value| value.parse().ok()).map(Duration::from_millis) {
            None => Self { interval, confirm: CONFIRM },
            Some(time) => Self { interval: time, confirm: time },
        }
    }

    /// Returns the time until the next poll, after this many failures in a row. The Hub may ask for a longer one.
    pub(super) fn pause(
        &self,
        failures: u32,
        at_least: Option<Duration>,
        is_pending: bool,
    ) -> Duration {
        let pause = match failures {
            0 => self.interval,
            _ => RETRY.saturating_mul(1 << (failures - 1).min(16)).min(self.interval),
        };
        // What must be confirmed does not wait for a repo that cannot be compared.
        let pause = if is_pending { pause.min(self.confirm) } else { pause };
        pause.max(at_least.unwrap_or_default())
    }

    /// Returns the interval at which the lease of the replica that asks is renewed. In a test with a short interval, it is
    /// long enough for a slow machine.
    pub(super) fn renewal(&self) -> Duration {
        RENEWAL.min(self.confirm * 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_retried_ever_later_and_a_difference_is_confirmed_soon() {
        let timing = PollTiming::new(Duration::from_secs(3600), &Environment::from_iter([]));
        for (failures, at_least, is_pending, seconds) in [
            (0, None, false, 3600),
            (0, None, true, 120),
            (1, None, false, 60),
            (2, None, false, 120),
            (u32::MAX, None, false, 3600),
            (u32::MAX, None, true, 120),
            (1, Some(300), false, 300),
            (9, Some(300), true, 300),
        ] {
            let at_least = at_least.map(Duration::from_secs);
            let pause = timing.pause(failures, at_least, is_pending);
            assert_eq!(pause, Duration::from_secs(seconds), "{failures} {at_least:?} {is_pending}");
        }
        assert_eq!(timing.confirm, Duration::from_secs(120));
    }
}

//! How the deliveries of a background endpoint are run: the options of `background(…)`.

use std::time::Duration;

/// The options of `background(…)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The maximum number of attempts before a delivery is dead.
    pub(crate) attempts: u32,
    /// The maximum time for one attempt.
    pub(crate) timeout: Duration,
    /// The most deliveries that run at the same time, in all replicas together.
    pub(crate) concurrency: u32,
    /// The wait after the first failed attempt. It doubles after each further one.
    pub(crate) shortest_backoff: Duration,
    /// The longest wait after a failed attempt.
    pub(crate) longest_backoff: Duration,
    /// For how long after the arrival of a delivery another one with its id is a duplicate.
    pub(crate) dedup_window: Duration,
}

impl Policy {
    /// The options that the attribute does not set.
    pub const DEFAULT: Self = Self {
        attempts: 5,
        timeout: Duration::from_secs(24 * 60 * 60),
        concurrency: 16,
        shortest_backoff: Duration::from_secs(10),
        longest_backoff: Duration::from_secs(30 * 60),
        dedup_window: Duration::from_secs(2 * 60),
    };

    /// `attempts = …`
    #[must_use]
    pub const fn attempts(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }

    /// `timeout = …`, in milliseconds.
    #[must_use]
    pub const fn timeout(self, milliseconds: u64) -> Self {
        Self { timeout: Duration::from_millis(milliseconds), ..self }
    }

    /// `concurrency = …`
    #[must_use]
    pub const fn concurrency(self, concurrency: u32) -> Self {
        Self { concurrency, ..self }
    }

    /// `backoff = …`, in milliseconds.
    #[must_use]
    pub const fn backoff(self, shortest: u64, longest: u64) -> Self {
        Self {
            shortest_backoff: Duration::from_millis(shortest),
            longest_backoff: Duration::from_millis(longest),
            ..self
        }
    }

    /// `dedup_window = …`, in milliseconds.
    #[must_use]
    pub const fn dedup_window(self, milliseconds: u64) -> Self {
        Self { dedup_window: Duration::from_millis(milliseconds), ..self }
    }
}

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
    /// Whether deliveries have keys: at most one of each key runs at a time.
    pub(crate) keyed: bool,
    /// Whether a newer delivery of a key replaces the older ones.
    pub(crate) latest: Latest,
    /// How long a delivery waits for newer ones of its key, which replace it.
    pub(crate) debounce: Option<Debounce>,
    /// Whether a run can be stopped. A function that is not async cannot.
    pub(crate) stoppable: bool,
}

/// Whether a newer delivery of a key replaces the older ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Latest {
    /// Every delivery runs.
    No,
    /// It replaces the queued ones.
    Supersede,
    /// It replaces the queued ones, and stops a running one.
    Cancel,
}

/// How long a delivery waits for newer ones of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Debounce {
    /// Until none has arrived for this long.
    pub(crate) quiet: Duration,
    /// The longest time since the first one.
    pub(crate) at_most: Duration,
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
        keyed: false,
        latest: Latest::No,
        debounce: None,
        stoppable: true,
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

    /// `key = …`
    #[must_use]
    pub(super) const fn keyed(self) -> Self {
        Self { keyed: true, ..self }
    }

    /// `latest`, or `latest = "cancel"`
    #[must_use]
    pub const fn latest(self, latest: Latest) -> Self {
        Self { latest, ..self }
    }

    /// `debounce = …`, in milliseconds.
    #[must_use]
    pub const fn debounce(self, quiet: u64, at_most: u64) -> Self {
        let debounce = Debounce {
            quiet: Duration::from_millis(quiet),
            at_most: Duration::from_millis(at_most),
        };
        Self { debounce: Some(debounce), ..self }
    }

    /// For a function that is not async: it runs on a thread, which cannot be stopped.
    #[must_use]
    pub const fn on_thread(self) -> Self {
        Self { stoppable: false, ..self }
    }

    /// Returns whether newer deliveries of a key replace older ones.
    pub(crate) fn supersedes(&self) -> bool {
        self.latest != Latest::No || self.debounce.is_some()
    }
}

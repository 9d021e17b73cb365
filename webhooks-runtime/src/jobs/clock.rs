//! Converts times for the SQLite store, and provides its clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Returns a time in milliseconds of Unix time.
pub(super) fn to_millis(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, millis)
}

/// Returns the time of these milliseconds of Unix time.
pub(super) fn from_millis(millis: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

/// Returns a duration in milliseconds. Saturates below the range of `i64`, so that sums do not overflow.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}

/// A clock that reads the machine's time once and then counts monotonic time, so that a jump of the
/// machine's clock makes nothing due or expired.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    started: Instant,
    millis: i64,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self { started: Instant::now(), millis: to_millis(SystemTime::now()) }
    }

    /// Returns the clock moved forward to at least this time. A machine may have lost its time since the
    /// last start, and what was due then must be due now.
    pub(super) fn not_before(self, millis: i64) -> Self {
        Self { millis: self.millis.max(millis), ..self }
    }

    /// Returns the current time in milliseconds of Unix time.
    pub(super) fn now(&self) -> i64 {
        self.millis.saturating_add(millis(self.started.elapsed()))
    }
}

//! Converts times for the stores, and provides the clock of the SQLite store.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Returns a time in milliseconds of Unix time.
pub(super) fn to_millis(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, millis)
}

/// The last millisecond of the year 9999. No format of a time has a later one.
const LAST_MILLIS: i64 = 253_402_300_799_999;

/// Returns the time of these milliseconds of Unix time, or the nearest one that can be formatted: a store may contain any
/// number.
pub(super) fn from_millis(millis: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(millis.clamp(0, LAST_MILLIS).unsigned_abs())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_of_a_store_can_be_formatted() {
        for (millis, expected) in [
            (i64::MIN, "1970-01-01T00:00:00.000Z"),
            (-1, "1970-01-01T00:00:00.000Z"),
            (1_764_600_000_123, "2025-12-01T14:40:00.123Z"),
            (LAST_MILLIS, "9999-12-31T23:59:59.999Z"),
            (i64::MAX, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(humantime::format_rfc3339_millis(from_millis(millis)).to_string(), expected);
        }
    }
}

//! Times as stores have them, and the clock of a store in a file.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A time in milliseconds of Unix time.
pub(super) fn to_millis(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, millis)
}

/// The time of milliseconds of Unix time.
pub(super) fn from_millis(millis: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

/// A duration in milliseconds. One that is longer than can be said is as long as can be.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}

/// The time at the start, and from then on what has passed since: a jump of the machine's clock makes
/// nothing due or old while the program runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    started: Instant,
    millis: i64,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self { started: Instant::now(), millis: to_millis(SystemTime::now()) }
    }

    /// Not earlier than this, which an earlier start had: what was due then is due now, also on a machine
    /// that has lost its time.
    pub(super) fn not_before(self, millis: i64) -> Self {
        Self { millis: self.millis.max(millis), ..self }
    }

    /// Now, in milliseconds of Unix time.
    pub(super) fn now(&self) -> i64 {
        self.millis.saturating_add(millis(self.started.elapsed()))
    }
}

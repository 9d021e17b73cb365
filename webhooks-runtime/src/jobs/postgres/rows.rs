//! Between what Rust has and what the tables have.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::super::state::State;

/// The longest time there is: three centuries, which no server's dates are out of.
const LONGEST: u64 = 300 * 365 * 24 * 60 * 60 * 1000;

pub(super) fn milliseconds(duration: Duration) -> i64 {
    u64::try_from(duration.as_millis()).unwrap_or(LONGEST).min(LONGEST).cast_signed()
}

/// Rounded up, so that what waits until then isn't early.
pub(super) fn until(milliseconds: f64) -> Duration {
    Duration::from_millis(milliseconds.max(0.0).ceil() as u64)
}

/// Milliseconds of Unix time.
pub(super) fn unix(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => milliseconds(since),
        Err(before) => -milliseconds(before.duration()),
    }
}

pub(super) fn time(unix: i64) -> SystemTime {
    let off = Duration::from_millis(unix.unsigned_abs());
    let time = if unix < 0 { UNIX_EPOCH.checked_sub(off) } else { UNIX_EPOCH.checked_add(off) };
    time.unwrap_or(UNIX_EPOCH)
}

/// A state out of the tables. A newer version's is an error.
pub(super) fn state(code: i16) -> Result<State, sqlx::Error> {
    State::of_code(code)
        .ok_or_else(|| sqlx::Error::Decode(format!("there is no state {code}").into()))
}

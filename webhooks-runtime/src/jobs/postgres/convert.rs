//! Converts between Rust types and the values in the tables.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::super::clock::from_millis;
use super::super::state::State;

/// The longest duration: three centuries, which every server's dates can express.
const MAX_MILLIS: u64 = 300 * 365 * 24 * 60 * 60 * 1000;

pub(super) fn milliseconds(duration: Duration) -> i64 {
    u64::try_from(duration.as_millis()).unwrap_or(MAX_MILLIS).min(MAX_MILLIS).cast_signed()
}

/// Returns a duration in the unit of the places in a key's queue.
pub(super) fn microseconds(duration: Duration) -> i64 {
    milliseconds(duration).saturating_mul(1000)
}

/// Returns a duration, rounded up so that a wait does not end early.
pub(super) fn until(milliseconds: f64) -> Duration {
    Duration::from_millis(milliseconds.max(0.0).ceil() as u64)
}

/// Returns a time in milliseconds of Unix time.
pub(super) fn unix(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => milliseconds(since),
        Err(before) => -milliseconds(before.duration()),
    }
}

pub(super) fn time(unix: i64) -> SystemTime {
    from_millis(unix)
}

/// Returns the state with this code.
///
/// # Errors
///
/// When the code is unknown, because a newer version wrote it.
pub(super) fn state(code: i16) -> Result<State, sqlx::Error> {
    State::from_code(code)
        .ok_or_else(|| sqlx::Error::Decode(format!("there is no state {code}").into()))
}

/// Replaces NUL characters, which PostgreSQL's text type cannot store.
pub(super) fn texts<'a>(texts: impl Iterator<Item = &'a Option<String>>) -> Vec<Option<String>> {
    texts.map(|it| it.as_deref().map(text)).collect()
}

/// Replaces NUL characters in a text.
pub(super) fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

//! Keeps values with the times at which they expire, for a state without a database.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::text::ending;

/// The values by their keys.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Values {
    values: BTreeMap<String, Value>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Value {
    text: String,
    /// In milliseconds of Unix time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<u64>,
}

impl Value {
    fn is_valid(&self, now: u64) -> bool {
        self.expires_at.is_none_or(|end| end > now)
    }
}

/// Returns a duration in milliseconds.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Returns the current time in milliseconds of Unix time.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
}

impl Values {
    pub(super) fn get(&self, key: &str, now: u64) -> Option<&str> {
        self.values.get(key).filter(|value| value.is_valid(now)).map(|value| value.text.as_str())
    }

    /// Sets a value, and removes those that have expired.
    pub(super) fn set(&mut self, key: &str, text: &str, ttl: Option<Duration>, now: u64) {
        self.values.retain(|_, value| value.is_valid(now));
        let expires_at = ttl.map(|ttl| now.saturating_add(millis(ttl)));
        self.values.insert(key.to_owned(), Value { text: text.to_owned(), expires_at });
    }

    /// Appends to a value, and keeps its last characters.
    pub(super) fn append(&mut self, key: &str, text: &str, most: usize, ttl: Duration, now: u64) {
        let whole = self.get(key, now).unwrap_or_default().to_owned() + text;
        self.set(key, ending(&whole, most), Some(ttl), now);
    }

    /// Removes a value, and returns whether there was one.
    pub(super) fn remove(&mut self, key: &str) -> bool {
        self.values.remove(key).is_some()
    }

    /// Makes everything older.
    #[cfg(test)]
    pub(super) fn advance_clock(&mut self, time: Duration) {
        for end in self.values.values_mut().filter_map(|value| value.expires_at.as_mut()) {
            *end = end.saturating_sub(millis(time));
        }
    }
}

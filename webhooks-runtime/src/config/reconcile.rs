//! Parses how often a server looks for missed deliveries.

use std::time::Duration;

use super::error::SettingError;

/// The interval of a flag without a value, and of `true`.
const USUAL: &str = "1h";

/// The Hub sends deliveries asynchronously, so a shorter interval finds nothing earlier.
const SHORTEST: Duration = Duration::from_secs(2 * 60);

const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Turns it off.
pub(super) const OFF: &str = "false";

/// Returns the interval; `None` if it is turned off.
///
/// # Errors
///
/// When the text is no such time.
pub(super) fn interval(text: &str) -> Result<Option<Duration>, SettingError> {
    let text = match text.trim() {
        OFF | "0" => return Ok(None),
        "true" | "1" => USUAL,
        text => text,
    };
    match humantime::parse_duration(text) {
        Ok(interval) if (SHORTEST..=LONGEST).contains(&interval) => Ok(Some(interval)),
        _ => Err(SettingError {
            name: "The interval of `reconcile`",
            wants: "a time of 2 minutes to 30 days, such as 1h",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_a_time_of_two_minutes_to_thirty_days() {
        for (text, minutes) in
            [("2m", 2), ("1h 30m", 90), (" 30days ", 30 * 24 * 60), ("true", 60), ("1", 60)]
        {
            assert_eq!(interval(text), Ok(Some(Duration::from_secs(minutes * 60))), "{text}");
        }
        assert_eq!((interval("false"), interval("0")), (Ok(None), Ok(None)));
        for text in ["119s", "31days", "hourly", ""] {
            let error = interval(text).unwrap_err().to_string();
            assert_eq!(
                error,
                "The interval of `reconcile` must be a time of 2 minutes to 30 days, such as 1h."
            );
        }
    }
}

//! Defines the log lines that functions emit during their attempts, as the stores keep them.

use std::time::SystemTime;

use tracing::Level;
use uuid::Uuid;

/// How many claims of a delivery keep their lines. A delivery may wait, snooze or be run again without end.
pub(crate) const LOGGED_CLAIMS: i64 = 20;

/// How many bytes of lines one transaction writes with the results of attempts. After a long failure of the store, those of
/// all attempts end together.
const MAX_BYTES: usize = 4 << 20;

/// A log line of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AttemptLogLine {
    /// The fencing token of the attempt's claim, which grows with each attempt of the delivery.
    pub(crate) fence: i64,
    /// The number of the line within its attempt, counted from 1.
    pub(crate) number: u32,
    /// When it was emitted, by the clock of the process that ran the attempt.
    pub(crate) at: SystemTime,
    pub(crate) level: Level,
    /// The message and its fields, in one line.
    pub(crate) text: String,
}

/// The place of a line in the log of a delivery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LogPosition {
    pub(crate) fence: i64,
    pub(crate) number: u32,
}

impl AttemptLogLine {
    pub(crate) fn position(&self) -> LogPosition {
        LogPosition { fence: self.fence, number: self.number }
    }
}

/// A log line to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewLogLine {
    /// The number of the line within its attempt, counted from 1.
    pub(crate) number: u32,
    pub(crate) at: SystemTime,
    pub(crate) level: Level,
    pub(crate) text: String,
}

/// What has changed in the log of an attempt since it was last written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogUpdate {
    /// The new lines, in order. Some may be written already, if the response of the store was lost.
    pub(crate) lines: Vec<NewLogLine>,
    /// The number of the first line to keep.
    pub(crate) first: u32,
}

/// The new log lines of a running attempt.
#[derive(Clone, Debug)]
pub(crate) struct RunningLog {
    pub(crate) id: Uuid,
    pub(crate) fencing_token: i64,
    pub(crate) update: LogUpdate,
}

/// Returns how many bytes of lines each of these attempts may write, if their results are written together.
pub(super) fn share<'a>(updates: impl Iterator<Item = &'a LogUpdate>) -> usize {
    let (mut count, mut bytes) = (0, 0);
    for update in updates.filter(|update| !update.lines.is_empty()) {
        count += 1;
        bytes += update.lines.iter().map(|line| line.text.len()).sum::<usize>();
    }
    if bytes > MAX_BYTES { MAX_BYTES / count } else { usize::MAX }
}

impl LogUpdate {
    /// Returns the last lines that have at most this many bytes.
    pub(super) fn last(&self, max: usize) -> &[NewLogLine] {
        let (mut first, mut bytes) = (self.lines.len(), 0);
        while first > 0 && self.lines[first - 1].text.len() <= max - bytes {
            first -= 1;
            bytes += self.lines[first].text.len();
        }
        &self.lines[first..]
    }

    /// Returns whether lines of this attempt, or of earlier ones, have to be deleted.
    pub(super) fn has_excess(&self, fencing_token: i64) -> bool {
        let starts = self.lines.first().is_some_and(|line| line.number == 1);
        self.first > 1 || starts && fencing_token > LOGGED_CLAIMS
    }
}

/// The levels, in the order of their numbers in the stores' tables.
const LEVELS: [Level; 5] = [Level::TRACE, Level::DEBUG, Level::INFO, Level::WARN, Level::ERROR];

/// Returns the number that the stores' tables use for a level.
pub(super) fn level_code(level: Level) -> i16 {
    match level {
        Level::TRACE => 0,
        Level::DEBUG => 1,
        Level::INFO => 2,
        Level::WARN => 3,
        Level::ERROR => 4,
    }
}

/// Returns the level with this number. One that a newer version wrote is shown like most lines.
pub(super) fn level_of(code: i16) -> Level {
    let at = usize::try_from(code).unwrap_or(usize::MAX);
    LEVELS.get(at).copied().unwrap_or(Level::INFO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_round_trip_through_their_numbers() {
        for level in LEVELS {
            assert_eq!(level_of(level_code(level)), level);
        }
        assert_eq!((level_of(-1), level_of(5)), (Level::INFO, Level::INFO));
    }

    #[test]
    fn positions_are_ordered_by_attempt_and_number() {
        let at = |fence, number| LogPosition { fence, number };
        assert!(at(1, 9) < at(2, 1) && at(2, 1) < at(2, 2) && LogPosition::default() < at(1, 1));
    }
}

//! Defines the state machine of a delivery, which is the same in every store.
//!
//! ```text
//! queued ──> running ──> done
//!   ^  ^       │ │ └───> dead ──┐ retried by a person, or received again
//!   │  └───────┘ │              │
//!   │  failed or lost: later    │
//!   │            │              │
//!   │  released: at once        │
//!   │  undecided: later         │
//!   │  snoozed: later           │
//!   └────────────┴──────────────┘
//! ```
//!
//! A queued delivery, and a running one that would be queued again, can also become cancelled by a person, or superseded
//! by a newer delivery of its key, which carries its changes. A person can queue every ended delivery again.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The state of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum State {
    /// Waits for a free slot, or for the time of its next attempt.
    Queued,
    /// Owned by a replica.
    Running,
    /// The function succeeded, or was not called because the delivery is not for it.
    Done,
    /// All attempts failed, or one failed with a permanent error. Stays until it is retried, purged or expired.
    Dead,
    /// A newer delivery of its key replaced it and carries its changes.
    Superseded,
    /// A person cancelled it.
    Cancelled,
}

impl State {
    pub(crate) const ALL: [Self; 6] =
        [Self::Queued, Self::Running, Self::Done, Self::Dead, Self::Superseded, Self::Cancelled];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Superseded => "superseded",
            Self::Cancelled => "cancelled",
        }
    }

    /// Returns the number that the stores' tables use for it.
    pub(crate) fn code(self) -> i16 {
        match self {
            Self::Queued => 0,
            Self::Running => 1,
            Self::Done => 2,
            Self::Dead => 3,
            Self::Superseded => 4,
            Self::Cancelled => 5,
        }
    }

    /// Returns whether no attempt follows, unless a person asks for it.
    pub(crate) fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }

    pub(crate) fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// An unknown name of a state.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a state is queued, running, done, dead, superseded or cancelled")]
pub(crate) struct ParseStateError;

impl FromStr for State {
    type Err = ParseStateError;

    fn from_str(text: &str) -> Result<Self, ParseStateError> {
        Self::ALL.into_iter().find(|state| state.name() == text).ok_or(ParseStateError)
    }
}

/// What happens to a running delivery after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transition {
    Done,
    /// Done, without a call of the function: an older delivery of the key is not obsolete by it.
    Skipped,
    /// Queued, and due after this time.
    Retry {
        after: Duration,
    },
    Dead,
    /// Queued and due at once. The attempt does not count.
    Released,
    /// Queued, and due after this time. The attempt does not count, and neither does the release.
    Wait {
        after: Duration,
    },
    /// Queued, and due after this time. The attempt does not count.
    Snooze {
        after: Duration,
    },
    /// Queued, and due after this time. The attempt counts, because too many did not.
    CountedSnooze {
        after: Duration,
    },
    /// Cancelled. When the delivery was stopped for a newer one, that one supersedes it.
    Cancelled,
}

/// The note of a cancelled delivery.
pub(crate) const CANCELLED: &str = "cancelled";

/// Who requests that a running delivery is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CancelReason {
    /// A person. The delivery ends as cancelled, also when its attempt fails meanwhile.
    Person,
    /// A newer delivery of its key. It supersedes the delivery, and the attempt does not count.
    Newer,
}

impl CancelReason {
    /// Returns the number that the stores' tables use for it. 0 is none.
    pub(crate) fn code(self) -> i16 {
        match self {
            Self::Person => 1,
            Self::Newer => 2,
        }
    }
}

impl Transition {
    /// Returns the state that it leads to.
    pub(crate) fn state(self) -> State {
        match self {
            Self::Done | Self::Skipped => State::Done,
            Self::Dead => State::Dead,
            Self::Retry { .. }
            | Self::Released
            | Self::Wait { .. }
            | Self::Snooze { .. }
            | Self::CountedSnooze { .. } => State::Queued,
            Self::Cancelled => State::Cancelled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_round_trip_through_names_and_codes() {
        for state in State::ALL {
            assert_eq!(state.name().parse::<State>().unwrap(), state);
            assert_eq!(State::from_code(state.code()), Some(state));
        }
        assert!("lost".parse::<State>().is_err() && State::from_code(6).is_none());
    }
}

//! The one state machine of a delivery, whatever store it is in.
//!
//! ```text
//! queued ──> running ──> done
//!   ^  ^       │ │ └───> dead ──┐ by hand, or sent again
//!   │  └───────┘ │              │
//!   │   failed, lost: later     │
//!   │            │              │
//!   │   released: at once       │
//!   └────────────┴──────────────┘
//! ```

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::endpoint::background::{Policy, TaskFailure};

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum State {
    /// It waits for its turn, or for the time of its next attempt.
    Queued,
    /// A process has it.
    Running,
    /// The function succeeded.
    Done,
    /// It failed too often, or with a permanent error. It stays until somebody decides about it.
    Dead,
}

impl State {
    pub(crate) const ALL: [Self; 4] = [Self::Queued, Self::Running, Self::Done, Self::Dead];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Dead => "dead",
        }
    }

    /// The number that stores have for it.
    pub(crate) fn code(self) -> i16 {
        match self {
            Self::Queued => 0,
            Self::Running => 1,
            Self::Done => 2,
            Self::Dead => 3,
        }
    }

    pub(crate) fn of_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that is no state.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a state is queued, running, done or dead")]
pub(crate) struct NotAState;

impl FromStr for State {
    type Err = NotAState;

    fn from_str(text: &str) -> Result<Self, NotAState> {
        Self::ALL.into_iter().find(|state| state.name() == text).ok_or(NotAState)
    }
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Succeeded,
    Failed(TaskFailure),
    /// The process that had it died, or was silent for too long.
    Lost,
    /// The process that has it shuts down and releases it, for the `releases`th time.
    Released {
        releases: u32,
    },
}

/// How often a delivery may be released without its attempt being counted.
pub(crate) const MOST_RELEASES: u32 = 10;

const RELEASED_TOO_OFTEN: &str =
    "the process was shut down 10 times while it ran this, before the function had ended";

/// Where a delivery goes from `Running`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Done,
    /// Queued, for the next attempt after this time.
    Retry {
        after: Duration,
    },
    Dead,
    /// Queued at once, and the attempt doesn't count.
    Released,
}

impl Next {
    pub(crate) fn state(self) -> State {
        match self {
            Self::Done => State::Done,
            Self::Dead => State::Dead,
            Self::Retry { .. } | Self::Released => State::Queued,
        }
    }
}

impl End {
    /// The end of an attempt that ran for longer than it may.
    pub(crate) fn timed_out(timeout: Duration) -> Self {
        let text = format!("it took longer than {timeout:?}");
        Self::Failed(TaskFailure { text, permanent: false })
    }

    /// Where a delivery goes after an attempt, the `attempt`th. `jitter` is a random number from 0 to 1.
    pub(crate) fn next(&self, policy: &Policy, attempt: u32, jitter: f64) -> Next {
        match self {
            Self::Succeeded => Next::Done,
            // Its own run may be what shuts the process down, which would go on without end.
            Self::Released { releases } if *releases >= MOST_RELEASES => Next::Dead,
            Self::Released { .. } => Next::Released,
            Self::Failed(failure) if failure.permanent => Next::Dead,
            Self::Failed(_) | Self::Lost if attempt >= policy.attempts => Next::Dead,
            Self::Failed(_) | Self::Lost => Next::Retry { after: backoff(policy, attempt, jitter) },
        }
    }

    /// What is kept of it for people to read.
    pub(crate) fn error(&self) -> Option<&str> {
        match self {
            Self::Failed(failure) => Some(&failure.text),
            Self::Lost => Some("the process that ran it died, or was silent for too long"),
            Self::Released { releases } if *releases >= MOST_RELEASES => Some(RELEASED_TOO_OFTEN),
            Self::Succeeded | Self::Released { .. } => None,
        }
    }
}

/// Doubles from the shortest to the longest, and is then spread over its upper half, so that what
/// failed together doesn't come back together.
fn backoff(policy: &Policy, attempt: u32, jitter: f64) -> Duration {
    let doublings = attempt.saturating_sub(1).min(31);
    let whole = policy
        .shortest_backoff
        .saturating_mul(1 << doublings)
        .min(policy.longest_backoff.max(policy.shortest_backoff));
    whole.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy::DEFAULT.attempts(3).backoff(10_000, 60_000);

    fn failed(permanent: bool) -> End {
        End::Failed(TaskFailure { text: "busy".to_owned(), permanent })
    }

    #[test]
    fn a_failed_attempt_is_tried_again_later_until_the_last() {
        let later = |seconds| Next::Retry { after: Duration::from_secs(seconds) };
        assert_eq!(failed(false).next(&POLICY, 1, 1.0), later(10));
        assert_eq!(failed(false).next(&POLICY, 2, 1.0), later(20));
        assert_eq!(failed(false).next(&POLICY, 3, 1.0), Next::Dead);
        assert_eq!(End::Lost.next(&POLICY, 2, 0.0), later(10));
        assert_eq!(End::Lost.next(&POLICY, 3, 0.0), Next::Dead);
    }

    #[test]
    fn a_permanent_error_is_not_tried_again() {
        assert_eq!(failed(true).next(&POLICY, 1, 1.0), Next::Dead);
    }

    #[test]
    fn a_release_does_not_count_until_there_were_too_many() {
        let released = |releases| End::Released { releases };
        for releases in 1..MOST_RELEASES {
            assert_eq!(released(releases).next(&POLICY, 3, 1.0), Next::Released);
            assert_eq!(released(releases).error(), None);
        }
        assert_eq!(Next::Released.state(), State::Queued);
        assert_eq!(released(MOST_RELEASES).next(&POLICY, 1, 1.0), Next::Dead);
        assert!(RELEASED_TOO_OFTEN.contains(&MOST_RELEASES.to_string()));
        assert_eq!(released(MOST_RELEASES).error(), Some(RELEASED_TOO_OFTEN));
    }

    #[test]
    fn the_wait_has_bounds() {
        for attempt in [1, 2, 5, 40, u32::MAX] {
            for jitter in [0.0, 0.5, 1.0] {
                let wait = backoff(&POLICY, attempt, jitter);
                assert!(wait >= Duration::from_secs(5) && wait <= Duration::from_secs(60));
            }
        }
    }

    #[test]
    fn states_have_names_and_codes() {
        for state in State::ALL {
            assert_eq!(state.name().parse::<State>().unwrap(), state);
            assert_eq!(State::of_code(state.code()), Some(state));
        }
        assert!("lost".parse::<State>().is_err() && State::of_code(4).is_none());
    }
}

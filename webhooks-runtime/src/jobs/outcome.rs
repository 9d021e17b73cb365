//! Decides what happens to a delivery after an attempt.

use std::time::Duration;

use super::state::Transition;
use crate::endpoint::background::{Policy, TaskFailure};

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AttemptOutcome {
    Succeeded,
    /// The function was not called, because the delivery is not for it.
    Skipped,
    /// Whether to call the function cannot be determined yet, for the `waits`th time in a row. The next attempt is not
    /// due before `at_least`.
    Undecided {
        waits: u32,
        at_least: Duration,
    },
    Failed(TaskFailure),
    /// The function asked to run it again later, for the `snoozes`th time in a row.
    Snoozed {
        snoozes: u32,
        after: Duration,
        /// The error of the function.
        reason: String,
    },
    /// It was stopped, because a person cancelled it or a newer delivery replaces it.
    Cancelled,
    /// The replica that ran it died, or its lease expired.
    Lost,
    /// The replica shut down and released the delivery, for the `releases`th time.
    Released {
        releases: u32,
    },
}

/// How often a delivery may be released before it becomes dead.
pub(crate) const MAX_RELEASES: u32 = 10;

/// How often in a row a function may ask to run a delivery again later, before that counts as a failure.
pub(crate) const MAX_SNOOZES: u32 = 20;

/// The longest time that a function can ask for.
const LONGEST_SNOOZE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

const RELEASED_TOO_OFTEN: &str = "the process was shut down 10 times before the function finished";

impl AttemptOutcome {
    /// Returns the failure of an attempt that exceeded its timeout.
    pub(crate) fn timed_out(timeout: Duration) -> Self {
        let text = format!("it took longer than {timeout:?}");
        Self::Failed(TaskFailure { text, permanent: false, retry_after: None })
    }

    /// Returns what happens to the delivery after attempt number `attempt`. `jitter` is a random number
    /// from 0 to 1.
    pub(crate) fn transition(&self, policy: &Policy, attempt: u32, jitter: f64) -> Transition {
        match self {
            Self::Succeeded => Transition::Done,
            Self::Skipped => Transition::Skipped,
            Self::Cancelled => Transition::Cancelled,
            Self::Snoozed { snoozes, after, .. } if *snoozes <= MAX_SNOOZES => {
                Transition::Snooze { after: (*after).min(LONGEST_SNOOZE) }
            }
            Self::Undecided { waits, at_least } => {
                Transition::Wait { after: wait(*waits, *at_least, jitter) }
            }
            // The function itself may be what shuts the process down, which would repeat forever.
            Self::Released { releases } if *releases >= MAX_RELEASES => Transition::Dead,
            Self::Released { .. } => Transition::Released,
            Self::Failed(failure) if failure.permanent => Transition::Dead,
            Self::Failed(_) | Self::Snoozed { .. } | Self::Lost if attempt >= policy.attempts => {
                Transition::Dead
            }
            Self::Failed(_) | Self::Lost => {
                Transition::Retry { after: backoff(policy, attempt, jitter) }
            }
            Self::Snoozed { after, .. } => Transition::CountedSnooze {
                after: backoff(policy, attempt, jitter).max((*after).min(LONGEST_SNOOZE)),
            },
        }
    }

    /// Returns the error text that is stored for people to read.
    pub(crate) fn error(&self) -> Option<&str> {
        match self {
            Self::Failed(failure) => Some(&failure.text),
            Self::Lost => Some("the process that ran it died, or its lease expired"),
            Self::Released { releases } if *releases >= MAX_RELEASES => Some(RELEASED_TOO_OFTEN),
            Self::Snoozed { snoozes, reason, .. } if *snoozes > MAX_SNOOZES => Some(reason),
            Self::Succeeded
            | Self::Skipped
            | Self::Undecided { .. }
            | Self::Snoozed { .. }
            | Self::Cancelled
            | Self::Released { .. } => None,
        }
    }

    /// Returns what people should know of an attempt that does not count.
    pub(crate) fn note(&self) -> Option<&str> {
        match self {
            Self::Snoozed { snoozes, reason, .. } if *snoozes <= MAX_SNOOZES => Some(reason),
            _ => None,
        }
    }
}

/// The shortest and the longest time until an undecided delivery is looked at again.
const WAIT: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(5 * 60));

/// The longest time that a delivery waits because somebody else says so.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

/// Returns the time until an undecided delivery is looked at again. Doubles with each time in a row.
fn wait(waits: u32, at_least: Duration, jitter: f64) -> Duration {
    spread(WAIT, waits, jitter).max(at_least.min(LONGEST_WAIT))
}

/// Returns the time until the next attempt. Doubles from the shortest to the longest backoff, and is spread
/// over the upper half, so that deliveries that failed together are not retried together.
fn backoff(policy: &Policy, attempt: u32, jitter: f64) -> Duration {
    let longest = policy.longest_backoff.max(policy.shortest_backoff);
    spread((policy.shortest_backoff, longest), attempt, jitter)
}

fn spread((shortest, longest): (Duration, Duration), attempt: u32, jitter: f64) -> Duration {
    let doublings = attempt.saturating_sub(1).min(31);
    let whole = shortest.saturating_mul(1 << doublings).min(longest);
    whole.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::state::State;

    const POLICY: Policy = Policy::DEFAULT.attempts(3).backoff(10_000, 60_000);

    fn failed(permanent: bool) -> AttemptOutcome {
        AttemptOutcome::Failed(TaskFailure {
            text: "busy".to_owned(),
            permanent,
            retry_after: None,
        })
    }

    #[test]
    fn a_failed_attempt_is_retried_with_backoff_until_the_last_one() {
        let later = |seconds| Transition::Retry { after: Duration::from_secs(seconds) };
        assert_eq!(failed(false).transition(&POLICY, 1, 1.0), later(10));
        assert_eq!(failed(false).transition(&POLICY, 2, 1.0), later(20));
        assert_eq!(failed(false).transition(&POLICY, 3, 1.0), Transition::Dead);
        assert_eq!(AttemptOutcome::Lost.transition(&POLICY, 2, 0.0), later(10));
        assert_eq!(AttemptOutcome::Lost.transition(&POLICY, 3, 0.0), Transition::Dead);
    }

    #[test]
    fn a_permanent_error_is_not_retried() {
        assert_eq!(failed(true).transition(&POLICY, 1, 1.0), Transition::Dead);
    }

    #[test]
    fn a_release_does_not_count_as_an_attempt_up_to_the_maximum() {
        let released = |releases| AttemptOutcome::Released { releases };
        for releases in 1..MAX_RELEASES {
            assert_eq!(released(releases).transition(&POLICY, 3, 1.0), Transition::Released);
            assert_eq!(released(releases).error(), None);
        }
        assert_eq!(Transition::Released.state(), State::Queued);
        assert_eq!(released(MAX_RELEASES).transition(&POLICY, 1, 1.0), Transition::Dead);
        assert!(RELEASED_TOO_OFTEN.contains(&MAX_RELEASES.to_string()));
        assert_eq!(released(MAX_RELEASES).error(), Some(RELEASED_TOO_OFTEN));
    }

    #[test]
    fn an_undecided_delivery_waits_however_often_without_an_error() {
        let undecided = |waits, at_least| AttemptOutcome::Undecided {
            waits,
            at_least: Duration::from_secs(at_least),
        };
        for (waits, at_least, after) in [
            (1, 0, 5),
            (2, 0, 10),
            (7, 0, 300),
            (u32::MAX, 0, 300),
            (1, 60, 60),
            (7, 60, 300),
            (1, 86_400, 3600),
        ] {
            let outcome = undecided(waits, at_least);
            let after = Duration::from_secs(after);
            // Also at the last attempt.
            assert_eq!(outcome.transition(&POLICY, 3, 1.0), Transition::Wait { after });
            assert_eq!(outcome.error(), None);
        }
        assert_eq!(Transition::Wait { after: Duration::ZERO }.state(), State::Queued);
    }

    #[test]
    fn a_snooze_does_not_count_until_there_were_too_many() {
        let snoozed = |snoozes, seconds| AttemptOutcome::Snoozed {
            snoozes,
            after: Duration::from_secs(seconds),
            reason: "429".to_owned(),
        };
        let month = LONGEST_SNOOZE.as_secs();
        for (asked, after) in
            [(0, 0), (60, 60), (month, month), (365 * 24 * 60 * 60, month), (u64::MAX, month)]
        {
            for snoozes in [1, MAX_SNOOZES] {
                let outcome = snoozed(snoozes, asked);
                let after = Duration::from_secs(after);
                // Also at the last attempt.
                assert_eq!(outcome.transition(&POLICY, 3, 1.0), Transition::Snooze { after });
                assert_eq!((outcome.error(), outcome.note()), (None, Some("429")));
            }
            for snoozes in [MAX_SNOOZES + 1, u32::MAX] {
                let outcome = snoozed(snoozes, asked);
                // Not before the backoff of an attempt that counts.
                let after = Duration::from_secs(after.max(10));
                assert_eq!(
                    outcome.transition(&POLICY, 1, 1.0),
                    Transition::CountedSnooze { after }
                );
                assert_eq!(outcome.transition(&POLICY, 3, 1.0), Transition::Dead);
                assert_eq!((outcome.error(), outcome.note()), (Some("429"), None));
            }
        }
        let after = Duration::ZERO;
        assert_eq!(Transition::CountedSnooze { after }.state(), State::Queued);
    }

    #[test]
    fn a_skipped_attempt_ends_the_delivery() {
        assert_eq!(AttemptOutcome::Skipped.transition(&POLICY, 3, 1.0), Transition::Skipped);
        assert_eq!(AttemptOutcome::Skipped.error(), None);
    }

    #[test]
    fn the_backoff_stays_within_its_bounds() {
        for attempt in [1, 2, 5, 40, u32::MAX] {
            for jitter in [0.0, 0.5, 1.0] {
                let wait = backoff(&POLICY, attempt, jitter);
                assert!(wait >= Duration::from_secs(5) && wait <= Duration::from_secs(60));
            }
        }
    }
}

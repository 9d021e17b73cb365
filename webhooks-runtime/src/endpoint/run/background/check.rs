//! The rule for what decides before each attempt whether to call the function.

use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::task::BackgroundTask;

/// Decides before each attempt whether to call the function. What the decision needs may have to be asked of another
/// server.
pub(crate) trait AttemptCheck: fmt::Debug + Send + Sync {
    fn decide<'a>(&'a self, task: &'a BackgroundTask) -> BoxFuture<'a, AttemptDecision>;
}

/// The decision about an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AttemptDecision {
    /// The function is called.
    Run {
        /// What people should know of the attempt, such as the files that match.
        note: Option<String>,
    },
    /// The delivery is not for the function, and is done.
    Skip {
        /// The reason, as in the response to a delivery that is skipped.
        reason: String,
    },
    /// It cannot be decided yet. The attempt does not count, and the decision is asked for again later.
    Wait {
        /// The reason.
        reason: String,
        /// When it makes no sense to ask again sooner.
        at_least: Duration,
    },
}

//! Functions that run in the background: after their delivery was accepted, without its request.
//!
//! - `policy` is how deliveries are run, the options of `background(…)`, and `key` what groups them
//! - `task` is one run of a function
//! - `checked_body` is a body in which the arguments are looked for, before its delivery is stored
//! - `check` is the rule for what decides before each attempt whether to call the function
//! - `arg` is the rule for arguments, and `kind` finds it for an argument of the attribute
//! - `reply` is the rule for returned values, and finds it as well
//! - `future` makes the future that runs the function
//! - `words` describes how deliveries of one key are run
//!
//! The future runs on the background's own threads, so it is `Send`.

mod arg;
mod check;
mod checked_body;
mod future;
mod key;
mod kind;
mod policy;
mod reply;
mod task;
mod words;

use std::fmt;

pub use arg::BackgroundArg;
pub(crate) use check::{AttemptCheck, AttemptDecision};
pub use checked_body::CheckedBody;
pub use future::{ArgTypes, OtherArgTypes, run_blocking};
pub(crate) use key::KeyError;
pub use key::{KeyFunction, KeySource};
pub use kind::{OtherBackgroundArg, missing_data};
pub use policy::{Latest, Policy};
pub use reply::BackgroundReply;
pub use task::{BackgroundTask, TaskFuture};
pub(crate) use task::{OnThread, TaskFailure};

use crate::endpoint::extract::body::BodyFaults;
pub use crate::endpoint::shared::SharedData;

/// A function that runs in the background, as the attribute registers it.
#[derive(Clone, Copy)]
pub struct BackgroundWork {
    pub(crate) policy: Policy,
    /// What groups the deliveries; `None` if nothing does.
    pub(crate) key: Option<KeySource>,
    /// Checks that all arguments can be read from a body.
    pub(crate) check: for<'a> fn(CheckedBody<'a>) -> Result<(), BodyFaults>,
    /// Returns the types of the data that the function takes and the server lacks.
    pub(crate) missing: fn(&SharedData) -> Vec<&'static str>,
    pub(crate) run: fn(BackgroundTask) -> TaskFuture,
}

impl BackgroundWork {
    /// For the attribute's expansion.
    #[doc(hidden)]
    #[must_use]
    pub const fn __new(
        policy: Policy,
        check: for<'a> fn(CheckedBody<'a>) -> Result<(), BodyFaults>,
        missing: fn(&SharedData) -> Vec<&'static str>,
        run: fn(BackgroundTask) -> TaskFuture,
    ) -> Self {
        Self { policy, key: None, check, missing, run }
    }

    /// Sets what groups the deliveries. For the attribute's expansion.
    #[doc(hidden)]
    #[must_use]
    pub const fn __key(self, key: KeySource) -> Self {
        Self { policy: self.policy.keyed(), key: Some(key), ..self }
    }

    /// Describes in words how deliveries of one key are run; `None` if they have no keys.
    pub(crate) fn key_words(&self) -> Option<String> {
        self.key.map(|key| words::words(key, &self.policy))
    }
}

impl fmt::Debug for BackgroundWork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackgroundWork").field("policy", &self.policy).finish_non_exhaustive()
    }
}

//! A `Hub` as an argument of a function. The server provides it: see `server/hub/`.

use super::Hub;
use crate::endpoint::background::{BackgroundTask, TaskFailure};
use crate::endpoint::call::{Call, Failure};
use crate::endpoint::extract::body_kind::BodyKind;
use crate::endpoint::extract::kind::Arg;
use crate::endpoint::{BackgroundArg, EndpointArg};

/// The error of a server without a client, which does not start with such a function.
const MISSING: &str = "the server has no `Hub`: add it with .hub(…)";

impl EndpointArg for Hub {
    async fn extract(call: &Call) -> Result<Self, Failure> {
        call.provided().cloned().ok_or_else(|| Failure::Function(MISSING.into()))
    }

    fn is_hub() -> bool {
        true
    }
}

impl BackgroundArg for Hub {
    fn extract(task: &BackgroundTask) -> Result<Self, TaskFailure> {
        let failure =
            || TaskFailure { text: MISSING.to_owned(), permanent: false, retry_after: None };
        task.shared.provided().cloned().ok_or_else(failure)
    }
}

impl Arg<Hub> {
    /// Returns `true`.
    #[must_use]
    pub fn takes_hub(self) -> bool {
        true
    }

    /// Returns that it reads nothing of the body.
    #[must_use]
    pub fn body_kind(self) -> BodyKind {
        BodyKind::Unread
    }
}

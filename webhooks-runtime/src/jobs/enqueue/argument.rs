//! A [`DeliveryStore`] as an argument of a function. The server provides it.

use super::DeliveryStore;
use crate::endpoint::background::{BackgroundTask, TaskFailure};
use crate::endpoint::call::{Call, Failure};
use crate::endpoint::extract::body_kind::BodyKind;
use crate::endpoint::extract::kind::Arg;
use crate::endpoint::{BackgroundArg, EndpointArg};

impl EndpointArg for DeliveryStore {
    async fn extract(call: &Call) -> Result<Self, Failure> {
        Ok(call.provided().cloned().unwrap_or_else(Self::closed))
    }
}

impl BackgroundArg for DeliveryStore {
    fn extract(task: &BackgroundTask) -> Result<Self, TaskFailure> {
        Ok(task.shared.provided().cloned().unwrap_or_else(Self::closed))
    }
}

impl Arg<DeliveryStore> {
    /// Returns that it reads nothing of the body.
    #[must_use]
    pub fn body_kind(self) -> BodyKind {
        BodyKind::Unread
    }
}

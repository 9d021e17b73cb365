//! Defines a call of `enqueue`, and checks its payload.

use std::fmt;

use actix_web::web::Bytes;
use serde::Serialize;

use super::EnqueueError;
use crate::endpoint::background::{BackgroundWork, CheckedBody};
use crate::endpoint::extract::body::BodyFaults;
use crate::jobs::delivery::DeliveryKey;
use crate::jobs::key::KeyFailure;
use crate::payload::replace_unpaired_surrogates;

/// A call of `enqueue`: the function, and the payload as JSON.
pub struct EnqueueRequest {
    path: &'static str,
    background: BackgroundWork,
    body: Result<Bytes, serde_json::Error>,
}

/// A delivery of the program itself, whose function can read its body.
pub(crate) struct EnqueuedDelivery {
    /// The endpoint's path.
    pub(crate) path: &'static str,
    pub(crate) background: BackgroundWork,
    pub(crate) body: Bytes,
    /// Its key, if its endpoint has keys.
    pub(crate) key: Option<DeliveryKey>,
}

impl EnqueueRequest {
    /// For the attribute's expansion.
    #[doc(hidden)]
    #[must_use]
    #[allow(
        clippy::needless_pass_by_value,
        reason = "the caller has no use for the payload afterwards"
    )]
    pub fn __new(path: &'static str, background: BackgroundWork, payload: impl Serialize) -> Self {
        // As that of a request.
        let body = serde_json::to_vec(&payload)
            .map(|body| replace_unpaired_surrogates(&body).unwrap_or(body).into());
        Self { path, background, body }
    }

    /// Returns the endpoint's path.
    pub(crate) fn path(&self) -> &'static str {
        self.path
    }

    /// Checks the payload as the body of a request is checked.
    ///
    /// # Errors
    ///
    /// When the function would not get it.
    pub(crate) fn check(self) -> Result<EnqueuedDelivery, EnqueueError> {
        let Self { path, background, body } = self;
        let body = body.map_err(EnqueueError::Payload)?;
        let rejected = |faults: BodyFaults| EnqueueError::Rejected {
            path: path.to_owned(),
            faults: faults.to_string(),
        };
        (background.check)(CheckedBody::made(&body)).map_err(rejected)?;
        let unknown = |reason| EnqueueError::Key { path: path.to_owned(), reason };
        let key = DeliveryKey::of(&background, &body, None).map_err(|failure| match failure {
            KeyFailure::Unreadable(faults) => rejected(faults),
            KeyFailure::TooLong(length) => unknown(format!("it has {length} bytes, at most 1000")),
            KeyFailure::Panicked(panic) => {
                unknown(format!("its function panicked: {}", panic.text()))
            }
        })?;
        Ok(EnqueuedDelivery { path, background, body, key })
    }
}

impl fmt::Debug for EnqueueRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the payload, which may be private.
        f.debug_struct("EnqueueRequest").field("path", &self.path).finish_non_exhaustive()
    }
}

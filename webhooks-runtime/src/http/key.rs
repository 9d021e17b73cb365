//! Finds the key of a background delivery, or the outcome of one whose key is unknown.

use actix_web::http::StatusCode;

use super::outcome::Outcome;
use super::rejection::Rejection;
use super::respond::body_rejected;
use crate::endpoint::background::BackgroundWork;
use crate::endpoint::call::{Call, DELIVERY};
use crate::jobs::{DeliveryKey, KeyFailure};

/// Returns the key of a delivery; `None` if its endpoint has no keys.
///
/// # Errors
///
/// Returns the outcome of a delivery whose body is invalid or lacks what the key needs, and of one that the program's
/// own function has no key for. It is boxed, so that it does not enlarge the future of every request.
pub(super) fn key_of(
    background: &BackgroundWork,
    call: &Call,
) -> Result<Option<DeliveryKey>, Box<Outcome>> {
    let parsed = background.key.and_then(|_| call.take_parsed());
    DeliveryKey::of(background, &call.body, parsed).map_err(|failure| Box::new(unknown(failure)))
}

/// Returns the outcome of a delivery whose key is unknown.
fn unknown(failure: KeyFailure) -> Outcome {
    match failure {
        KeyFailure::Unreadable(faults) => body_rejected(faults),
        KeyFailure::TooLong(length) => {
            tracing::error!(
                target: DELIVERY,
                length,
                "the key of this delivery is longer than 1000 bytes, so it was not accepted"
            );
            failed("the key is longer than 1000 bytes".to_owned())
        }
        KeyFailure::Panicked(panic) => {
            let (text, location) = (panic.text(), panic.location());
            tracing::error!(
                target: DELIVERY,
                panic = text,
                location,
                "the function for the key of this delivery panicked, so it was not accepted"
            );
            failed(text.to_owned())
        }
    }
}

fn failed(cause: String) -> Outcome {
    let text = "The key of this delivery is unknown. See the server's log for the cause.";
    let rejection = Rejection::new(StatusCode::INTERNAL_SERVER_ERROR, text);
    Outcome::failed(rejection.outcome().response, Some(cause))
}

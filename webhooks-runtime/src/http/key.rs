//! Finds the key of a background delivery: what groups it with others of its endpoint.

use actix_web::http::StatusCode;

use super::outcome::Outcome;
use super::rejection::Rejection;
use super::respond::body_rejected;
use crate::endpoint::background::{BackgroundWork, KeyError, KeySource};
use crate::endpoint::call::{Call, DELIVERY};
use crate::endpoint::extract::body::{BodyFault, parse_payload};
use crate::endpoint::panic::caught;
use crate::jobs::DeliveryKey;
use crate::payload::{MergeScope, TolerantPayload, changes_length};

/// Returns the key of a delivery; `None` if its endpoint has no keys. The function may take other types, but its key
/// needs the payload.
///
/// # Errors
///
/// Returns the outcome of a delivery whose body is invalid or lacks what the key needs, and of one that the program's
/// own function has no key for. It is boxed, so that it does not enlarge the future of every request.
pub(super) fn key_of(
    background: &BackgroundWork,
    call: &Call,
) -> Result<Option<DeliveryKey>, Box<Outcome>> {
    let Some(key) = background.key else {
        return Ok(None);
    };
    let parsed = match call.take_parsed() {
        Some(parsed) => parsed,
        None => match parse_payload(&call.body) {
            Ok(parsed) => Box::new(parsed),
            Err(faults) => return Err(Box::new(body_rejected(faults))),
        },
    };
    let text = text_of(key, &parsed)?;
    let merge = match key {
        _ if !background.policy.supersedes() => None,
        KeySource::Repo | KeySource::Discussion | KeySource::Ref => MergeScope::of(&parsed.payload),
        KeySource::Function(_) => MergeScope::of_one_repo(&parsed.payload),
    };
    let merge_bytes = merge.as_ref().map_or(0, |_| changes_length(&call.body));
    let merge_bytes = u32::try_from(merge_bytes).unwrap_or(u32::MAX);
    Ok(Some(DeliveryKey { text, merge, merge_bytes }))
}

fn text_of(key: KeySource, delivery: &TolerantPayload) -> Result<String, Box<Outcome>> {
    match caught(|| key.of(delivery)) {
        Ok(Ok(text)) => Ok(text),
        Ok(Err(KeyError::Dropped(path))) => {
            Err(Box::new(body_rejected(BodyFault::unreadable_for_key(path).into())))
        }
        Ok(Err(KeyError::TooLong(length))) => {
            tracing::error!(
                target: DELIVERY,
                length,
                "the key of this delivery is longer than 1000 bytes, so it was not accepted"
            );
            Err(failed("the key is longer than 1000 bytes".to_owned()))
        }
        Err(panic) => {
            let (text, location) = (panic.text(), panic.location());
            tracing::error!(
                target: DELIVERY,
                panic = text,
                location,
                "the function for the key of this delivery panicked, so it was not accepted"
            );
            Err(failed(text.to_owned()))
        }
    }
}

fn failed(cause: String) -> Box<Outcome> {
    let text = "The key of this delivery is unknown. See the server's log for the cause.";
    let rejection = Rejection::new(StatusCode::INTERNAL_SERVER_ERROR, text);
    Box::new(Outcome::failed(rejection.outcome().response, Some(cause)))
}

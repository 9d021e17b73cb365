//! Skips a delivery that does not match its endpoint's filter.

use std::sync::Arc;

use actix_web::HttpResponse;
use serde::Serialize;

use super::outcome::Outcome;
use super::respond::body_rejected;
use crate::endpoint::extract::body::{BodyFault, parse_payload};
use crate::endpoint::filter::{Conditions, Verdict};
use crate::payload::{FieldPath, TolerantPayload};

/// The body of the response to a skipped delivery.
#[derive(Serialize)]
pub(super) struct SkippedBody<'a> {
    pub(super) skipped: &'a str,
}

/// Parses the payload of a delivery that matches the filter. The function may read other types, but the filter needs
/// the payload. Both results are boxed, so that they do not enlarge the future of every request.
///
/// # Errors
///
/// Returns the outcome of a delivery that does not match, or whose body is invalid or lacks what the filter needs.
pub(super) fn parse_matching(
    filter: &Conditions,
    body: &[u8],
) -> Result<Box<TolerantPayload>, Box<Outcome>> {
    let read = parse_payload(body).map_err(|faults| Box::new(body_rejected(faults)))?;
    let outcome = match filter.evaluate(&read.payload, &read.deviations) {
        Verdict::Match => return Ok(Box::new(read)),
        Verdict::Skip(reason) => skipped(reason),
        Verdict::Unknown(path) => unreadable(path),
    };
    Err(Box::new(outcome))
}

/// Returns the outcome of a delivery that the function is not for.
pub(super) fn skipped(reason: Arc<str>) -> Outcome {
    let response = HttpResponse::Ok().json(SkippedBody { skipped: &reason });
    Outcome::skipped(response, reason)
}

/// Returns the outcome of a delivery that may match. A skip would lose it.
pub(super) fn unreadable(path: FieldPath) -> Outcome {
    body_rejected(BodyFault::unreadable_for_filter(path).into())
}

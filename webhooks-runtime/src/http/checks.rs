//! Decides whether a delivery that has arrived reaches the function of its endpoint: by the filter, and then by the
//! checks.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER};

use super::filter::{parse_matching, skipped, unreadable};
use super::guarded::GuardedRoute;
use super::outcome::Outcome;
use super::rejection::Rejection;
use crate::endpoint::Work;
use crate::endpoint::checks::{Checks, Decision, Stage, Undetermined};
use crate::endpoint::extract::body::parse_payload;
use crate::endpoint::registry::Route;
use crate::payload::TolerantPayload;

/// Returns the payload of a delivery that the function is for, if the filter or a check needed it.
///
/// # Errors
///
/// Returns the outcome of a delivery that is skipped, that lacks what the filter or a check needs, or whose check
/// cannot be decided now.
pub(super) async fn admit(
    guarded: &GuardedRoute,
    body: &[u8],
) -> Result<Option<Box<TolerantPayload>>, Box<Outcome>> {
    let parsed = match &guarded.filter {
        None => None,
        Some(filter) => Some(parse_matching(filter, body)?),
    };
    match &guarded.checks {
        None => Ok(parsed),
        // Boxed, so that it does not enlarge the future of every request.
        Some(checks) => Box::pin(check(checks, &guarded.route, parsed, body)).await,
    }
}

/// Checks a delivery. A body that is not the Hub's payload is none of its events: the function's arguments decide about
/// it. A check that cannot be decided now is repeated before a background function.
async fn check(
    checks: &Checks,
    route: &Route,
    parsed: Option<Box<TolerantPayload>>,
    body: &[u8],
) -> Result<Option<Box<TolerantPayload>>, Box<Outcome>> {
    let Some(delivery) = parsed.or_else(|| parse_payload(body).ok().map(Box::new)) else {
        return Ok(None);
    };
    let outcome = match checks.check(&delivery, Stage::Arrival).await {
        Decision::Run(_) => return Ok(Some(delivery)),
        Decision::Wait(undetermined) => match route.work {
            Work::Background(_) => return Ok(Some(delivery)),
            Work::Inline(_) => later(&undetermined),
        },
        Decision::Skip(reason) => skipped(reason),
        Decision::Unknown(path) => unreadable(path),
    };
    Err(Box::new(outcome))
}

/// Returns the outcome that asks the sender to send the delivery again. The cause is only in the log.
fn later(undetermined: &Undetermined) -> Outcome {
    let text = "The server cannot check this delivery at the moment. Send it again later.";
    let mut response = Rejection::new(StatusCode::SERVICE_UNAVAILABLE, text).outcome().response;
    let seconds = undetermined.retry_after.as_secs().max(1);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    Outcome::rejected(response, undetermined.reason.clone())
}

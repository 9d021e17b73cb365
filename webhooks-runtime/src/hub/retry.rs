//! Sends a request again when that is safe and may help.
//!
//! - 429: the Hub did not process the request, so any request is sent again, after the time that the Hub names.
//! - No connection: the Hub did not get the request, so any request is sent again.
//! - 502, 503, 504, and a connection that was lost: the Hub may have processed the request, so only an idempotent
//!   request is sent again.

use std::time::Duration;

use ureq::http::HeaderMap;

use super::transport::{ApiRequest, ApiResponse, FailureKind, Transport, TransportError};

/// How often a request is sent again.
const MOST_RETRIES: u32 = 3;

/// The time that the retries of a call may wait in total. A delivery has 30 s.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The wait before the first retry. It doubles with each retry.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// Sends a request, and sends it again while that may help.
pub(super) async fn send(
    transport: &dyn Transport,
    request: &ApiRequest,
) -> Result<ApiResponse, TransportError> {
    let mut waited = Duration::ZERO;
    let mut retries = 0;
    loop {
        let outcome = transport.send(request.clone()).await;
        let wait = wait_before_retry(&outcome, request.idempotent, retries);
        match wait.filter(|wait| retries < MOST_RETRIES && waited + *wait <= LONGEST_WAIT) {
            Some(wait) => {
                tracing::debug!(call = request.call(), ?wait, "calling the Hub again");
                transport.wait(wait).await;
                waited += wait;
                retries += 1;
            }
            None => return outcome,
        }
    }
}

/// Returns how long to wait before a request is sent again; `None` if it must not be.
fn wait_before_retry(
    outcome: &Result<ApiResponse, TransportError>,
    idempotent: bool,
    retries: u32,
) -> Option<Duration> {
    let backoff = FIRST_WAIT * 2_u32.pow(retries.min(8));
    // So that the replicas of a program do not call at the same time.
    let jitter = |wait: Duration| wait + wait.mul_f64(fastrand::f64() / 2.0);
    match outcome {
        Ok(response) => match response.status {
            // At the named second, the Hub may still count the last one.
            429 => Some(wait_of(&response.headers).map_or_else(
                || jitter(backoff),
                |wait| wait + FIRST_WAIT.mul_f64(1.0 + fastrand::f64()),
            )),
            502..=504 if idempotent => {
                Some(wait_of(&response.headers).unwrap_or_else(|| jitter(backoff)))
            }
            _ => None,
        },
        Err(error) => match error.kind {
            FailureKind::NotSent => Some(jitter(backoff)),
            FailureKind::Lost if idempotent => Some(jitter(backoff)),
            FailureKind::Lost | FailureKind::Final => None,
        },
    }
}

/// Returns how long the Hub asks to wait: the `t` of `RateLimit: "api";r=0;t=55`, or the seconds of `Retry-After`.
pub(super) fn wait_of(headers: &HeaderMap) -> Option<Duration> {
    let header = |name| headers.get(name)?.to_str().ok();
    let reset = header("ratelimit").and_then(|text| {
        let mut parameters = text.split(';').map(str::trim);
        let exhausted = parameters.clone().any(|parameter| parameter == "r=0");
        let reset = parameters.find_map(|parameter| parameter.strip_prefix("t="));
        // Responses other than 429 have the header, too.
        reset.filter(|_| exhausted)
    });
    let seconds = reset.or_else(|| header("retry-after"))?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

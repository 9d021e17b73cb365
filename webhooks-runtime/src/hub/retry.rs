//! Sends a request again when that is safe and may help.
//!
//! - 429: the Hub did not process the request, so any request is sent again, after the time that the Hub names.
//! - No connection: the Hub did not get the request, so any request is sent again.
//! - 502, 503, 504, and a connection that was lost: the Hub may have processed the request, so only an idempotent
//!   request is sent again.

use std::time::Duration;

use ureq::http::HeaderMap;

use super::transport::{ApiRequest, ApiResponse, FailureKind, Transport, TransportError};
use crate::random;

/// How often a request is sent again.
const MOST_RETRIES: u32 = 3;

/// The time that the retries of a call may wait in total. A delivery has 30 s.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The longest wait that the Hub can name. A longer one is a mistake, with which others could not calculate.
const LONGEST_NAMED_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

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
        match wait
            .filter(|wait| retries < MOST_RETRIES && waited.saturating_add(*wait) <= LONGEST_WAIT)
        {
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
    let jitter = |wait: Duration| wait + wait.mul_f64(random::fraction() / 2.0);
    match outcome {
        Ok(response) => match response.status {
            // At the named second, the Hub may still count the last one.
            429 => Some(wait_of(&response.headers).map_or_else(
                || jitter(backoff),
                |wait| wait.saturating_add(FIRST_WAIT.mul_f64(1.0 + random::fraction())),
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
    let wait = seconds.trim().parse().ok().map(Duration::from_secs)?;
    Some(wait.min(LONGEST_NAMED_WAIT))
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use actix_web::web::Bytes;
    use futures_util::future::{BoxFuture, ready};
    use ureq::http::{HeaderName, HeaderValue, Method};

    use super::*;
    use crate::hub::transport::CallLimits;

    type Outcome = Result<ApiResponse, TransportError>;

    /// A way to a Hub that responds with prepared outcomes, and the last one again and again.
    #[derive(Default)]
    struct Scripted {
        outcomes: Mutex<VecDeque<Outcome>>,
        sent: Mutex<usize>,
        waits: Mutex<Vec<Duration>>,
    }

    impl Transport for Scripted {
        fn send(&self, _request: ApiRequest) -> BoxFuture<'_, Outcome> {
            *self.sent.lock().unwrap() += 1;
            let mut outcomes = self.outcomes.lock().unwrap();
            let last = outcomes.len() == 1;
            let outcome = if last { outcomes[0].clone() } else { outcomes.pop_front().unwrap() };
            Box::pin(ready(outcome))
        }

        fn wait(&self, duration: Duration) -> BoxFuture<'_, ()> {
            self.waits.lock().unwrap().push(duration);
            Box::pin(ready(()))
        }
    }

    fn status(status: u16, header: Option<(&'static str, &'static str)>) -> Outcome {
        let header = header
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        Ok(ApiResponse { status, headers: header.into_iter().collect(), body: Bytes::new() })
    }

    fn failed(kind: FailureKind) -> Outcome {
        Err(TransportError { kind, reason: String::new() })
    }

    /// Sends a request, and returns the last outcome, how often it was sent, and the waits in seconds.
    async fn attempts(idempotent: bool, outcomes: Vec<Outcome>) -> (Outcome, usize, Vec<f64>) {
        let scripted = Scripted { outcomes: Mutex::new(outcomes.into()), ..Scripted::default() };
        let request = ApiRequest {
            method: Method::GET,
            path: "/".to_owned(),
            query: Vec::new(),
            body: None,
            limits: CallLimits::CALL,
            idempotent,
            by_server: false,
        };
        let outcome = send(&scripted, &request).await;
        let waits = scripted.waits.into_inner().unwrap();
        let waits = waits.iter().map(Duration::as_secs_f64).collect();
        (outcome, scripted.sent.into_inner().unwrap(), waits)
    }

    #[tokio::test]
    async fn what_the_hub_may_have_processed_is_repeated_only_when_idempotent() {
        for (outcome, idempotent, expected) in [
            (status(503, None), true, 4),
            (status(502, None), true, 4),
            (status(504, None), true, 4),
            (failed(FailureKind::Lost), true, 4),
            (status(503, None), false, 1),
            (failed(FailureKind::Lost), false, 1),
            (failed(FailureKind::NotSent), false, 4),
            (failed(FailureKind::Final), true, 1),
            (status(500, None), true, 1),
            (status(404, None), true, 1),
            (status(200, None), true, 1),
            (status(429, None), false, 4),
        ] {
            let shown = format!("{outcome:?} {idempotent}");
            assert_eq!(attempts(idempotent, vec![outcome]).await.1, expected, "{shown}");
        }
    }

    #[tokio::test]
    async fn the_wait_doubles_and_varies() {
        let (_, _, waits) = attempts(true, vec![status(503, None)]).await;
        for (wait, least) in waits.iter().zip([0.5, 1.0, 2.0]) {
            assert!((least..=least * 1.5).contains(wait), "{waits:?}");
        }
        let (outcome, sent, _) = attempts(true, vec![status(503, None), status(200, None)]).await;
        assert_eq!((outcome.unwrap().status, sent), (200, 2));
    }

    #[tokio::test]
    async fn the_wait_that_the_hub_names_is_honored_up_to_half_a_minute_in_total() {
        let limited = |value| status(429, Some(("ratelimit", value)));
        let (outcome, sent, waits) =
            attempts(false, vec![limited("\"api\";r=0;t=12"), limited("\"api\";r=0;t=60")]).await;
        assert_eq!((outcome.unwrap().status, sent), (429, 2));
        assert!(waits.len() == 1 && (12.5..=13.0).contains(&waits[0]), "{waits:?}");

        let (_, sent, waits) = attempts(false, vec![limited("\"api\";r=0;t=12")]).await;
        assert_eq!((sent, waits.len()), (3, 2), "{waits:?}");
        let (_, sent, _) = attempts(false, vec![limited("\"api\";r=0;t=31")]).await;
        assert_eq!(sent, 1);
        let (_, sent, _) =
            attempts(false, vec![limited("\"api\";r=0;t=18446744073709551615")]).await;
        assert_eq!(sent, 1);
        let (_, sent, _) = attempts(
            false,
            vec![limited("\"api\";r=0;t=1"), limited("\"api\";r=0;t=18446744073709551615")],
        )
        .await;
        assert_eq!(sent, 2);
        let (_, _, waits) = attempts(true, vec![status(503, Some(("retry-after", "7")))]).await;
        assert_eq!(waits, [7.0; 3]);
    }

    #[test]
    fn the_wait_is_in_one_of_two_headers() {
        let wait = |name: &'static str, value: &'static str| {
            let header = (HeaderName::from_static(name), HeaderValue::from_static(value));
            wait_of(&HeaderMap::from_iter([header])).map(|wait| wait.as_secs())
        };
        assert_eq!(wait("ratelimit", "\"api\";r=0;t=55"), Some(55));
        assert_eq!(wait("ratelimit", "\"api\"; r=0; t=55"), Some(55));
        assert_eq!(wait("ratelimit", "\"api\";r=9;t=55"), None);
        assert_eq!(wait("ratelimit", "\"api\";r=0;t=soon"), None);
        assert_eq!(wait("retry-after", "3"), Some(3));
        assert_eq!(wait("retry-after", "18446744073709551615"), Some(24 * 60 * 60));
        assert_eq!(wait("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT"), None);
    }
}

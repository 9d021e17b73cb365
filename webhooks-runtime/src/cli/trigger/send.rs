//! Sends a delivery as the Hub does, and asks who is there before.

use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use ureq::http::header::{ALLOW, CONTENT_TYPE, HeaderValue, LOCATION};
use ureq::http::{StatusCode, Uri};
use ureq::{Agent, Error};
use uuid::Uuid;

use crate::endpoint::arg::WEBHOOK_ID;
use crate::server::SECRET;

/// As long as the Hub waits.
const LIMIT: Duration = Duration::from_secs(30);

/// How long a program may take to say whether it has an endpoint. It is on this machine.
const PROBE_LIMIT: Duration = Duration::from_secs(1);

/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: u64 = 16 * 1024 * 1024;

/// What the server answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// Where a redirect would lead.
    pub(super) location: Option<String>,
    pub(super) body: Vec<u8>,
    pub(super) took: Duration,
}

/// Why there is no answer. No text holds what was sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    #[error(
        "Nothing listens at {0}. Start the program in another terminal first, with `cargo run`, or \
         name a server that runs with --url."
    )]
    Refused(String),
    #[error(
        "No answer from {0} within 30 seconds. The Hub gives up after 30 seconds, too, and the delivery \
         has failed then."
    )]
    Late(String),
    #[error("Nothing could be sent to {url}: {source}.")]
    Failed { url: String, source: Box<Error> },
}

impl SendError {
    fn new(url: &str, error: Error) -> Self {
        let url = url.to_owned();
        match error {
            Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                Self::Refused(url)
            }
            Error::ConnectionFailed => Self::Refused(url),
            Error::Timeout(_) => Self::Late(url),
            error => Self::Failed { url, source: Box::new(error) },
        }
    }
}

/// Posts a delivery with an id of its own.
pub(super) fn post(url: &str, secret: Option<&[u8]>, body: &[u8]) -> Result<Answer, SendError> {
    let failed = |error| SendError::new(url, error);
    let mut request = agent(url, LIMIT)
        .post(url)
        .header(CONTENT_TYPE, "application/json")
        .header(WEBHOOK_ID.as_str(), Uuid::new_v4().to_string());
    if let Some(secret) = secret {
        let value = HeaderValue::from_bytes(secret);
        let mut value = value.map_err(|error| failed(Error::Http(error.into())))?;
        value.set_sensitive(true);
        request = request.header(SECRET.as_str(), value);
    }
    let started = Instant::now();
    let mut answer = request.send(body).map_err(failed)?;
    let location = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let (status, location) = (answer.status(), location.map(str::to_owned));
    let body = answer.body_mut().with_config().limit(LONGEST_ANSWER).read_to_vec();
    Ok(Answer { status, location, body: body.map_err(failed)?, took: started.elapsed() })
}

/// Whether there is an endpoint of webhooks at this URL, which takes POST requests and no others.
/// What is asked holds nothing that another program must not see.
pub(super) fn is_endpoint(url: &str) -> bool {
    let Ok(answer) = agent(url, PROBE_LIMIT).get(url).call() else { return false };
    let allowed = answer.headers().get(ALLOW).and_then(|allowed| allowed.to_str().ok());
    answer.status() == StatusCode::METHOD_NOT_ALLOWED
        && allowed.is_some_and(|allowed| allowed.eq_ignore_ascii_case("POST"))
}

/// A client that goes where it is told and nowhere else: a redirect would take the secret along.
fn agent(url: &str, limit: Duration) -> Agent {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(limit))
        .user_agent(concat!("webhooks-runtime/", env!("CARGO_PKG_VERSION")));
    if is_on_this_machine(url) {
        // A proxy's own loopback is another one.
        config = config.proxy(None);
    }
    config.build().into()
}

fn is_on_this_machine(url: &str) -> bool {
    let uri = url.parse::<Uri>().ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_by_its_loopback_names() {
        for url in ["http://127.0.0.1:7860/x", "http://localhost/x", "https://[::1]:1/x"] {
            assert!(is_on_this_machine(url), "{url}");
        }
        for url in ["http://10.0.0.1/x", "https://localhost.example/x", "https://me-bot.hf.space"] {
            assert!(!is_on_this_machine(url), "{url}");
        }
    }
}

//! Sends a delivery as the Hub does, and asks who is there before.

use std::io;
use std::time::{Duration, Instant};

use ureq::Error;
use ureq::http::StatusCode;
use ureq::http::header::{ALLOW, CONTENT_TYPE, HeaderValue, LOCATION};
use uuid::Uuid;

use crate::endpoint::call::WEBHOOK_ID;
use crate::http::authorize::SECRET;
use crate::network::{ClientError, HttpClient, HttpProxy};

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
    #[error("Nothing could be sent to {url}: {reason}.")]
    Failed { url: String, reason: String },
}

/// A server at a URL.
pub(super) struct Recipient<'a> {
    url: &'a str,
    client: HttpClient,
}

impl<'a> Recipient<'a> {
    pub(super) fn at(url: &'a str) -> Result<Self, SendError> {
        let client = client(url, LIMIT);
        let failed = |error: ClientError| SendError::Failed {
            url: url.to_owned(),
            reason: error.to_string(),
        };
        Ok(Self { url, client: client.map_err(failed)? })
    }

    /// Returns the proxy that leads there.
    pub(super) fn proxy(&self) -> Option<&HttpProxy> {
        self.client.proxy()
    }

    fn error(&self, error: &Error) -> SendError {
        let url = self.url.to_owned();
        let direct = self.proxy().is_none();
        match error {
            Error::Io(error) if direct && error.kind() == io::ErrorKind::ConnectionRefused => {
                SendError::Refused(url)
            }
            Error::ConnectionFailed if direct => SendError::Refused(url),
            Error::Timeout(_) => SendError::Late(url),
            error => SendError::Failed { url, reason: self.client.reason(error) },
        }
    }

    /// Posts a delivery with an id of its own.
    pub(super) fn post(&self, secret: Option<&[u8]>, body: &[u8]) -> Result<Answer, SendError> {
        let failed = |error: Error| self.error(&error);
        let mut request = self
            .client
            .agent()
            .post(self.url)
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
}

/// Whether there is an endpoint of webhooks at this URL, which takes POST requests and no others.
/// What is asked holds nothing that another program must not see.
pub(super) fn is_endpoint(url: &str) -> bool {
    let Ok(client) = client(url, PROBE_LIMIT) else { return false };
    let Ok(answer) = client.agent().get(url).call() else { return false };
    let allowed = answer.headers().get(ALLOW).and_then(|allowed| allowed.to_str().ok());
    answer.status() == StatusCode::METHOD_NOT_ALLOWED
        && allowed.is_some_and(|allowed| allowed.eq_ignore_ascii_case("POST"))
}

/// A client that goes where it is told and nowhere else: a redirect would take the secret along.
fn client(url: &str, limit: Duration) -> Result<HttpClient, ClientError> {
    HttpClient::new(url, limit, |config| config.http_status_as_error(false).max_redirects(0))
}

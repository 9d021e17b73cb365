//! Sends a delivery as the Hub does, and checks whether a URL is an endpoint.

use std::io;
use std::time::{Duration, Instant};

use ureq::Error;
use ureq::http::StatusCode;
use ureq::http::header::{ALLOW, CONTENT_TYPE, HeaderValue, LOCATION};
use uuid::Uuid;

use crate::endpoint::call::WEBHOOK_ID;
use crate::http::authorize::SECRET;
use crate::network::{ClientError, HttpClient, HttpProxy};

/// How long to wait for a response: as long as the Hub waits.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long to wait for the response to a probe, from a program on this machine.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// The largest response body that is read, in bytes.
const MAX_RESPONSE: u64 = 16 * 1024 * 1024;

/// The server's response to a delivery.
pub(super) struct TriggerResponse {
    pub(super) status: StatusCode,
    /// The target of a redirect.
    pub(super) location: Option<String>,
    pub(super) body: Vec<u8>,
    pub(super) duration: Duration,
}

/// The error of a delivery without a response. No text contains anything of the delivery.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    #[error(
        "Nothing listens at {0}. Start the server with `cargo run` in another terminal, or name a running \
         server with --url."
    )]
    NotListening(String),
    #[error(
        "No response from {0} within 30 seconds. The Hub also gives up after 30 seconds, and counts the \
         delivery as failed."
    )]
    TimedOut(String),
    #[error("Cannot send to {url}: {reason}.")]
    Failed { url: String, reason: String },
}

/// The endpoint at a URL.
pub(super) struct Recipient<'a> {
    url: &'a str,
    client: HttpClient,
}

impl<'a> Recipient<'a> {
    pub(super) fn at(url: &'a str) -> Result<Self, SendError> {
        let client = client(url, TIMEOUT);
        let failed = |error: ClientError| SendError::Failed {
            url: url.to_owned(),
            reason: error.to_string(),
        };
        Ok(Self { url, client: client.map_err(failed)? })
    }

    /// Returns the proxy that the request goes through.
    pub(super) fn proxy(&self) -> Option<&HttpProxy> {
        self.client.proxy()
    }

    fn error(&self, error: &Error) -> SendError {
        let url = self.url.to_owned();
        let direct = self.proxy().is_none();
        match error {
            Error::Io(error) if direct && error.kind() == io::ErrorKind::ConnectionRefused => {
                SendError::NotListening(url)
            }
            Error::ConnectionFailed if direct => SendError::NotListening(url),
            Error::Timeout(_) => SendError::TimedOut(url),
            error => SendError::Failed { url, reason: self.client.reason(error) },
        }
    }

    /// Posts a delivery with a new `Webhook-Id`.
    pub(super) fn post(
        &self,
        secret: Option<&[u8]>,
        body: &[u8],
    ) -> Result<TriggerResponse, SendError> {
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
        let mut response = request.send(body).map_err(failed)?;
        let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        let (status, location) = (response.status(), location.map(str::to_owned));
        let body = response.body_mut().with_config().limit(MAX_RESPONSE).read_to_vec();
        Ok(TriggerResponse {
            status,
            location,
            body: body.map_err(failed)?,
            duration: started.elapsed(),
        })
    }
}

/// Returns whether a webhook endpoint is at this URL: one that accepts only POST requests. The request contains
/// neither the secret nor the payload, because another program may receive it.
pub(super) fn is_endpoint(url: &str) -> bool {
    let Ok(client) = client(url, PROBE_TIMEOUT) else { return false };
    let Ok(response) = client.agent().get(url).call() else { return false };
    let allowed = response.headers().get(ALLOW).and_then(|allowed| allowed.to_str().ok());
    response.status() == StatusCode::METHOD_NOT_ALLOWED
        && allowed.is_some_and(|allowed| allowed.eq_ignore_ascii_case("POST"))
}

/// Returns a client that does not follow redirects, which would send the secret along.
fn client(url: &str, timeout: Duration) -> Result<HttpClient, ClientError> {
    HttpClient::new(url, timeout, |config| config.http_status_as_error(false).max_redirects(0))
}

//! Posts alerts with the HTTP client that the rest of the crate uses.

use std::sync::OnceLock;
use std::time::Duration;

use actix_web::http::Uri;

use crate::config::alert_url::AlertUrl;
use crate::network::{ClientError, HttpClient};

/// How long a post may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Posts alerts to one URL.
pub(super) struct AlertSender {
    url: AlertUrl,
    /// Created with the first post, because the certificates may be read from files.
    client: OnceLock<Result<HttpClient, ClientError>>,
}

impl AlertSender {
    pub(super) fn new(url: AlertUrl) -> Self {
        Self { url, client: OnceLock::new() }
    }

    /// Posts JSON. Blocks.
    ///
    /// # Errors
    ///
    /// Returns why it was not received, without any part of the URL.
    pub(super) fn post(&self, json: &[u8]) -> Result<(), String> {
        let client = self.client.get_or_init(|| {
            HttpClient::new(self.url.secret(), TIMEOUT, |config| {
                // Not to another server, which the program was not told of.
                config.max_redirects(0).http_status_as_error(false)
            })
        });
        let client = client.as_ref().map_err(ToString::to_string)?;
        let post = client.agent().post(self.url.secret());
        let sent = post.header("content-type", "application/json").send(json);
        let response = sent.map_err(|error| self.redacted(&client.reason(&error)))?;
        match response.status() {
            status if status.is_success() => Ok(()),
            status => Err(format!("it responded with status {}", status.as_u16())),
        }
    }

    /// Removes the URL and its host from a text. Some services have the secret in the name of the host.
    fn redacted(&self, reason: &str) -> String {
        let url = self.url.secret();
        let uri: Uri = url.parse().unwrap_or_default();
        let host = uri.host().unwrap_or_default();
        [url, host]
            .iter()
            .filter(|secret| !secret.is_empty())
            .fold(reason.to_owned(), |reason, secret| reason.replace(secret, "…"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_of_the_url_is_in_a_reason() {
        let sender = AlertSender::new("https://token.example.com/x".to_owned().into());
        let reason = "the proxy cannot reach token.example.com:443 for https://token.example.com/x";
        assert_eq!(sender.redacted(reason), "the proxy cannot reach …:443 for …");
    }

    #[test]
    fn a_receiver_that_cannot_be_reached_is_a_reason_without_its_url() {
        let sender = AlertSender::new("http://127.0.0.1:1/token".to_owned().into());
        let reason = sender.post(b"{}").unwrap_err();
        assert!(!reason.is_empty() && !reason.contains("token"), "{reason}");
    }
}

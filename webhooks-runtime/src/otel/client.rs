//! Sends the exporter's requests with the HTTP client that the rest of the crate uses. Called on the exporter's thread.

use std::fmt;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpError, Request, Response};

use super::settings::TraceSettings;
use crate::network::{ClientError, HttpClient};

/// The largest response that is read, in bytes.
const MAX_RESPONSE: u64 = 64 * 1024;

/// Sends spans to a collector.
pub(super) struct CollectorClient {
    settings: TraceSettings,
    /// Created with the first request, because the certificates may be read from files.
    client: OnceLock<Result<HttpClient, ClientError>>,
    /// Whether the last request failed.
    failing: AtomicBool,
}

impl CollectorClient {
    pub(super) fn new(settings: TraceSettings) -> Self {
        Self { settings, client: OnceLock::new(), failing: AtomicBool::new(false) }
    }

    /// Sends a request, and returns its response, or why there is none.
    fn send(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, String> {
        // So that no log of the client shows a token.
        request.headers_mut().values_mut().for_each(|value| value.set_sensitive(true));
        let TraceSettings { endpoint, timeout, roots, .. } = &self.settings;
        let client = self.client.get_or_init(|| {
            HttpClient::with_roots(endpoint, *timeout, roots.clone(), |config| {
                // Not to another server, which would get the headers.
                config.max_redirects(0).http_status_as_error(false)
            })
        });
        let client = client.as_ref().map_err(ToString::to_string)?;
        let reason = |error| client.reason(&error);
        let response = client.agent().run(request.map(Vec::from)).map_err(reason)?;
        let (head, mut body) = response.into_parts();
        let body = body.with_config().limit(MAX_RESPONSE).read_to_vec().map_err(reason)?;
        Ok(Response::from_parts(head, body.into()))
    }

    /// Logs that sending fails, or that it no longer does, once. No text of the request or of the response is logged.
    fn report(&self, failure: Option<&str>) {
        let was_failing = self.failing.swap(failure.is_some(), Ordering::Relaxed);
        let endpoint = &self.settings.shown;
        match failure {
            Some(reason) if !was_failing => {
                tracing::warn!(
                    endpoint,
                    reason,
                    "traces cannot be sent, and are dropped until they can"
                );
            }
            None if was_failing => tracing::info!(endpoint, "traces are sent again"),
            _ => {}
        }
    }
}

#[async_trait]
impl opentelemetry_http::HttpClient for CollectorClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sent = self.send(request);
        let failure = match &sent {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("status {}", response.status())),
            Err(reason) => Some(reason.clone()),
        };
        self.report(failure.as_deref());
        sent.map_err(|reason| io::Error::other(reason).into())
    }
}

impl fmt::Debug for CollectorClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CollectorClient({})", self.settings.shown)
    }
}

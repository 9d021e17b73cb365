//! Sends requests over the network.

use std::io::Read;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use ureq::http::header::{AUTHORIZATION, CONTENT_TYPE};
use ureq::http::{Method, Response};
use ureq::typestate::{WithBody, WithoutBody};
use ureq::{Body, RequestBuilder};
use url::Url;

use super::redirect::{MOST_REDIRECTS, target};
use super::this_thread::may_block;
use super::{ApiRequest, ApiResponse, FailureKind, Transport, TransportError};
use crate::hub::address::HubAddress;
use crate::hub::token::HubToken;
use crate::network::HttpClient;

/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The Hub at an address. The token goes to the address's origin, and to no other.
pub(in crate::hub) struct HttpTransport(Arc<HubConnection>);

struct HubConnection {
    address: HubAddress,
    token: HubToken,
    /// The client for the address, whose certificates are loaded when it is first used.
    client: OnceLock<HttpClient>,
}

impl HttpTransport {
    pub(in crate::hub) fn new(address: HubAddress, token: HubToken) -> Self {
        if address.is_unencrypted() {
            let address = address.as_str();
            tracing::warn!(
                address,
                "the token goes to the Hub unencrypted: use an address with https"
            );
        }
        Self(Arc::new(HubConnection { address, token, client: OnceLock::new() }))
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: ApiRequest) -> BoxFuture<'_, Result<ApiResponse, TransportError>> {
        let connection = Arc::clone(&self.0);
        Box::pin(async move {
            let runtime = Handle::try_current().ok().filter(|_| !may_block());
            let Some(runtime) = runtime else {
                // Another executor has no threads for blocking work, and `block_on` must not wait for one.
                return connection.exchange(&request);
            };
            let exchange = runtime.spawn_blocking(move || connection.exchange(&request));
            exchange.await.unwrap_or_else(|_| {
                Err(TransportError::last("the program is shutting down".to_owned()))
            })
        })
    }

    fn wait(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            match Handle::try_current() {
                Ok(_) => tokio::time::sleep(duration).await,
                Err(_) => std::thread::sleep(duration),
            }
        })
    }
}

impl HubConnection {
    /// Sends a request and follows redirects.
    fn exchange(&self, request: &ApiRequest) -> Result<ApiResponse, TransportError> {
        let mut url = self.url(request)?;
        for _ in 0..=MOST_REDIRECTS {
            let is_hub = self.address.has_origin_of(&url);
            let other;
            let client = if is_hub {
                self.client()?
            } else {
                other = client(&url)?;
                &other
            };
            let failed = |error: &ureq::Error| self.failure(&url, client, request, error);
            let mut response =
                self.send_once(client, &url, request, is_hub).map_err(|e| failed(&e))?;
            let has_body = request.body.is_some();
            let (status, headers) = (response.status(), response.headers());
            match target(&request.method, has_body, &url, status, headers) {
                Some(target) => url = target,
                None => return read(&mut response, request).map_err(|error| failed(&error)),
            }
        }
        Err(TransportError::last(format!("more than {MOST_REDIRECTS} redirects")))
    }

    fn url(&self, request: &ApiRequest) -> Result<Url, TransportError> {
        let url = Url::parse(&format!("{}{}", self.address.as_str(), request.path));
        let mut url =
            url.map_err(|error| TransportError::last(format!("its path is invalid: {error}")))?;
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        Ok(url)
    }

    fn client(&self) -> Result<&HttpClient, TransportError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let new = client(self.address.url())?;
        Ok(self.client.get_or_init(|| new))
    }

    fn send_once(
        &self,
        client: &HttpClient,
        url: &Url,
        request: &ApiRequest,
        is_hub: bool,
    ) -> Result<Response<Body>, ureq::Error> {
        let (agent, url) = (client.agent(), url.as_str());
        match request.method {
            Method::POST => self.send_with_body(agent.post(url), request, is_hub),
            Method::PUT => self.send_with_body(agent.put(url), request, is_hub),
            Method::PATCH => self.send_with_body(agent.patch(url), request, is_hub),
            Method::DELETE => self.send_maybe_with_body(agent.delete(url), request, is_hub),
            Method::HEAD => self.send_maybe_with_body(agent.head(url), request, is_hub),
            _ => self.send_maybe_with_body(agent.get(url), request, is_hub),
        }
    }

    fn send_maybe_with_body(
        &self,
        builder: RequestBuilder<WithoutBody>,
        request: &ApiRequest,
        is_hub: bool,
    ) -> Result<Response<Body>, ureq::Error> {
        if request.body.is_some() {
            return self.send_with_body(builder.force_send_body(), request, is_hub);
        }
        self.prepared(builder, request, is_hub).call()
    }

    fn send_with_body(
        &self,
        builder: RequestBuilder<WithBody>,
        request: &ApiRequest,
        is_hub: bool,
    ) -> Result<Response<Body>, ureq::Error> {
        let builder = self.prepared(builder, request, is_hub);
        match &request.body {
            Some(body) => builder.header(CONTENT_TYPE, body.content_type).send(&body.bytes[..]),
            None => builder.send_empty(),
        }
    }

    /// Sets the time limit and, for the Hub itself, the token.
    fn prepared<B>(
        &self,
        builder: RequestBuilder<B>,
        request: &ApiRequest,
        is_hub: bool,
    ) -> RequestBuilder<B> {
        let builder = builder.config().timeout_global(Some(request.limits.time)).build();
        match self.token.authorization().filter(|_| is_hub) {
            Some(authorization) => builder.header(AUTHORIZATION, authorization),
            None => builder,
        }
    }

    fn failure(
        &self,
        url: &Url,
        client: &HttpClient,
        request: &ApiRequest,
        error: &ureq::Error,
    ) -> TransportError {
        let advice = match request.idempotent {
            true => "retry later",
            false => "check whether the Hub has processed it before you retry",
        };
        let kind = FailureKind::of(error);
        let server = match self.address.has_origin_of(url) {
            true => self.address.as_str(),
            false => url.host_str().unwrap_or_default(),
        };
        let reason = client.reason(error);
        let reason = match (kind, error) {
            (_, ureq::Error::BodyExceedsLimit(limit)) => format!(
                "the response is larger than {} MB: load large files with the crate hf-hub",
                limit / (1024 * 1024)
            ),
            (FailureKind::NotSent, _) => format!(
                "{server} cannot be reached, {reason}: check the network, and HF_ENDPOINT if it is set"
            ),
            (FailureKind::Lost, _) => format!("no response from {server}, {reason}: {advice}"),
            (FailureKind::Final, ureq::Error::Timeout(_)) => {
                format!("no response from {server} within {:?}: {advice}", request.limits.time)
            }
            (FailureKind::Final, _) => format!("{server} cannot be called, {reason}"),
        };
        TransportError { kind, reason }
    }
}

/// Returns a client that leaves redirects to us.
fn client(url: &Url) -> Result<HttpClient, TransportError> {
    let client = HttpClient::new(url.as_str(), super::CallLimits::CALL.time, |config| {
        config.http_status_as_error(false).max_redirects(0).timeout_connect(Some(CONNECT_TIMEOUT))
    });
    client.map_err(|error| TransportError::last(error.to_string()))
}

fn read(response: &mut Response<Body>, request: &ApiRequest) -> Result<ApiResponse, ureq::Error> {
    let limited = response.body_mut().with_config().limit(request.limits.response);
    let body = if request.limits.partial {
        let mut body = Vec::new();
        // An error is the end of what came in time.
        let _ = limited.reader().read_to_end(&mut body);
        body
    } else {
        limited.read_to_vec()?
    };
    Ok(ApiResponse {
        status: response.status().as_u16(),
        headers: std::mem::take(response.headers_mut()),
        body: body.into(),
    })
}

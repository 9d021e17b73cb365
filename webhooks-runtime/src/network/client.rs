//! Sends HTTP requests to one URL.
//!
//! A client belongs to one URL because the proxy depends on it.

use std::time::Duration;

use ureq::Agent;
use ureq::config::ConfigBuilder;
use ureq::http::Uri;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::typestate::AgentScope;

use super::proxy::{HttpProxy, ProxyError};
use super::reason::http_reason;
use super::roots::{RootsError, roots};
use crate::config::environment::Environment;

/// Why a request cannot be sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    #[error(transparent)]
    Roots(#[from] RootsError),
}

/// A client for requests to one URL.
pub(crate) struct HttpClient {
    agent: Agent,
    proxy: Option<HttpProxy>,
    /// The host and port of the URL.
    target: String,
}

impl HttpClient {
    /// Returns a client whose requests take at most `limit`. `configure` adds further settings.
    pub(crate) fn new(
        url: &str,
        limit: Duration,
        configure: impl FnOnce(ConfigBuilder<AgentScope>) -> ConfigBuilder<AgentScope>,
    ) -> Result<Self, ClientError> {
        Self::with_roots(url, limit, None, configure)
    }

    /// The same with these root certificates instead of those of the environment, if there are any.
    pub(crate) fn with_roots(
        url: &str,
        limit: Duration,
        own_roots: Option<RootCerts>,
        configure: impl FnOnce(ConfigBuilder<AgentScope>) -> ConfigBuilder<AgentScope>,
    ) -> Result<Self, ClientError> {
        let uri: Uri = url.parse().unwrap_or_default();
        let encrypted = uri.scheme_str() == Some("https");
        let host = uri.host().unwrap_or_default();
        let proxy = HttpProxy::find(&Environment::default(), encrypted, host)?;
        let mut config = Agent::config_builder()
            .timeout_global(Some(limit))
            .user_agent(concat!("webhooks-runtime/", env!("CARGO_PKG_VERSION")))
            // Also set when it is `None`: ureq would otherwise look for a proxy by its own rules.
            .proxy(proxy.as_ref().map(HttpProxy::for_ureq));
        if encrypted {
            let roots = own_roots.map_or_else(roots, Ok)?;
            config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
        }
        let agent = configure(config).build().into();
        let port = uri.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
        Ok(Self { agent, proxy, target: format!("{host}:{port}") })
    }

    /// Returns the agent to send requests with.
    pub(crate) fn agent(&self) -> &Agent {
        &self.agent
    }

    /// Returns the proxy that requests go through.
    pub(crate) fn proxy(&self) -> Option<&HttpProxy> {
        self.proxy.as_ref()
    }

    /// Explains why a request failed.
    pub(crate) fn reason(&self, error: &ureq::Error) -> String {
        let proxy_error = self.proxy.as_ref().and_then(|proxy| proxy.explain(error, &self.target));
        proxy_error.map_or_else(|| http_reason(error), |error| error.to_string())
    }
}

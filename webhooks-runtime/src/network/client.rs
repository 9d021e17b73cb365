//! An HTTP client for one URL.

use std::time::Duration;

use ureq::Agent;
use ureq::config::ConfigBuilder;
use ureq::http::Uri;
use ureq::tls::TlsConfig;
use ureq::typestate::AgentScope;

use super::proxy::{HttpProxy, ProxyError};
use super::reason::http_reason;
use super::roots::{RootsError, roots};
use crate::environment::Environment;

/// Why a request cannot be sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    #[error(transparent)]
    Roots(#[from] RootsError),
}

/// A client for requests to one URL.
pub(crate) struct Client {
    agent: Agent,
    proxy: Option<HttpProxy>,
    /// The host and port of the URL.
    target: String,
}

impl Client {
    /// Returns a client whose requests may take as long as `limit`, with further settings.
    pub(crate) fn new(
        url: &str,
        limit: Duration,
        configure: impl FnOnce(ConfigBuilder<AgentScope>) -> ConfigBuilder<AgentScope>,
    ) -> Result<Self, ClientError> {
        let uri: Uri = url.parse().unwrap_or_default();
        let encrypted = uri.scheme_str() == Some("https");
        let host = uri.host().unwrap_or_default();
        let proxy = HttpProxy::find(&Environment::default(), encrypted, host)?;
        let mut config = Agent::config_builder()
            .timeout_global(Some(limit))
            .user_agent(concat!("webhooks-runtime/", env!("CARGO_PKG_VERSION")))
            // Also when there is none: ureq would look for one by rules of its own.
            .proxy(proxy.as_ref().map(HttpProxy::for_ureq));
        if encrypted {
            config = config.tls_config(TlsConfig::builder().root_certs(roots()?).build());
        }
        let agent = configure(config).build().into();
        let port = uri.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
        Ok(Self { agent, proxy, target: format!("{host}:{port}") })
    }

    pub(crate) fn agent(&self) -> &Agent {
        &self.agent
    }

    /// Returns the proxy that requests go through.
    pub(crate) fn proxy(&self) -> Option<&HttpProxy> {
        self.proxy.as_ref()
    }

    /// Says why a request failed.
    pub(crate) fn reason(&self, error: &ureq::Error) -> String {
        let of_proxy = self.proxy.as_ref().and_then(|proxy| proxy.explain(error, &self.target));
        of_proxy.map_or_else(|| http_reason(error), |error| error.to_string())
    }
}

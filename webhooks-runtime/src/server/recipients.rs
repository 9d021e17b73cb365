//! Resolves the endpoints of a server that runs in another process, so that `trigger` can send deliveries to them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::ports::url_host;
use super::prepare::{Mode, prepare};
use super::{LaunchError, WebhooksServer};
use crate::config::environment::Environment;
use crate::config::ports::Ports;
use crate::config::settings::{PartialSettings, Settings};
use crate::endpoint::filter::Conditions;
use crate::endpoint::registry::{self, Route};
use crate::http::dispatch::Dispatcher;

/// A server's endpoints, their secrets, and the address that the server listens on.
pub(crate) struct Recipients {
    /// Sorted by path.
    pub(crate) endpoints: Vec<Route>,
    settings: Settings,
    dispatcher: Arc<Dispatcher>,
    secret_in_code: bool,
}

impl Recipients {
    /// Resolves every setting like a server that starts with the same flags and variables, and with the same errors.
    pub(crate) fn of(
        mut server: WebhooksServer,
        flags: PartialSettings,
    ) -> Result<Self, LaunchError> {
        // This process calls no function, so their data need not exist.
        server.checks_data = false;
        let secret_in_code = server.secrets.is_some();
        let (endpoints, _) = registry::sort(server.endpoints.iter().cloned());
        let prepared = prepare(server, flags, Mode::Embedded, &Environment::default())?;
        let (settings, dispatcher) = (prepared.settings, prepared.dispatcher);
        Ok(Self { endpoints, settings, dispatcher, secret_in_code })
    }

    /// Returns a secret that the endpoint accepts, if it has one.
    pub(crate) fn secret_of(&self, endpoint: &Route) -> Option<&[u8]> {
        self.dispatcher.secret_of(&endpoint.path)
    }

    /// Returns the conditions of the endpoint's filter, if it has one.
    pub(crate) fn filter_of(&self, endpoint: &Route) -> Option<&Conditions> {
        self.dispatcher.filter_of(&endpoint.path)
    }

    /// Returns the variable that the endpoint's secret is read from; `None` if the secret is set in code.
    pub(crate) fn secret_variable(&self, endpoint: &Route) -> Option<&'static str> {
        endpoint.secret_env.or((!self.secret_in_code).then_some("WEBHOOK_SECRET"))
    }

    /// Returns the host to connect to, formatted for a URL. For a server that listens on all addresses, it is the
    /// loopback address.
    pub(crate) fn host(&self) -> String {
        url_host(&connectable(&self.settings.host))
    }

    /// Returns the ports that the server may be listening on.
    pub(crate) fn ports(&self) -> &Ports {
        &self.settings.ports
    }
}

fn connectable(host: &str) -> String {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse() {
        Ok(IpAddr::V4(Ipv4Addr::UNSPECIFIED)) => Ipv4Addr::LOCALHOST.to_string(),
        Ok(IpAddr::V6(Ipv6Addr::UNSPECIFIED)) => Ipv6Addr::LOCALHOST.to_string(),
        _ => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_all_addresses_is_called_at_the_loopback_address() {
        for (host, expected) in [
            ("0.0.0.0", "127.0.0.1"),
            ("::", "[::1]"),
            ("[::]", "[::1]"),
            ("::1", "[::1]"),
            ("localhost", "localhost"),
            ("10.0.0.3", "10.0.0.3"),
        ] {
            assert_eq!(url_host(&connectable(host)), expected, "{host}");
        }
    }
}

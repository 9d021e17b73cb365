//! The endpoints of a server that runs in another process, for this one to send them deliveries.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::ports::in_url;
use super::prepare::{Mode, prepare};
use super::{LaunchError, WebhooksServer};
use crate::config::environment::Environment;
use crate::config::settings::{PartialSettings, Ports, Settings};
use crate::endpoint::registry::{self, Route};
use crate::http::dispatch::Dispatcher;

/// A server's endpoints, the secrets that they ask for, and where they would listen.
pub(crate) struct Recipients {
    /// Sorted by path.
    pub(crate) endpoints: Vec<Route>,
    settings: Settings,
    dispatcher: Arc<Dispatcher>,
    secret_in_code: bool,
}

impl Recipients {
    /// Decides every setting as the server does that starts with the same flags and variables. What
    /// is wrong with it is the same, too.
    pub(crate) fn of(
        mut server: WebhooksServer,
        flags: PartialSettings,
    ) -> Result<Self, LaunchError> {
        // No function runs in this process.
        server.checks_data = false;
        let secret_in_code = server.secrets.is_some();
        let (endpoints, _) = registry::sort(server.endpoints.iter().cloned());
        let prepared = prepare(server, flags, Mode::Embedded, &Environment::default())?;
        let (settings, dispatcher) = (prepared.settings, prepared.dispatcher);
        Ok(Self { endpoints, settings, dispatcher, secret_in_code })
    }

    /// The secret that the endpoint asks for.
    pub(crate) fn secret_of(&self, endpoint: &Route) -> Option<&[u8]> {
        self.dispatcher.secret_of(&endpoint.path)
    }

    /// The variable that the endpoint's secret is read from; `None` when it is given in code.
    pub(crate) fn secret_variable(&self, endpoint: &Route) -> Option<&'static str> {
        endpoint.secret_env.or((!self.secret_in_code).then_some("WEBHOOK_SECRET"))
    }

    /// The host, as it stands in a URL. A server that listens everywhere is asked at the loopback
    /// address.
    pub(crate) fn host(&self) -> String {
        in_url(&reachable(&self.settings.host))
    }

    /// The ports that the server may have taken.
    pub(crate) fn ports(&self) -> &Ports {
        &self.settings.ports
    }
}

fn reachable(host: &str) -> String {
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
    fn a_server_that_listens_everywhere_is_asked_at_the_loopback_address() {
        for (host, asked) in [
            ("0.0.0.0", "127.0.0.1"),
            ("::", "[::1]"),
            ("[::]", "[::1]"),
            ("::1", "[::1]"),
            ("localhost", "localhost"),
            ("10.0.0.3", "10.0.0.3"),
        ] {
            assert_eq!(in_url(&reachable(host)), asked, "{host}");
        }
    }
}

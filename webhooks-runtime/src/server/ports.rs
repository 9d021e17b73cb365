//! Opens the ports that a server listens on.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::net::{TcpListener, ToSocketAddrs};

use socket2::SockRef;

use super::LaunchError;
use crate::config::ports::Ports;
use crate::config::settings::Settings;

/// The maximum number of connections that wait to be accepted. With the standard library's 128, about a quarter of
/// 500 clients that connect at the same time would wait a second for a retransmission. The system may lower it.
const BACKLOG: i32 = 4096;

/// Listens on an address, with a backlog for a burst of connections.
fn listen(addresses: impl ToSocketAddrs) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(addresses)?;
    // A second `listen` only changes the backlog.
    SockRef::from(&listener).listen(BACKLOG)?;
    Ok(listener)
}

/// Opens the port that the tunnel forwards connections to. It is only reachable from this machine and not announced.
/// Every connection to it counts as a connection from the internet.
pub(super) fn listen_for_tunnel() -> io::Result<(TcpListener, SocketAddr)> {
    let listener = listen((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Opens the configured port, or the first free port of the configured range. Returns the listener and its URL.
pub(super) fn bind(settings: &Settings) -> Result<(TcpListener, String), LaunchError> {
    let host = settings.host.as_str();
    let listen = |port| listen((bare(host), port));
    let (listener, ports) = match &settings.ports {
        Ports::One(port) => (listen(*port), port.to_string()),
        Ports::FirstFreeOf(range) => {
            let mut tried = listen(*range.start());
            for port in range.clone().skip(1) {
                match tried {
                    Err(error) if error.kind() == io::ErrorKind::AddrInUse => tried = listen(port),
                    _ => break,
                }
            }
            (tried, format!("{}-{}", range.start(), range.end()))
        }
    };
    let listened = listener.and_then(|listener| Ok((listener.local_addr()?.port(), listener)));
    match listened {
        Ok((port, listener)) => Ok((listener, format!("http://{}:{port}", url_host(host)))),
        Err(source) => Err(LaunchError::Bind { host: host.to_owned(), ports, source }),
    }
}

/// Opens a port for the metrics, on the same host. Returns the listener and its URL.
pub(super) fn bind_for_metrics(host: &str, port: u16) -> io::Result<(TcpListener, String)> {
    let listened = listen((bare(host), port));
    let listened = listened.and_then(|listener| Ok((listener.local_addr()?.port(), listener)));
    let (port, listener) = listened.map_err(|error| {
        let text = format!(
            "the metrics cannot be served on {host}:{port}: {error}: choose another port with --metrics-port, \
             .metrics_port(…) or WEBHOOKS_METRICS_PORT"
        );
        io::Error::new(error.kind(), text)
    })?;
    Ok((listener, format!("http://{}:{port}", url_host(host))))
}

/// Returns a host without the brackets of an IPv6 address.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// Formats a host for a URL, where an IPv6 address needs brackets.
pub(super) fn url_host(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;
    use std::time::Duration;

    use super::*;
    use crate::config::exposure::Exposure;
    use crate::config::log_format::LogFormat;
    use crate::config::metrics::MetricsListener;

    /// Connects more clients at once than the standard library's backlog allows.
    fn assert_accepts_a_burst(listener: &TcpListener) {
        let address = listener.local_addr().unwrap();
        let limit = Duration::from_secs(20);
        let clients: Vec<_> =
            (0..500).map(|_| TcpStream::connect_timeout(&address, limit).unwrap()).collect();
        assert_eq!(clients.len(), 500);
    }

    #[test]
    fn a_burst_of_connections_is_accepted() {
        let settings = Settings {
            host: "127.0.0.1".to_owned(),
            ports: Ports::One(0),
            workers: 1,
            on_space: false,
            for_platform: false,
            store: None,
            register: false,
            reconcile: None,
            log_format: LogFormat::Text,
            metrics: MetricsListener::Off,
            alert_url: None,
            exposure: Exposure::Local,
            unshared: None,
        };
        assert_accepts_a_burst(&bind(&settings).unwrap().0);
        assert_accepts_a_burst(&listen_for_tunnel().unwrap().0);
    }
}

//! The ports that a server listens at.

use std::io;
#[cfg(feature = "share")]
use std::net::{Ipv4Addr, SocketAddr};
use std::net::{TcpListener, ToSocketAddrs};

use socket2::SockRef;

use super::LaunchError;
use crate::config::{Ports, Settings};

/// How many connections may wait to be accepted. The standard library asks for 128, so that of 500 clients
/// that connect at once a quarter waits for a second until the system tries again. The system can cut it.
const BACKLOG: i32 = 4096;

/// Listens with room for a burst of connections.
fn listen(addresses: impl ToSocketAddrs) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(addresses)?;
    // On a listener, this changes only the backlog.
    SockRef::from(&listener).listen(BACKLOG)?;
    Ok(listener)
}

/// Opens the port at which nothing but the tunnel's connections arrive: on this machine alone, and
/// announced to nobody. Who finds it all the same counts as from outside.
#[cfg(feature = "share")]
pub(super) fn entrance() -> io::Result<(TcpListener, SocketAddr)> {
    // Each connection through it takes three descriptors, and many systems start a program with room
    // for a thousand, though they allow it more. Where they don't, that is what there is.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let listener = listen((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Opens the port: the one that was asked for, or the first free one of a range.
pub(super) fn bind(settings: &Settings) -> Result<(TcpListener, String), LaunchError> {
    let host = settings.host.as_str();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let listen = |port| listen((bare, port));
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
        Ok((port, listener)) => Ok((listener, format!("http://{}:{port}", in_url(host)))),
        Err(source) => Err(LaunchError::Bind { host: host.to_owned(), ports, source }),
    }
}

/// The host as it stands in a URL, where an IPv6 address has brackets.
pub(super) fn in_url(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;
    use std::time::Duration;

    use super::*;
    use crate::reach::Reach;

    /// Connects more clients at once than the standard library's listeners have room for.
    fn assert_takes_a_burst(listener: &TcpListener) {
        let address = listener.local_addr().unwrap();
        let patience = Duration::from_secs(20);
        let clients: Vec<_> =
            (0..500).map(|_| TcpStream::connect_timeout(&address, patience).unwrap()).collect();
        assert_eq!(clients.len(), 500);
    }

    #[test]
    fn a_burst_of_connections_finds_room() {
        let settings = Settings {
            host: "127.0.0.1".to_owned(),
            ports: Ports::One(0),
            workers: 1,
            on_space: false,
            store: None,
            reach: Reach::Local,
        };
        assert_takes_a_burst(&bind(&settings).unwrap().0);
        #[cfg(feature = "share")]
        assert_takes_a_burst(&entrance().unwrap().0);
    }
}

//! The ports that a server listens at.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::net::{TcpListener, ToSocketAddrs};

use socket2::SockRef;

use super::LaunchError;
use crate::config::settings::{Ports, Settings};

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
pub(super) fn entrance() -> io::Result<(TcpListener, SocketAddr)> {
    let listener = listen((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// How many open files a program with a tunnel wants: three for each connection through it.
const WANTED_FILES: u64 = 4096;

/// Raises this process's limit of open files, where many systems start a program with 1,024, to what a
/// tunnel needs. Child processes inherit it: the standard library cannot give them another one. So it is
/// raised for the programs of `webhooks_main!()` alone, no higher than needed, and it is logged.
pub(super) fn allow_files() {
    let before = rlimit::increase_nofile_limit(0);
    // An error says that the system allows no more, so that is what there is.
    if let (Ok(before), Ok(now)) = (before, rlimit::increase_nofile_limit(WANTED_FILES))
        && now > before
    {
        tracing::info!(from = before, to = now, "raised the limit of open files for the tunnel");
    }
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
    use crate::config::exposure::Exposure;

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
            for_platform: false,
            store: None,
            reach: Exposure::Local,
            unshared: None,
        };
        assert_takes_a_burst(&bind(&settings).unwrap().0);
        assert_takes_a_burst(&entrance().unwrap().0);
    }
}

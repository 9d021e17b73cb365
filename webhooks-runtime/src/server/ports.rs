//! The ports that a server listens at.

use std::io;
#[cfg(feature = "share")]
use std::net::{Ipv4Addr, SocketAddr};
use std::net::{TcpListener, ToSocketAddrs};

use super::LaunchError;
use crate::config::{Ports, Settings};

/// Opens the port at which nothing but the tunnel's connections arrive: on this machine alone, and
/// announced to nobody. Who finds it all the same counts as from outside.
#[cfg(feature = "share")]
pub(super) fn entrance() -> io::Result<(TcpListener, SocketAddr)> {
    // Each connection through it takes three descriptors, and many systems start a program with room
    // for a thousand, though they allow it more. Where they don't, that is what there is.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Opens the port: the one that was asked for, or the first free one of a range.
pub(super) fn bind(settings: &Settings) -> Result<(TcpListener, String), LaunchError> {
    let host = settings.host.as_str();
    let listen = |port| {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        TcpListener::bind(&*(bare, port).to_socket_addrs()?.collect::<Vec<_>>())
    };
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

//! Connects to the share server: TCP, through a proxy if there is one, then TLS.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{InvalidDnsNameError, ServerName};
use tokio_util::either::Either;

use super::discovery::ServerAddress;
use crate::network::{self, HttpProxy, ProxyError};

/// The byte that announces TLS to the share server.
const TLS_FOLLOWS: u8 = 0x17;

/// A connection to a share server, with or without TLS.
pub(super) type ServerStream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// The error of a failed connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("{}", network::reason(.0))]
    Connect(io::Error),
    #[error("its host name has no address")]
    Lookup,
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    #[error("TLS failed, {}", network::reason(.0))]
    Tls(io::Error),
    #[error("its host name is not valid for TLS")]
    Name(#[from] InvalidDnsNameError),
}

/// How long one of a host's addresses may take to accept a connection.
const ADDRESS_LIMIT: Duration = Duration::from_secs(3);

/// Connects to the first of a host's addresses that accepts a connection. A network may resolve a name to
/// an address that it has no route to.
async fn connect_tcp(host: &str, port: u16) -> Result<TcpStream, ConnectError> {
    let mut last_error = ConnectError::Lookup;
    let addresses = tokio::net::lookup_host((host, port)).await;
    for address in addresses.map_err(|_| ConnectError::Lookup)? {
        match timeout(ADDRESS_LIMIT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last_error = ConnectError::Connect(error),
            Err(_) => last_error = ConnectError::Connect(io::ErrorKind::TimedOut.into()),
        }
    }
    Err(last_error)
}

/// Connects to the share server, through the proxy if there is one.
pub(super) async fn connect(
    address: &ServerAddress,
    proxy: Option<&HttpProxy>,
) -> Result<ServerStream, ConnectError> {
    let mut stream = match proxy {
        Some(proxy) => {
            let (host, port) = proxy.address();
            let stream = connect_tcp(host, port).await;
            let stream = stream.map_err(|error| proxy.unreachable(error.to_string()))?;
            proxy.connect(stream, &address.host, address.port).await?
        }
        None => connect_tcp(&address.host, address.port).await?,
    };
    stream.set_nodelay(true).map_err(ConnectError::Connect)?;
    let Some(config) = &address.tls else {
        return Ok(Either::Left(stream));
    };
    let name = ServerName::try_from(address.host.clone())?;
    stream.write_u8(TLS_FOLLOWS).await.map_err(ConnectError::Tls)?;
    let connector = TlsConnector::from(Arc::clone(config));
    let stream = connector.connect(name, stream).await.map_err(ConnectError::Tls)?;
    Ok(Either::Right(Box::new(stream)))
}

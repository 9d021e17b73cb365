//! The connection to the share server: TCP, through a proxy or not, and TLS on it.

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

use super::address::Address;
use super::connect::connect_through;
use crate::network::{self, HttpProxy, ProxyError};

/// The byte that tells the share server that TLS follows.
const TLS_FOLLOWS: u8 = 0x17;

pub(crate) type Transport = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransportError {
    #[error("{}", network::reason(.0))]
    Connect(io::Error),
    #[error("its host name has no address")]
    Lookup,
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    #[error("TLS failed, {}", network::reason(.0))]
    Tls(io::Error),
    #[error("a certificate cannot be for its name")]
    Name(#[from] InvalidDnsNameError),
}

/// How long one of a host's addresses may take to answer.
const ADDRESS_LIMIT: Duration = Duration::from_secs(3);

/// Connects to the first of a host's addresses that answers. A network may know an address and have no
/// way to it.
async fn reach(host: &str, port: u16) -> Result<TcpStream, TransportError> {
    let mut failed = TransportError::Lookup;
    let addresses = tokio::net::lookup_host((host, port)).await;
    for address in addresses.map_err(|_| TransportError::Lookup)? {
        match timeout(ADDRESS_LIMIT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failed = TransportError::Connect(error),
            Err(_) => failed = TransportError::Connect(io::ErrorKind::TimedOut.into()),
        }
    }
    Err(failed)
}

/// Connects to the share server, through this proxy if there is one.
pub(crate) async fn connect(
    address: &Address,
    proxy: Option<&HttpProxy>,
) -> Result<Transport, TransportError> {
    let mut stream = match proxy {
        Some(proxy) => {
            let (host, port) = proxy.address();
            let stream = reach(host, port).await;
            let stream = stream.map_err(|error| proxy.unreachable(error.to_string()))?;
            connect_through(proxy, stream, &address.host, address.port).await?
        }
        None => reach(&address.host, address.port).await?,
    };
    stream.set_nodelay(true).map_err(TransportError::Connect)?;
    let Some(config) = &address.tls else {
        return Ok(Either::Left(stream));
    };
    let name = ServerName::try_from(address.host.clone())?;
    stream.write_u8(TLS_FOLLOWS).await.map_err(TransportError::Tls)?;
    let connector = TlsConnector::from(Arc::clone(config));
    let stream = connector.connect(name, stream).await.map_err(TransportError::Tls)?;
    Ok(Either::Right(Box::new(stream)))
}

//! The connection to the share server: TCP, and TLS on it.

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

/// The byte that tells the share server that TLS follows.
const TLS_FOLLOWS: u8 = 0x17;

pub(crate) type Transport = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransportError {
    #[error("it cannot be reached: {0}")]
    Connect(io::Error),
    #[error("TLS cannot be spoken with it: {0}")]
    Tls(io::Error),
    #[error("its name is no name that a certificate could have")]
    Name(#[from] InvalidDnsNameError),
}

/// How long one of a host's addresses may take to answer.
const ADDRESS_LIMIT: Duration = Duration::from_secs(3);

/// Connects to the first of a host's addresses that answers. A network may know an address and have no
/// way to it.
async fn reach(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut failed = io::Error::other("its name has no address");
    for address in tokio::net::lookup_host((host, port)).await? {
        match timeout(ADDRESS_LIMIT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failed = error,
            Err(_) => failed = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(failed)
}

/// Connects to the share server.
pub(crate) async fn connect(address: &Address) -> Result<Transport, TransportError> {
    let mut stream = reach(&address.host, address.port).await.map_err(TransportError::Connect)?;
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

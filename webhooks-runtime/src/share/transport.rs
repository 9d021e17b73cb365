//! The connection to the share server: TCP, and TLS on it.

use std::io;
use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
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

/// Connects to the share server.
pub(crate) async fn connect(address: &Address) -> Result<Transport, TransportError> {
    let connected = TcpStream::connect((address.host.as_str(), address.port)).await;
    let mut stream = connected.map_err(TransportError::Connect)?;
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

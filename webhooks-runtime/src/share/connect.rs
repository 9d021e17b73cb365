//! Has an HTTP proxy open a connection: the method CONNECT.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::network::{HttpProxy, ProxyError, reason};

/// The longest head of a response that is read, in bytes.
const LONGEST_HEAD: usize = 16 * 1024;

/// How many headers a response may have.
const MOST_HEADERS: usize = 64;

/// Asks the proxy at the other end of `stream` to connect it with a host and port.
pub(super) async fn connect_through(
    proxy: &HttpProxy,
    mut stream: TcpStream,
    host: &str,
    port: u16,
) -> Result<TcpStream, ProxyError> {
    let target =
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let authorization = proxy.credentials().map_or_else(String::new, |credentials| {
        format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode(credentials))
    });
    let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{authorization}\r\n");
    let lost = |error| proxy.unreachable(reason(&error));
    stream.write_all(request.as_bytes()).await.map_err(lost)?;
    let head = read_head(&mut stream).await.map_err(lost)?;
    match status(&head) {
        Some(200..=299) => Ok(stream),
        status => Err(proxy.refused(&target, status)),
    }
}

/// Reads up to the end of a head and no byte more: what follows is the other server's.
async fn read_head(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < LONGEST_HEAD {
        head.push(stream.read_u8().await?);
    }
    Ok(head)
}

/// Returns the status of a response; `None` when it is none.
fn status(head: &[u8]) -> Option<u16> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    response.parse(head).ok()?;
    response.code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_response_has_a_status() {
        for (head, expected) in [
            ("HTTP/1.1 200 Connection established\r\n\r\n", Some(200)),
            ("HTTP/1.0 407 No\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n", Some(407)),
            ("hello\r\n\r\n", None),
            ("HTTP/1.1 2000 OK\r\n\r\n", None),
            ("", None),
        ] {
            assert_eq!(status(head.as_bytes()), expected, "{head}");
        }
    }
}

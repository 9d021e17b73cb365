//! Connects to a server through an HTTP proxy, with the method CONNECT.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::no_proxy::without_brackets;
use super::{HttpProxy, ProxyError};
use crate::network::reason::reason;

/// The longest response head that is accepted, in bytes.
const LONGEST_HEAD: usize = 16 * 1024;

/// How many headers a response may have at most.
const MOST_HEADERS: usize = 64;

impl HttpProxy {
    /// Returns the proxy's host, in the form that resolvers accept, and its port.
    pub(crate) fn address(&self) -> (&str, u16) {
        (without_brackets(self.proxy.host()), self.proxy.port())
    }

    /// Connects to a host through the proxy at the other end of `stream`.
    pub(crate) async fn connect(
        &self,
        mut stream: TcpStream,
        host: &str,
        port: u16,
    ) -> Result<TcpStream, ProxyError> {
        let target =
            if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let authorization = self.credentials().map_or_else(String::new, |credentials| {
            format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode(credentials))
        });
        let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{authorization}\r\n");
        let lost = |error| self.unreachable(reason(&error));
        stream.write_all(request.as_bytes()).await.map_err(lost)?;
        let head = read_head(&mut stream).await.map_err(lost)?;
        match status(&head) {
            Some(200..=299) => Ok(stream),
            status => Err(self.rejected(&target, status)),
        }
    }

    fn credentials(&self) -> Option<String> {
        let user = self.proxy.username()?;
        Some(format!("{user}:{}", self.proxy.password().unwrap_or_default()))
    }
}

/// Reads a response's head, and no byte more: what follows comes from the other server.
async fn read_head(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < LONGEST_HEAD {
        head.push(stream.read_u8().await?);
    }
    Ok(head)
}

/// Returns the status of a response, or `None` if `head` is not an HTTP response.
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

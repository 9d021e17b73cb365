//! Looks up the address of gradio.live's share server.

use std::io;
use std::time::Duration;

use serde::Deserialize;

use super::certificates::{CertificateError, ClientTls, client_tls};
use crate::network::{ClientError, HttpClient};

/// The URL that returns the address of gradio.live's share server.
pub(super) const DISCOVERY_URL: &str = "https://api.gradio.app/v3/tunnel-request";

/// The host of that URL.
pub(crate) const DISCOVERY_HOST: &str = "api.gradio.app";

/// The maximum length of the response, in bytes.
const MAX_RESPONSE: u64 = 64 * 1024;

/// The address of a share server.
#[derive(Clone, Debug)]
pub(crate) struct ServerAddress {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// `None` for a connection without TLS.
    pub(crate) tls: Option<ClientTls>,
}

/// The error of a failed lookup.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiscoveryError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("{0}")]
    Request(String),
    #[error("its response names no share server")]
    Response,
    #[error("its response has no valid certificate")]
    Certificate(#[from] CertificateError),
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// One share server in the response.
#[derive(Deserialize)]
struct ServerEntry {
    host: String,
    port: u16,
    root_ca: String,
}

/// Requests the address from a URL.
pub(super) async fn look_up(
    url: &'static str,
    limit: Duration,
) -> Result<ServerAddress, DiscoveryError> {
    let response = tokio::task::spawn_blocking(move || get(url, limit)).await;
    let response = response.map_err(io::Error::from)??;
    let servers: Vec<ServerEntry> =
        serde_json::from_slice(&response).map_err(|_| DiscoveryError::Response)?;
    let first = servers.into_iter().next().ok_or(DiscoveryError::Response)?;
    let tls = client_tls(first.root_ca.as_bytes())?;
    Ok(ServerAddress { host: first.host, port: first.port, tls: Some(tls) })
}

fn get(url: &str, limit: Duration) -> Result<Vec<u8>, DiscoveryError> {
    // The response names the certificates to trust, so no redirect may leave TLS.
    let encrypted = url.starts_with("https:");
    let client = HttpClient::new(url, limit, |config| config.https_only(encrypted))?;
    let failed = |error| DiscoveryError::Request(client.reason(&error));
    let mut response = client.agent().get(url).call().map_err(failed)?;
    response.body_mut().with_config().limit(MAX_RESPONSE).read_to_vec().map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// Looks up the address from a server that responds with a text.
    fn look_up_from(response: &str) -> Result<ServerAddress, DiscoveryError> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v3/tunnel-request", listener.local_addr().unwrap());
        let response = response.to_owned();
        let server = std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let read = connection.read(&mut request).unwrap();
            assert!(request[..read].starts_with(b"GET /v3/tunnel-request HTTP/1.1\r\n"));
            // The client may stop reading early.
            let _ = connection.write_all(response.as_bytes());
        });
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let address = runtime.block_on(look_up(url.leak(), Duration::from_secs(1)));
        server.join().unwrap();
        address
    }

    fn look_up_json(body: &str) -> Result<ServerAddress, DiscoveryError> {
        look_up_from(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
    }

    #[test]
    fn the_first_server_is_used_with_its_certificate() {
        let root = include_str!("discovery/root.pem").replace('\n', "\\n");
        let address = look_up_json(&format!(
            r#"[{{"host": "1.example", "port": 7000, "root_ca": "{root}", "other": 1}},
                {{"host": "2.example", "port": 7001, "root_ca": ""}}]"#
        ));
        let address = address.unwrap();
        assert_eq!((address.host.as_str(), address.port), ("1.example", 7000));
        assert!(address.tls.is_some());
    }

    #[test]
    fn a_response_without_a_server_is_an_error() {
        for body in ["", "[]", "{}", "7", r#"[{"host": "1.example", "port": 70000}]"#] {
            assert!(matches!(look_up_json(body), Err(DiscoveryError::Response)), "{body}");
        }
    }

    #[test]
    fn a_response_without_a_certificate_is_an_error() {
        for root in ["", "-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n"] {
            let body = format!(r#"[{{"host": "1.example", "port": 7000, "root_ca": "{root}"}}]"#);
            assert!(matches!(look_up_json(&body), Err(DiscoveryError::Certificate(_))), "{root}");
        }
    }

    #[test]
    fn an_error_status_silence_and_an_endless_response_are_errors() {
        let endless = "x".repeat(100_000);
        let long = format!("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{endless}");
        for text in ["HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "", "hello", &long] {
            assert!(matches!(look_up_from(text), Err(DiscoveryError::Request(_))), "{text:.40}");
        }
    }
}

//! Where the share server is: asked for, or told.

use std::io;
use std::time::Duration;

use serde::Deserialize;

use super::trust::{CertificateError, Tls, tls};
use crate::network::{Client, ClientError};

/// Who knows where the share server of gradio.live is.
pub(crate) const TUNNEL_REQUEST: &str = "https://api.gradio.app/v3/tunnel-request";

/// Its host.
pub(crate) const TUNNEL_REQUEST_HOST: &str = "api.gradio.app";

/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: u64 = 64 * 1024;

/// A share server.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// `None` for no TLS.
    pub(crate) tls: Option<Tls>,
}

/// Why the address isn't known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AddressError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("{0}")]
    Request(String),
    #[error("its response names no share server")]
    Answer,
    #[error("its response has no valid certificate")]
    Certificate(#[from] CertificateError),
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// A share server in an answer.
#[derive(Deserialize)]
struct Listed {
    host: String,
    port: u16,
    root_ca: String,
}

/// Asks at a URL where the share server is.
pub(crate) async fn ask(url: &'static str, limit: Duration) -> Result<Address, AddressError> {
    let asked = tokio::task::spawn_blocking(move || get(url, limit)).await;
    let answer = asked.map_err(io::Error::from)??;
    let listed: Vec<Listed> = serde_json::from_slice(&answer).map_err(|_| AddressError::Answer)?;
    let Listed { host, port, root_ca } = listed.into_iter().next().ok_or(AddressError::Answer)?;
    Ok(Address { host, port, tls: Some(tls(root_ca.as_bytes())?) })
}

fn get(url: &str, limit: Duration) -> Result<Vec<u8>, AddressError> {
    // What is trusted later comes from here, so no redirect leads out of TLS.
    let encrypted = url.starts_with("https:");
    let client = Client::new(url, limit, |config| config.https_only(encrypted))?;
    let failed = |error| AddressError::Request(client.reason(&error));
    let mut answer = client.agent().get(url).call().map_err(failed)?;
    answer.body_mut().with_config().limit(LONGEST_ANSWER).read_to_vec().map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// Asks a server that answers so.
    fn answer(answer: &str) -> Result<Address, AddressError> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v3/tunnel-request", listener.local_addr().unwrap());
        let answer = answer.to_owned();
        let server = std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let read = connection.read(&mut request).unwrap();
            assert!(request[..read].starts_with(b"GET /v3/tunnel-request HTTP/1.1\r\n"));
            // Who asked may have read enough.
            let _ = connection.write_all(answer.as_bytes());
        });
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let address = runtime.block_on(ask(url.leak(), Duration::from_secs(1)));
        server.join().unwrap();
        address
    }

    fn json(body: &str) -> Result<Address, AddressError> {
        answer(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
    }

    #[test]
    fn the_first_of_the_servers_is_taken_with_its_certificate() {
        let root = include_str!("address/root.pem").replace('\n', "\\n");
        let address = json(&format!(
            r#"[{{"host": "1.example", "port": 7000, "root_ca": "{root}", "other": 1}},
                {{"host": "2.example", "port": 7001, "root_ca": ""}}]"#
        ));
        let address = address.unwrap();
        assert_eq!((address.host.as_str(), address.port), ("1.example", 7000));
        assert!(address.tls.is_some());
    }

    #[test]
    fn an_answer_that_names_no_server_is_an_error() {
        for body in ["", "[]", "{}", "7", r#"[{"host": "1.example", "port": 70000}]"#] {
            assert!(matches!(json(body), Err(AddressError::Answer)), "{body}");
        }
    }

    #[test]
    fn without_a_certificate_there_is_no_link() {
        for root in ["", "-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n"] {
            let body = format!(r#"[{{"host": "1.example", "port": 7000, "root_ca": "{root}"}}]"#);
            assert!(matches!(json(&body), Err(AddressError::Certificate(_))), "{root}");
        }
    }

    #[test]
    fn an_error_status_silence_and_an_endless_answer_are_errors() {
        let endless = "x".repeat(100_000);
        let long = format!("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{endless}");
        for text in ["HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "", "hello", &long] {
            assert!(matches!(answer(text), Err(AddressError::Request(_))), "{text:.40}");
        }
    }
}

//! Finds the URL of the endpoint that a delivery goes to.

use super::send::is_endpoint;
use crate::config::addresses::PublicUrl;
use crate::config::ports::Ports;

/// The error of an endpoint whose URL is not known.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TargetError {
    #[error(
        "With port 0, the server listens on any free port. Name the port that it printed with --port, or its \
         URL with --url."
    )]
    AnyPort,
    #[error(
        "No server on {host}:{first}-{last} has the endpoint {path}. Start the server with `cargo run` in \
         another terminal, or name a running server with --url."
    )]
    NotFound { host: String, first: u16, last: u16, path: String },
}

/// Appends the endpoint's path to a URL, unless the URL already ends with it.
pub(super) fn join(base: &PublicUrl, path: &str) -> String {
    let base = base.as_str();
    if base.ends_with(path) { base.to_owned() } else { format!("{base}{path}") }
}

/// Returns the endpoint's URL on this machine.
pub(super) fn local_url(host: &str, ports: &Ports, path: &str) -> Result<String, TargetError> {
    match ports {
        Ports::One(0) => Err(TargetError::AnyPort),
        Ports::One(port) => Ok(format!("http://{host}:{port}{path}")),
        Ports::FirstFreeOf(range) => {
            let found = find(host, range.clone(), path);
            found.ok_or_else(|| TargetError::NotFound {
                host: host.to_owned(),
                first: *range.start(),
                last: *range.end(),
                path: path.to_owned(),
            })
        }
    }
}

/// Returns the URL of the first server that has the endpoint. Other programs on these ports receive the path, but
/// neither the secret nor the payload.
fn find(host: &str, ports: impl IntoIterator<Item = u16>, path: &str) -> Option<String> {
    let urls = ports.into_iter().map(|port| format!("http://{host}:{port}{path}"));
    urls.into_iter().find(|url| is_endpoint(url))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    use super::*;

    /// A program that responds to one request, and the request.
    fn program(response: &'static str) -> (u16, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let request = std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let read = connection.read(&mut request).unwrap();
            let _ = connection.write_all(response.as_bytes());
            String::from_utf8_lossy(&request[..read]).into_owned()
        });
        (port, request)
    }

    fn free_port() -> u16 {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
    }

    #[test]
    fn a_url_is_that_of_the_server_or_of_the_endpoint() {
        for (base, url) in [
            ("https://me-bot.hf.space", "https://me-bot.hf.space/webhooks/x"),
            ("https://me-bot.hf.space/", "https://me-bot.hf.space/webhooks/x"),
            ("https://me-bot.hf.space/webhooks/x", "https://me-bot.hf.space/webhooks/x"),
            ("http://10.0.0.1:80/bots/webhooks/x/", "http://10.0.0.1:80/bots/webhooks/x"),
            ("http://10.0.0.1:80/bots", "http://10.0.0.1:80/bots/webhooks/x"),
        ] {
            assert_eq!(join(&PublicUrl::parse(base).unwrap(), "/webhooks/x"), url);
        }
    }

    #[test]
    fn the_first_server_with_the_endpoint_is_used_and_others_receive_only_its_path() {
        let (other, asked_other) = program("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
        let (allows, asked_allows) =
            program("HTTP/1.1 405 No\r\nAllow: GET, POST\r\nContent-Length: 0\r\n\r\n");
        let (garbage, asked_garbage) = program("hello\r\n");
        let (ours, asked_ours) =
            program("HTTP/1.1 405 No\r\nAllow: POST\r\nContent-Length: 0\r\n\r\n");
        let (later, _unasked) = program("");
        let ports = [free_port(), other, allows, garbage, ours, later];
        let found = find("127.0.0.1", ports, "/webhooks/x");
        assert_eq!(found, Some(format!("http://127.0.0.1:{ours}/webhooks/x")));
        for asked in [asked_other, asked_allows, asked_garbage, asked_ours] {
            let asked = asked.join().unwrap();
            assert!(asked.starts_with("GET /webhooks/x HTTP/1.1\r\n"), "{asked}");
            assert!(asked.ends_with("\r\n\r\n"), "{asked}");
            assert!(!asked.to_lowercase().contains("secret"), "{asked}");
        }
    }

    #[test]
    fn a_port_that_is_set_is_not_probed() {
        let url = local_url("localhost", &Ports::One(8000), "/webhooks/x");
        assert_eq!(url.unwrap(), "http://localhost:8000/webhooks/x");
        assert_eq!(local_url("localhost", &Ports::One(0), "/x").unwrap_err(), TargetError::AnyPort);
        let port = free_port();
        let error = local_url("localhost", &Ports::FirstFreeOf(port..=port), "/webhooks/x");
        let error = error.unwrap_err().to_string();
        assert!(error.contains("/webhooks/x") && error.contains("cargo run"), "{error}");
    }
}

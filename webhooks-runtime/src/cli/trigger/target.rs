//! Whom a delivery goes to: which endpoint, at which address.

use super::send::is_endpoint;
use crate::config::addresses::PublicUrl;
use crate::config::settings::Ports;
use crate::endpoint::normalize;
use crate::endpoint::registry::Route;

/// Why the endpoint's address isn't known.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TargetError {
    #[error(
        "The server takes any free port, since it is to listen on port 0. Say which it took, with --port \
         or --url."
    )]
    AnyPort,
    #[error(
        "None of {host}:{first}-{last} has the endpoint {path}. Start the program in another terminal \
         first, with `cargo run`, or name a server that runs with --url."
    )]
    NotFound { host: String, first: u16, last: u16, path: String },
}

/// The endpoints that a person may mean: those of that name, or else the one at that path.
pub(super) fn meant<'a>(endpoints: &'a [Route], given: &str) -> Vec<&'a Route> {
    let named: Vec<_> = endpoints.iter().filter(|endpoint| endpoint.name == given).collect();
    if !named.is_empty() {
        return named;
    }
    let path = normalize(given).ok();
    endpoints.iter().filter(|endpoint| Some(&endpoint.path) == path.as_ref()).collect()
}

/// What to write for each endpoint: its name, or its path where another has the same name.
pub(super) fn spellings(endpoints: &[Route]) -> Vec<String> {
    let spelling = |endpoint: &Route| {
        let alone = endpoints.iter().filter(|other| other.name == endpoint.name).count() == 1;
        if alone { endpoint.name.clone() } else { endpoint.path.clone() }
    };
    endpoints.iter().map(spelling).collect()
}

/// The endpoint's URL below an address, which may end in the endpoint's path already.
pub(super) fn below(base: &PublicUrl, path: &str) -> String {
    let base = base.as_str();
    let is_whole = base.ends_with(path);
    if is_whole { base.to_owned() } else { format!("{base}{path}") }
}

/// The endpoint's URL on this machine.
pub(super) fn local(host: &str, ports: &Ports, path: &str) -> Result<String, TargetError> {
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

/// The URL of the first that has such an endpoint. Whoever else has a port there learns the path, and
/// gets neither secret nor payload.
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
    use crate::endpoint::{Location, Takes, Work, caller};

    fn endpoint(name: &str, path: &str) -> Route {
        Route {
            path: path.to_owned(),
            name: name.to_owned(),
            description: "",
            secret_env: None,
            location: Location::__new("bot", "src/main.rs", 1),
            annotated: true,
            takes: Takes::Nothing,
            needs: Vec::new(),
            work: Work::Inline(caller(async || ())),
        }
    }

    /// A program that answers one request, and what it was asked.
    fn program(answer: &'static str) -> (u16, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let read = connection.read(&mut request).unwrap();
            let _ = connection.write_all(answer.as_bytes());
            String::from_utf8_lossy(&request[..read]).into_owned()
        });
        (port, asked)
    }

    fn free_port() -> u16 {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
    }

    #[test]
    fn an_endpoint_is_meant_by_its_name_or_its_path() {
        let endpoints = [
            endpoint("hello", "/webhooks/goodbye"),
            endpoint("goodbye", "/webhooks/hello"),
            endpoint("twice", "/webhooks/once"),
            endpoint("twice", "/webhooks/again"),
        ];
        let paths = |given: &str| -> Vec<&str> {
            meant(&endpoints, given).iter().map(|endpoint| endpoint.path.as_str()).collect()
        };
        assert_eq!(paths("hello"), ["/webhooks/goodbye"]);
        assert_eq!(paths("/hello"), ["/webhooks/hello"]);
        for path in ["/webhooks/once", "/once", "once", "once/"] {
            assert_eq!(paths(path), ["/webhooks/once"], "{path}");
        }
        assert_eq!(paths("twice").len(), 2);
        assert_eq!(paths("nothing"), <[&str; 0]>::default());
        assert_eq!(paths("//"), <[&str; 0]>::default());
        assert_eq!(
            spellings(&endpoints),
            ["hello", "goodbye", "/webhooks/once", "/webhooks/again"]
        );
    }

    #[test]
    fn an_address_is_a_base_or_the_whole() {
        for (base, url) in [
            ("https://me-bot.hf.space", "https://me-bot.hf.space/webhooks/x"),
            ("https://me-bot.hf.space/", "https://me-bot.hf.space/webhooks/x"),
            ("https://me-bot.hf.space/webhooks/x", "https://me-bot.hf.space/webhooks/x"),
            ("http://10.0.0.1:80/bots/webhooks/x/", "http://10.0.0.1:80/bots/webhooks/x"),
            ("http://10.0.0.1:80/bots", "http://10.0.0.1:80/bots/webhooks/x"),
        ] {
            assert_eq!(below(&PublicUrl::parse(base).unwrap(), "/webhooks/x"), url);
        }
    }

    #[test]
    fn the_first_program_that_has_the_endpoint_is_taken_and_others_learn_its_path_alone() {
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
    fn a_port_that_was_given_is_believed() {
        let url = local("localhost", &Ports::One(8000), "/webhooks/x");
        assert_eq!(url.unwrap(), "http://localhost:8000/webhooks/x");
        assert_eq!(local("localhost", &Ports::One(0), "/x").unwrap_err(), TargetError::AnyPort);
        let port = free_port();
        let error = local("localhost", &Ports::FirstFreeOf(port..=port), "/webhooks/x");
        let error = error.unwrap_err().to_string();
        assert!(error.contains("/webhooks/x") && error.contains("cargo run"), "{error}");
    }
}

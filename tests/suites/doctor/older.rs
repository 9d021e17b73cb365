//! A server of a version that does not know `doctor`: before 0.1, it checked the secret, then rejected a form.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::*;

const FORM: &str = "A webhook endpoint accepts JSON, not a form. Send the body with Content-Type: application/json.";

/// A server that responds as an older version did, and counts the functions that it runs.
struct OlderServer {
    url: String,
    runs: Arc<AtomicUsize>,
}

impl OlderServer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let runs = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&runs);
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                respond(&connection, &counter);
            }
        });
        Self { url, runs }
    }
}

/// Reads a request, and responds to it with its last line.
fn respond(mut connection: &TcpStream, runs: &AtomicUsize) {
    let mut reader = BufReader::new(connection);
    let mut head = Vec::new();
    while !matches!(head.last().map(String::as_str), Some("")) {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or_default() == 0 {
            return;
        }
        head.push(line.trim_end().to_owned());
    }
    let header = |name: &str| {
        let lines = head.iter().filter_map(|line| line.split_once(": "));
        lines.filter(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    };
    let length = header("content-length").and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or_default()];
    reader.read_exact(&mut body).unwrap();
    let (status, body) = match (header("x-webhook-secret"), header("content-type")) {
        (None, _) => (401, r#"{"error":"x-webhook-secret header not set."}"#.to_owned()),
        (Some(secret), _) if secret != "hush" => {
            (403, r#"{"error":"Invalid webhook secret."}"#.to_owned())
        }
        (_, Some("application/x-www-form-urlencoded")) => (415, format!(r#"{{"error":"{FORM}"}}"#)),
        _ => {
            runs.fetch_add(1, Ordering::Relaxed);
            (200, "null".to_owned())
        }
    };
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n");
    let _ = connection.write_all(format!("{head}\r\n{body}").as_bytes());
}

#[test]
fn an_older_server_is_recognized_and_runs_no_function() {
    let (owner, server) = (Owner::new(), OlderServer::start());
    let doctor =
        |more: &[(&str, &str)]| owner.spawn(&["doctor", "--public-url", &server.url], more).wait();
    let ended = doctor(&[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for line in [
        "✗ version     the server runs an older version, which does not know `doctor`\n",
        "              Fix: start this version there\n",
        "✓ secret      the same\n",
    ] {
        assert!(ended.stdout.contains(line), "{}", ended.stdout);
    }
    let ended = doctor(&[("WEBHOOK_SECRET", "guess")]);
    let what = "✗ secret      the server has another secret for /webhooks/retrain than";
    assert!(ended.stdout.contains(what), "{}", ended.stdout);
    assert!(ended.stdout.contains("- version     the server did not answer\n"), "{}", ended.stdout);
    assert_eq!(server.runs.load(Ordering::Relaxed), 0);
}

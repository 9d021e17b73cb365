//! Clients that send slowly or hold a connection.

use std::convert::Infallible;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use tests::client::{PATIENCE, connect, head, post, read_answer};
use webhooks_runtime::{HttpResponse, ServerHandle, WebhooksServer, web};

use super::{SECRET, new_server, open_server, quiet};

/// A server that waits a second for a client, and how long it may take until it has cut one off.
async fn impatient_server() -> (ServerHandle, Duration) {
    let server = new_server().request_timeout(Duration::from_secs(1));
    (server.port(0).workers(1).start().await.unwrap(), Duration::from_secs(10))
}

/// Sends `drop` ten times a second until `limit` or until nobody takes it.
fn trickle(stream: &TcpStream, drop: &str, limit: Duration) -> JoinHandle<()> {
    let (mut stream, drop) = (stream.try_clone().unwrap(), drop.to_owned());
    let end = Instant::now() + limit;
    std::thread::spawn(move || {
        while Instant::now() < end && stream.write_all(drop.as_bytes()).is_ok() {
            std::thread::sleep(Duration::from_millis(100));
        }
    })
}

fn close(stream: &TcpStream, trickling: Option<JoinHandle<()>>) {
    let _ = stream.shutdown(Shutdown::Both);
    trickling.into_iter().for_each(|thread| thread.join().unwrap());
}

#[tokio::test]
async fn a_head_that_stops_half_way_or_trickles_is_cut_off() {
    let (server, limit) = impatient_server().await;
    for trickles in [false, true] {
        let started = Instant::now();
        let mut stream = connect(server.local_url()).unwrap();
        stream.write_all(b"POST /webhooks/quiet HTTP/1.1\r\nHost: lo").unwrap();
        let trickling = trickles.then(|| trickle(&stream, "x", limit));
        let mut rest = Vec::new();
        // An answer or none, but an end.
        let _ = stream.read_to_end(&mut rest);
        assert!(started.elapsed() < limit, "{:?}", started.elapsed());
        close(&stream, trickling);
    }
    server.stop().await;
}

#[tokio::test]
async fn whoever_holds_a_connection_without_a_request_is_cut_off() {
    let server = new_server().webhook_secret(SECRET);
    let server = server.request_timeout(Duration::from_secs(1)).port(0).start().await.unwrap();
    let served =
        head("POST /webhooks/quiet", &["X-Webhook-Secret: hush-hush", "Content-Length: 0"]);
    let half_a_head = "POST /webhooks/quiet HTTP/1.1\r\nHost: lo".to_owned();
    let chunked = |path: &str| head(&format!("POST {path}"), &["Transfer-Encoding: chunked"]);
    let chunk = "1\r\nx\r\n".to_owned();
    let cases = [
        ("silent", "", String::new(), String::new()),
        ("a later head that stops", "", served.clone(), half_a_head.clone()),
        ("a later head that trickles", "x", served, half_a_head),
        ("a refused body that trickles", chunk.as_str(), chunked("/webhooks/quiet"), String::new()),
        ("a refused body that stops", "", chunked("/webhooks/quiet") + &chunk, String::new()),
        ("a body nobody asked for", chunk.as_str(), chunked("/nowhere"), String::new()),
    ]
    .map(|(name, drop, first, then)| (name, drop.to_owned(), first, then));
    let started = Instant::now();
    let clients = cases.map(|(name, drop, first, then)| {
        let mut stream = connect(server.local_url()).unwrap();
        std::thread::spawn(move || {
            stream.write_all(first.as_bytes()).unwrap();
            if !then.is_empty() {
                assert_eq!(read_answer(&mut stream).unwrap().status, 200);
                stream.write_all(then.as_bytes()).unwrap();
            }
            let trickling = (!drop.is_empty()).then(|| trickle(&stream, &drop, PATIENCE));
            let mut rest = Vec::new();
            // An error is an end as well, but for the one that says that none came.
            let ended = stream.read_to_end(&mut rest);
            let timed_out = ended.is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
            assert!(!timed_out && started.elapsed() < PATIENCE, "{name}: {:?}", started.elapsed());
            close(&stream, trickling);
        })
    });
    for client in clients {
        client.join().unwrap();
    }
    server.stop().await;
}

#[tokio::test]
async fn who_waits_for_an_answer_is_not_cut_off() {
    /// Longer than an idle connection may last.
    const SECONDS: usize = 8;
    async fn slow() -> &'static str {
        tokio::time::sleep(Duration::from_secs(SECONDS as u64)).await;
        "done"
    }
    async fn streamed() -> HttpResponse {
        let pieces = stream::iter(0..SECONDS).then(async |_| {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok::<_, Infallible>(web::Bytes::from_static(b"x"))
        });
        HttpResponse::Ok().streaming(pieces)
    }
    let server =
        WebhooksServer::empty().add_webhook("slow", slow).add_webhook("streamed", streamed);
    let server = server.request_timeout(Duration::from_secs(1)).port(0).start().await.unwrap();
    let url = server.local_url().to_owned();
    let answered = std::thread::spawn(move || post(&url, "/webhooks/slow", "{}").unwrap().body);
    let mut stream = connect(server.local_url()).unwrap();
    let asked = head("POST /webhooks/streamed", &["Content-Length: 0", "Connection: close"]);
    stream.write_all(asked.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer.matches("\r\n1\r\nx").count(), SECONDS, "{answer}");
    assert!(answer.ends_with("\r\n0\r\n\r\n"), "{answer}");
    assert_eq!(answered.join().unwrap(), "done");
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_trickles_is_cut_off() {
    let (server, limit) = impatient_server().await;
    let started = Instant::now();
    let mut stream = connect(server.local_url()).unwrap();
    let announced = head("POST /webhooks/quiet", &["Content-Length: 1000"]);
    stream.write_all(announced.as_bytes()).unwrap();
    let trickling = trickle(&stream, "x", limit);
    let answer = read_answer(&mut stream).unwrap();
    assert_eq!(answer.status, 408);
    assert!(answer.json()["error"].is_string());
    assert!(started.elapsed() < limit, "{:?}", started.elapsed());
    close(&stream, Some(trickling));
    // The one worker is free for others.
    assert_eq!(post(server.local_url(), quiet::PATH, "{}").unwrap().status, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_request_to_upgrade_ends_at_its_content_length_and_closes_the_connection() {
    let server = open_server().await;
    for path in ["/webhooks/map", "/webhooks/added"] {
        let mut stream = connect(server.local_url()).unwrap();
        let headers = ["Connection: Upgrade", "Upgrade: websocket", "Content-Length: 7"];
        // What follows is no request: the connection ends.
        let bytes = head(&format!("POST {path}"), &headers) + "{\"a\":1}" + "GET / HTTP/1.1";
        stream.write_all(bytes.as_bytes()).unwrap();
        let answer = read_answer(&mut stream).unwrap();
        assert_eq!(
            (answer.status, answer.header("connection")),
            (200, Some("close")),
            "{answer:?}"
        );
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"");
        // In pieces, too.
        let mut stream = connect(server.local_url()).unwrap();
        let (first, second) = bytes[..bytes.len() - 14].split_at(bytes.len() - 18);
        stream.write_all(first.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        stream.write_all(second.as_bytes()).unwrap();
        assert_eq!(read_answer(&mut stream).unwrap().status, 200);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let server = open_server().await;
    let mut stream = connect(server.local_url()).unwrap();
    for n in 0..5 {
        // Refused ones in between don't close it, unless there is a body that isn't read.
        let bytes = if n % 2 == 0 {
            head("POST /webhooks/quiet", &["Content-Length: 2"]) + "{}"
        } else {
            head("POST /webhooks/none", &["Content-Length: 0"])
        };
        stream.write_all(bytes.as_bytes()).unwrap();
        let status = read_answer(&mut stream).unwrap().status;
        assert_eq!(status, if n % 2 == 0 { 200 } else { 404 });
    }
    server.stop().await;
}

//! Clients that read nothing, or slowly.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use socket2::SockRef;
use tests::client::{PATIENCE, connect};
use webhooks_runtime::{HttpResponse, WebhooksServer};

use super::posting;

/// More than the system buffers for a client that does not read.
const LARGE: usize = 64 * 1024 * 1024;

/// Writes until nothing more is taken, and then waits for the end of the connection.
fn write_without_reading(mut stream: TcpStream, bytes: &str) -> Duration {
    stream.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        match stream.write(bytes.as_bytes()) {
            Ok(_) => std::thread::sleep(Duration::from_millis(10)),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    started.elapsed()
}

#[tokio::test]
async fn a_client_that_reads_no_response_is_cut_off() {
    async fn large() -> HttpResponse {
        HttpResponse::Ok().body(vec![b'x'; LARGE])
    }
    async fn medium() -> HttpResponse {
        HttpResponse::Ok().body(vec![b'x'; 12 * 1024])
    }
    async fn nothing() -> HttpResponse {
        HttpResponse::NoContent().finish()
    }
    async fn running() {
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    let server = WebhooksServer::empty()
        .add_webhook("large", large)
        .add_webhook("medium", medium)
        .add_webhook("nothing", nothing)
        .add_webhook("running", running);
    let server = server.request_timeout(Duration::from_secs(1)).port(0).start().await.unwrap();
    let cases = [
        ("one large response", posting("/webhooks/large")),
        (
            "small ones without end",
            posting("/webhooks/large") + &posting("/webhooks/nothing").repeat(500),
        ),
        ("those of a medium size", posting("/webhooks/medium").repeat(500)),
        (
            "a function behind a large one",
            posting("/webhooks/large") + &posting("/webhooks/running"),
        ),
    ];
    let clients = cases.map(|(name, bytes)| {
        let stream = connect(server.local_url()).unwrap();
        // Little room here, so that the server notices soon.
        SockRef::from(&stream).set_recv_buffer_size(4096).unwrap();
        (name, std::thread::spawn(move || write_without_reading(stream, &bytes)))
    });
    for (name, client) in clients {
        let held = client.join().unwrap();
        assert!(held < PATIENCE, "{name}: {held:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_slow_reader_gets_all_of_a_large_response() {
    async fn large() -> HttpResponse {
        HttpResponse::Ok().body(vec![b'x'; LARGE])
    }
    let server = WebhooksServer::empty().add_webhook("large", large);
    let server = server.request_timeout(Duration::from_secs(1)).port(0).start().await.unwrap();
    let mut stream = connect(server.local_url()).unwrap();
    stream.write_all(posting("/webhooks/large").as_bytes()).unwrap();
    let mut received = 0;
    let mut buffer = vec![0; LARGE / 8];
    while received < LARGE {
        // Takes longer in all than the server waits for the next bytes.
        std::thread::sleep(Duration::from_millis(300));
        let mut piece = 0;
        while piece < buffer.len() && received + piece < LARGE {
            match stream.read(&mut buffer[piece..]).unwrap() {
                0 => break,
                read => piece += read,
            }
        }
        assert_ne!(piece, 0, "ended after {received} bytes");
        received += piece;
    }
    server.stop().await;
}

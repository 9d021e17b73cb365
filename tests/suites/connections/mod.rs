//! Connections: what happens to a delivery whose client goes away, and how little a client that sends or
//! reads nothing can hold.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

mod blocked;
#[cfg(target_os = "linux")]
mod descriptors;
mod disconnect;
mod shutdown;
mod slow_readers;

use std::net::TcpStream;
use std::time::{Duration, Instant};

use socket2::SockRef;
use tests::client::{PATIENCE, head};

/// Waits until `condition` holds.
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Closes a connection the hard way, as a crashed client's system does.
fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
}

fn posting(path: &str) -> String {
    head(&format!("POST {path}"), &["Content-Length: 2"]) + "{}"
}

//! The share link: a public URL for a program, through a share server.
//!
//! The tests of what a good server and the client do together run against the share server of this
//! crate and, where `SHARE_SERVER_BIN` names the public one, against that too.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

mod custom_tunnel;
mod delivery;
mod failures;
mod hostile;
mod output;
mod same_url;
mod tls;

use std::collections::HashMap;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread;

use tempfile::TempDir;
use tests::client::{ClientResponse, PATIENCE, read_answer};
use tests::payloads::dataset_commit;
use tests::program::Program;
use tests::share::{Terms, TestShareServer};

/// The folder in which a user's programs keep their state.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &str {
        self.0.path().to_str().unwrap()
    }

    /// Starts a program of this user with a link through the share server at an address.
    fn start(&self, program: &Path, server: SocketAddr, more: &[&str]) -> Program {
        let address = server.to_string();
        let arguments = [&["--port", "0", "--share-server", &address], more].concat();
        self.start_with(program, &arguments, &[])
    }

    fn start_with(
        &self,
        program: &Path,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Program {
        let variables = [&[("XDG_STATE_HOME", self.path())], variables].concat();
        Program::start(program, arguments, &variables).unwrap()
    }
}

/// Starts a program with a link through a share server, and waits for its public URL.
fn link(server: &TestShareServer, program: &Path) -> (Home, Program, String) {
    let home = Home::new();
    let program = home.start(program, server.address, &[]);
    let url = program.public_url();
    (home, program, url)
}

/// Runs a test with each share server that there is.
fn with_each_server(terms: &Terms, test: impl Fn(TestShareServer)) {
    test(TestShareServer::start(terms).unwrap());
    if let Some(program) = std::env::var_os("SHARE_SERVER_BIN") {
        test(TestShareServer::start_real(program.into(), terms).unwrap());
    }
}

/// A connection of the internet's to a share server.
fn visit(server: &TestShareServer) -> TcpStream {
    let stream = TcpStream::connect(server.public).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A request's head for a public URL.
fn head(url: &str, path: &str, length: usize, more: &str) -> String {
    let host = url.split_once("://").unwrap().1;
    format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n{more}\r\n"
    )
}

/// Posts a body to a public URL. An error says that the answer didn't come whole.
fn post(
    server: &TestShareServer,
    url: &str,
    path: &str,
    body: &str,
) -> std::io::Result<ClientResponse> {
    let mut stream = TcpStream::connect(server.public)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(head(url, path, body.len(), "Connection: close\r\n").as_bytes())?;
    let mut reader = stream.try_clone()?;
    // Both ways at once, as a server may answer while it reads.
    let body = body.to_owned();
    let sending = thread::spawn(move || stream.write_all(body.as_bytes()));
    let answer = read_answer(&mut reader);
    sending.join().unwrap()?;
    answer
}

fn commit() -> String {
    dataset_commit().to_string()
}

/// Delivers a commit to the quick start through its public URL.
fn deliver(server: &TestShareServer, url: &str) {
    let answer = post(server, url, "/webhooks/trigger_training", &commit()).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// How often the program took each number.
fn counts(stdout: &str) -> HashMap<u32, u32> {
    let mut counts = HashMap::new();
    for number in stdout.lines().filter_map(|line| line.strip_prefix("took ")) {
        *counts.entry(number.parse().unwrap()).or_default() += 1;
    }
    counts
}

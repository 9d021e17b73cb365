//! `trigger`: a delivery from a terminal, sent by one process to another.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

mod body;
mod errors;
mod secret;
mod target;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::thread::JoinHandle;

use serde_json::Value;
use tests::program::{Ended, Program};

const SECRET: (&str, &str) = ("WEBHOOK_SECRET", "hush-hush");

/// A server at a port of its own, and the port.
fn serve(program: &Path, variables: &[(&str, &str)]) -> (Program, String) {
    let server = Program::start(program, &["--port", "0"], variables).unwrap();
    let port = server.local_url().rsplit(':').next().unwrap().to_owned();
    (server, port)
}

/// Runs `trigger` to its end.
fn trigger(program: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let arguments = [&["trigger"], arguments].concat();
    Program::start(program, &arguments, variables).unwrap().wait()
}

fn printed_json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_default()
}

/// A program that answers one request, its address, and what it was asked.
fn program_that_answers(answer: String) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !String::from_utf8_lossy(&request).contains("refs/heads/main") {
            let mut some = [0; 4096];
            let read = connection.read(&mut some).unwrap();
            request.extend_from_slice(&some[..read]);
            assert!(read > 0, "the request ends early");
        }
        connection.write_all(answer.as_bytes()).unwrap();
        String::from_utf8_lossy(&request).into_owned()
    });
    (url, asked)
}

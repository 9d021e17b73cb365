//! `deliveries`: what a person sees of background deliveries in a terminal, and decides about them, while
//! the server runs and when it doesn't.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

mod decide;
mod list;
mod logs;
mod show;
mod store;

use std::path::PathBuf;
use std::time::Instant;

use serde_json::Value;
use tempfile::TempDir;
use tests::client::{PAGE_TOKEN, PATIENCE, request};
use tests::program::{Ended, Program, build};

fn program() -> PathBuf {
    build("fixture-background", "dev")
}

/// An id that no delivery has.
const NONE: &str = "0198f0c2-6ad5-7b1e-9f60-3a1c5d2e7b84";

/// A payload that names an event and a repo.
const NAMED: &str =
    r#"{"event":{"action":"update","scope":"repo.content"},"repo":{"name":"me/data"}}"#;

/// A store in a folder of its own.
struct CommandStore {
    folder: TempDir,
    file: String,
}

impl CommandStore {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kept.db").to_str().unwrap().to_owned();
        Self { folder, file }
    }

    /// A server that keeps its deliveries there, and its address.
    fn serve(&self) -> (Program, String) {
        let arguments = ["--port", "0", "--store", &self.file];
        let server = Program::start(&program(), &arguments, &[PAGE_TOKEN]).unwrap();
        let url = server.local_url();
        (server, url)
    }

    /// Runs `deliveries` to its end.
    fn deliveries(&self, arguments: &[&str]) -> Ended {
        let arguments = [&["--store", &self.file, "deliveries"], arguments].concat();
        Program::start(&program(), &arguments, &[]).unwrap().wait()
    }

    /// What it prints as JSON.
    fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.deliveries(&[arguments, &["--json"]].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        serde_json::from_str(&ended.stdout).unwrap()
    }

    /// Waits until this many are in a state.
    fn wait_for(&self, count: usize, state: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.json(&["--state", state]).as_array().unwrap().len() != count {
            assert!(Instant::now() < deadline, "{}", self.json(&[]));
        }
    }
}

/// Delivers, and gives the id.
fn deliver(url: &str, endpoint: &str, webhook_id: &str, body: &str) -> String {
    let headers = ["Content-Type: application/json", &format!("Webhook-Id: {webhook_id}")];
    let answer = request(url, &format!("POST /webhooks/{endpoint}"), &headers, body).unwrap();
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.json()["delivery"].as_str().unwrap().to_owned()
}

/// The column of a field in what `deliveries --json` printed.
fn each<'a>(listed: &'a Value, field: &str) -> Vec<&'a str> {
    listed.as_array().unwrap().iter().map(|row| row[field].as_str().unwrap()).collect()
}

//! Programs that register their webhooks on the Hub when they start, and look after them while they run.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on")]

mod failures;
mod replicas;
mod servers;
mod start;
mod suspension;
mod tunnel;
mod unconfirmed;

use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tests::client::{PATIENCE, Viewer, get};
use tests::hub::{ReceivedRequest, TestHub, TestWebhook};
use tests::program::Program;
use tests::programs::{free_port, watching};

/// The secret of all endpoints.
const SECRET: &str = "hush";

/// How often a program looks at its webhooks here, in milliseconds.
const INTERVAL: &str = "200";

/// A user with an account on the Hub, and a folder in which programs remember what they have registered.
struct Bot {
    hub: TestHub,
    home: TempDir,
}

impl Bot {
    /// Returns a user whose account has the watched repos and no webhook.
    fn new() -> Self {
        let hub = TestHub::start();
        hub.create_repo("dataset:me/data");
        hub.create_repo("model:me/tiny");
        Self { hub, home: tempfile::tempdir().unwrap() }
    }

    /// Starts the program at a port, which is also in its public URL.
    fn start(&self, port: u16) -> Program {
        self.start_with(port, &["--register"], &[])
    }

    fn start_with(&self, port: u16, more: &[&str], variables: &[(&str, &str)]) -> Program {
        let (port, url) = (port.to_string(), url(port));
        let arguments = [&["--port", &port, "--public-url", &url], more].concat();
        self.spawn(&arguments, variables)
    }

    /// Starts the program with its own tunnel at a port.
    fn start_with_tunnel(&self, port: u16, more: &[&str]) -> Program {
        let address = format!("127.0.0.1:{port}");
        let arguments = [&["--port", "0", "--share"], more].concat();
        self.spawn(&arguments, &[("TUNNEL", &address)])
    }

    fn spawn(&self, arguments: &[&str], more: &[(&str, &str)]) -> Program {
        let mut variables = vec![
            ("XDG_STATE_HOME", self.home.path().to_str().unwrap()),
            ("WEBHOOK_SECRET", SECRET),
            ("WEBHOOKS_TEST_REGISTRATION_INTERVAL_MS", INTERVAL),
        ];
        variables.extend(self.hub.variables());
        variables.extend(more);
        Program::start(&watching(), arguments, &variables).unwrap()
    }

    /// Returns the webhook that calls an endpoint at a public URL.
    fn webhook(&self, url: &str, endpoint: &str) -> TestWebhook {
        let url = format!("{url}/webhooks/{endpoint}");
        let is_at = |webhook: &TestWebhook| webhook.url.as_deref() == Some(&url);
        let webhooks = self.hub.webhooks();
        let mut at = webhooks.iter().filter(|webhook| is_at(webhook));
        let webhook = at.next().unwrap_or_else(|| panic!("none calls {url}: {webhooks:#?}"));
        assert!(at.next().is_none(), "{webhooks:#?}");
        webhook.clone()
    }

    /// Returns the requests that change webhooks, so far.
    fn changes(&self) -> Vec<String> {
        let requests = self.hub.requests();
        let lines = requests.iter().map(ReceivedRequest::first_line);
        lines.filter(|line| !line.starts_with("GET ")).collect()
    }
}

/// Waits until the program has said what it has registered.
fn wait_until_registered(program: &Program) {
    let _ = program.wait_for("Webhooks on the Hub");
    let _ = program.wait_for("/webhooks/unwatched: none");
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// Returns the member `webhooks` of a server's health.
fn health(port: u16) -> Value {
    let health: Value = serde_json::from_str(&get(&url(port), "/health").unwrap().body).unwrap();
    health["webhooks"].clone()
}

/// Waits until a server's health says so of its webhooks.
fn wait_for_health(port: u16, status: &str) {
    let deadline = Instant::now() + PATIENCE;
    while health(port)["status"] != status {
        assert!(Instant::now() < deadline, "{} is not {status}", health(port));
        std::thread::sleep(Duration::from_millis(10));
    }
}

//! The command `webhooks` as a process, with a Hub whose requests and webhooks are real.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on")]

mod manage;
mod secret;
mod sync;

use tempfile::TempDir;
use tests::hub::{ReceivedRequest, TestHub, TestWebhook};
use tests::program::{Ended, Program};
use tests::programs::{free_port, watching};

/// A user with an account on the Hub, and a folder in which programs remember what they have registered.
struct Person {
    hub: TestHub,
    home: TempDir,
}

impl Person {
    /// Returns a user whose account has the watched repos and no webhook.
    fn new() -> Self {
        let hub = TestHub::start();
        hub.create_repo("dataset:me/data");
        hub.create_repo("model:me/tiny");
        Self { hub, home: tempfile::tempdir().unwrap() }
    }

    /// Starts the program with the secret `hush`.
    fn start(&self, arguments: &[&str]) -> Program {
        self.start_with(arguments, &[("WEBHOOK_SECRET", "hush")])
    }

    fn start_with(&self, arguments: &[&str], more: &[(&str, &str)]) -> Program {
        let mut variables = vec![("XDG_STATE_HOME", self.home.path().to_str().unwrap())];
        variables.extend(self.hub.variables());
        variables.extend(more);
        Program::start(&watching(), arguments, &variables).unwrap()
    }

    /// Runs `webhooks` with these arguments, and nobody at a terminal.
    fn run(&self, arguments: &[&str]) -> Ended {
        self.start(&[&["webhooks"], arguments].concat()).wait()
    }

    /// Registers the program for a public URL.
    fn sync(&self, url: &str) {
        let ended = self.run(&["sync", "--yes", "--public-url", url]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }

    /// Returns the webhook that calls an endpoint at a public URL.
    fn webhook(&self, url: &str, endpoint: &str) -> TestWebhook {
        let url = format!("{url}/webhooks/{endpoint}");
        let webhooks = self.hub.webhooks();
        let at: Vec<_> = webhooks.iter().filter(|it| it.url.as_deref() == Some(&url)).collect();
        let [webhook] = at[..] else { panic!("one at {url}: {webhooks:#?}") };
        webhook.clone()
    }

    /// Returns the requests that may change something, so far.
    fn changes(&self) -> Vec<String> {
        let requests = self.hub.requests();
        let lines = requests.iter().map(ReceivedRequest::first_line);
        lines.filter(|line| !line.starts_with("GET ")).collect()
    }
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

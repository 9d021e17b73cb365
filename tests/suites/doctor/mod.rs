//! The command `doctor`, with a Hub and a server whose requests are real.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on")]

mod older;

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tests::client::{PAGE_TOKEN, Viewer};
use tests::hub::TestWebhookState::{Disabled, Suspended};
use tests::hub::{ReceivedRequest, Scope, TestHub};
use tests::program::{Ended, Program};
use tests::programs::{free_port, watching};

/// A user with an account on the Hub, a folder in which programs remember what they have registered, and a port.
struct Owner {
    hub: TestHub,
    home: TempDir,
    port: u16,
}

impl Owner {
    fn new() -> Self {
        let hub = TestHub::start();
        hub.create_repo("dataset:me/data");
        hub.create_repo("model:me/tiny");
        Self { hub, home: tempfile::tempdir().unwrap(), port: free_port() }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn spawn(&self, arguments: &[&str], more: &[(&str, &str)]) -> Program {
        let store = self.home.path().join("webhooks.db");
        let mut variables = vec![
            ("XDG_STATE_HOME", self.home.path().to_str().unwrap()),
            ("WEBHOOK_SECRET", "hush"),
            ("WEBHOOKS_STORE", store.to_str().unwrap()),
            ("BACKGROUND", "1"),
            PAGE_TOKEN,
        ];
        variables.extend(self.hub.variables());
        variables.extend(more);
        Program::start(&watching(), arguments, &variables).unwrap()
    }

    /// Starts the server, and registers its webhooks.
    fn start(&self) -> Program {
        let (port, url) = (self.port.to_string(), self.url());
        let server = self.spawn(&["--port", &port, "--public-url", &url, "--register"], &[]);
        let _ = server.wait_for("/webhooks/unwatched: none");
        server
    }

    /// Runs `doctor` for the server's public URL. No secret and no token is in its output.
    fn doctor(&self, more: &[(&str, &str)]) -> Ended {
        let ended = self.spawn(&["doctor", "--public-url", &self.url()], more).wait();
        let output = format!("{}{}", ended.stdout, ended.stderr);
        for secret in ["hush", "guess", self.hub.token()] {
            assert!(!output.contains(secret), "{output}");
        }
        ended
    }

    /// Returns the id of the webhook of an endpoint.
    fn webhook(&self, endpoint: &str) -> String {
        let url = format!("{}/webhooks/{endpoint}", self.url());
        let webhooks = self.hub.webhooks();
        webhooks.iter().find(|webhook| webhook.url.as_deref() == Some(&url)).unwrap().id.clone()
    }
}

/// Returns a command of the program as it was started.
fn command(arguments: &str) -> String {
    format!("{} {arguments}", watching().display())
}

/// Checks that the command has found this, and nothing else.
fn assert_finds(ended: &Ended, what: &str, fix: &str) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains(what), "{}", ended.stdout);
    assert!(ended.stdout.contains(&format!("Fix: {fix}")), "{}", ended.stdout);
    assert!(ended.stdout.ends_with("\n1 finding.\n"), "{}", ended.stdout);
}

#[test]
fn of_a_healthy_program_nothing_is_found_and_nothing_is_run_or_changed() {
    let owner = Owner::new();
    let server = owner.start();
    let changes = || {
        let requests = owner.hub.requests();
        let lines = requests.iter().map(ReceivedRequest::first_line);
        lines.filter(|line| !line.starts_with("GET ")).count()
    };
    let before = changes();
    let ended = owner.doctor(&[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.ends_with("\nNothing is wrong.\n"), "{}", ended.stdout);
    for line in ["✓ settings    valid", "✓ token       me, write", "✓ clock       right"] {
        assert!(ended.stdout.contains(line), "{}", ended.stdout);
    }
    for line in ["✓ webhooks    3 enabled", "✓ secret      the same", "- space "] {
        assert!(ended.stdout.contains(line), "{}", ended.stdout);
    }
    assert_eq!(changes(), before);

    let ended = owner.spawn(&["doctor", "--json", "--public-url", &owner.url()], &[]).wait();
    let json: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((ended.code, &json["findings"]), (Some(0), &0.into()));
    assert_eq!(json["checks"].as_array().unwrap().len(), 9);

    // Neither the page nor the store nor the log has a delivery.
    let page = Viewer::of_program(&owner.url()).get("/").unwrap();
    assert!(page.body.contains(r#"id="none-yet">"#), "{}", page.body);
    let listed = owner.spawn(&["deliveries", "--json"], &[]).wait();
    assert_eq!(listed.stdout.trim(), "[]", "{listed:?}");
    let ended = server.stop();
    assert!(!ended.stdout.contains("runs for"), "{}", ended.stdout);
    assert!(!ended.stderr.contains("/webhooks/retrain"), "{}", ended.stderr);
    owner.hub.assert_no_faults();
}

#[test]
fn a_webhook_that_is_missing_suspended_or_disabled_is_found() {
    let owner = Owner::new();
    let server = owner.start();
    let retrain = owner.webhook("retrain");
    owner.hub.set_webhook_state(&retrain, Disabled);
    let disabled = format!("✗ webhooks    the webhook {retrain} of /webhooks/retrain is disabled");
    assert_finds(&owner.doctor(&[]), &disabled, &command("webhooks enable retrain"));
    server.stop();

    let (port, url) = (owner.port.to_string(), owner.url());
    let server = owner.spawn(&["--port", &port, "--public-url", &url], &[]);
    let _ = server.local_url();
    owner.hub.set_webhook_state(&retrain, Suspended);
    let suspended = format!("the Hub has suspended the webhook {retrain} of /webhooks/retrain");
    assert_finds(&owner.doctor(&[]), &suspended, &command("webhooks enable retrain"));

    let removed = owner.spawn(&["webhooks", "remove", "retrain", "--yes"], &[]).wait();
    assert_eq!(removed.code, Some(0), "{removed:?}");
    let missing = "✗ webhooks    /webhooks/retrain has no webhook";
    assert_finds(&owner.doctor(&[]), missing, &command("webhooks sync"));
    server.stop();
    owner.hub.assert_no_faults();
}

#[test]
fn a_server_that_does_not_run_or_has_another_secret_is_found() {
    let owner = Owner::new();
    let server = owner.start();
    let ended = owner.doctor(&[("WEBHOOK_SECRET", "guess")]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let what =
        "✗ secret      the server has another secret for /webhooks/retrain than this program";
    assert!(ended.stdout.contains(what), "{}", ended.stdout);
    // The webhook has the secret of the server, as far as this program remembers.
    let what = "of /webhooks/retrain differs from the program: secret: replaced";
    assert!(ended.stdout.contains(what), "{}", ended.stdout);
    server.stop();

    let ended = owner.doctor(&[]);
    let what =
        format!("✗ public URL  {} cannot be reached from here: nothing listens", owner.url());
    assert_finds(&ended, &what, "start the server, or correct --public-url");
    assert!(ended.stdout.contains("- secret      the server did not answer"), "{}", ended.stdout);
}

#[test]
fn a_token_that_is_rejected_or_may_not_write_is_found() {
    let owner = Owner::new();
    let server = owner.start();
    let read = owner.hub.token_with(&[Scope::Read]);
    let ended = owner.doctor(&[("HF_TOKEN", &read)]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for what in ["✗ token       the token of me may only read", "may not read the webhooks of me"]
    {
        assert!(ended.stdout.contains(what), "{}", ended.stdout);
    }
    let without_webhooks = owner.hub.token_with(&[Scope::Read, Scope::Write]);
    let ended = owner.doctor(&[("HF_TOKEN", &without_webhooks)]);
    let what = "✗ token       the token of me lacks the permission user.webhooks.write";
    assert!(ended.stdout.contains(what), "{}", ended.stdout);
    let fine_grained = owner.hub.token_with(&[Scope::Read, Scope::Webhooks]);
    let ended = owner.doctor(&[("HF_TOKEN", &fine_grained)]);
    assert!(ended.stdout.contains("✓ token       me, fineGrained\n"), "{}", ended.stdout);
    owner.hub.revoke_tokens();
    let ended = owner.doctor(&[]);
    let token =
        format!("create a token at {}/settings/tokens, and set HF_TOKEN to it", owner.hub.url());
    assert_finds(&ended, "✗ token       the Hub rejects the token", &token);
    // The rest is checked all the same.
    assert!(ended.stdout.contains("✓ secret      the same"), "{}", ended.stdout);
    server.stop();
}

#[test]
fn a_clock_that_is_off_is_found() {
    let owner = Owner::new();
    let server = owner.start();
    owner.hub.set_clock_ahead(Duration::from_secs(2 * 60 * 60));
    let what = "✗ clock       the clock of this machine is 7";
    let has_systemd = Path::new("/run/systemd/system").is_dir();
    let fix = if has_systemd { "sudo timedatectl set-ntp true" } else { "set the clock of this" };
    assert_finds(&owner.doctor(&[]), what, fix);
    server.stop();
}

#[test]
fn a_store_that_cannot_be_used_and_an_invalid_setting_are_found() {
    let owner = Owner::new();
    let server = owner.start();
    let nowhere = [("WEBHOOKS_STORE", "/nonexistent/webhooks.db")];
    let ended = owner.doctor(&nowhere);
    let what = "/nonexistent/webhooks.db cannot be written: ";
    assert_finds(&ended, what, "mkdir -p /nonexistent");
    let ended = owner.doctor(&[("GRADIO_SERVER_PORT", "many")]);
    assert_finds(&ended, "✗ settings    GRADIO_SERVER_PORT must be a port number", "correct");
    server.stop();
}

#[test]
fn a_store_that_cannot_be_opened_has_a_fix_by_its_cause() {
    let owner = Owner::new();
    let server = owner.start();
    let store = |name: &str| owner.home.path().join(name);
    // An empty file of somebody else, which everyone may read.
    fs::write(store("empty.db"), "").unwrap();
    fs::write(store("other.db"), "no database").unwrap();
    for (name, fix) in [
        ("empty.db", format!("rm {}", store("empty.db").display())),
        ("other.db", "name another store with --store or WEBHOOKS_STORE".to_owned()),
    ] {
        let ended = owner.doctor(&[("WEBHOOKS_STORE", store(name).to_str().unwrap())]);
        assert!(ended.stdout.contains("✗ store       The background deliveries in"), "{ended:?}");
        assert_finds(&ended, "cannot be opened: it is", &fix);
    }
    server.stop();
}

#[test]
fn the_stage_of_a_space_is_found() {
    let owner = Owner::new();
    owner.hub.create_repo("space:me/bot");
    let server = owner.start();
    let space = [("SPACE_ID", "me/bot"), ("SPACE_HOST", "me-bot.hf.space")];
    // Its store would be lost.
    let inline = [&space[..], &[("WEBHOOKS_STORE", "/data/webhooks.db")]].concat();
    for (stage, sign) in [("RUNNING", '✓'), ("PAUSED", '✗'), ("SLEEPING", '✗')] {
        owner.hub.set_space_stage("space:me/bot", stage);
        let ended = owner.doctor(&inline);
        let line = ended.stdout.lines().find(|line| line.contains("me/bot")).unwrap();
        assert!(line.starts_with(sign), "{line}");
        assert!(sign == '✓' || line.ends_with(&format!("is in the stage {stage}")), "{line}");
    }
    server.stop();
    owner.hub.assert_no_faults();
}

#[test]
fn an_unknown_public_url_is_found_and_a_wrong_command_line_is_2() {
    let owner = Owner::new();
    let ended = owner.spawn(&["doctor"], &[]).wait();
    assert_finds(
        &ended,
        "✗ public URL  the public URL of the server is not known",
        &command("doctor --public-url https://…"),
    );
    let ended = owner.spawn(&["doctor", "--public-url", "nowhere"], &[]).wait();
    assert_eq!(ended.code, Some(2), "{ended:?}");
}

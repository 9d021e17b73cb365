//! Tests the command with a prepared Hub and a person who gives prepared answers.

mod list;
mod manage;
mod sync;

use std::cell::RefCell;

use serde_json::{Value, json};

use super::dialog::Answer;
use super::*;
use crate::hub::{WatchedItem, WebhookDomain};
use crate::registration::endpoint::{WebhookEndpoint, WebhookSecret};
use crate::registration::remembered::{RememberedWebhook, RememberedWebhooks, ServerUrl, UrlKind};
use crate::state::{MemoryState, SecretFile};
use crate::testing::HubStub;

const WEBHOOKS: &str = "/api/settings/webhooks";
const SPACE: &str = "https://me-bot.hf.space";
const PATH: &str = "/webhooks/retrain";

/// A program with one endpoint, which watches a dataset and has the secret `hush`, in a folder of its own.
struct TestBot {
    stub: HubStub,
    program: ProgramContext,
    folder: tempfile::TempDir,
}

/// The end of a command.
struct Run {
    /// 0, 1 or 2.
    code: u8,
    stdout: String,
    /// Notes, the question, and the error.
    stderr: String,
    calls: Vec<String>,
}

impl TestBot {
    fn new() -> Self {
        let (stub, folder) = (HubStub::new(), tempfile::tempdir().unwrap());
        let endpoint = WebhookEndpoint {
            path: PATH.to_owned(),
            watched: vec![WatchedItem::from("dataset:me/data")],
            domains: vec![WebhookDomain::Repo],
            secret: Some(WebhookSecret::new("hush")),
            secret_is_new: false,
        };
        let program = ProgramContext {
            hub: stub.hub(),
            state: Box::new(MemoryState::default()),
            store: None,
            endpoints: vec![endpoint],
            names: vec![("retrain_model".to_owned(), PATH.to_owned())],
            public_url: Some(ServerUrl {
                url: PublicUrl::parse(SPACE).unwrap(),
                kind: UrlKind::Fixed,
            }),
            on_space: false,
            secret_file: Some(SecretFile::at(folder.path().join("secret"))),
        };
        Self { stub, program, folder }
    }

    /// Sets the webhooks of the account.
    fn with_account(self, webhooks: &[Value]) -> Self {
        self.stub.on("GET", WEBHOOKS).respond(webhooks);
        self
    }

    /// Remembers the webhook `w1`, to which `hush` was sent.
    async fn remembering(self) -> Self {
        let webhook = RememberedWebhook::new("w1", PATH, UrlKind::Fixed, Some("hush"));
        let insert = |all: &mut RememberedWebhooks| all.insert("w1", webhook);
        RememberedWebhooks::change(&*self.program.state, insert).await.unwrap();
        self
    }

    async fn remembered(&self) -> RememberedWebhooks {
        RememberedWebhooks::load(&*self.program.state).await.unwrap()
    }

    /// Runs a command line, such as `["sync", "--yes"]`.
    async fn run(&self, arguments: &[&str], answer: Answer) -> Run {
        #[derive(Debug, clap::Parser)]
        struct Parsed {
            #[command(flatten)]
            webhooks: Webhooks,
        }

        let arguments = ["webhooks"].iter().chain(arguments);
        let parsed = <Parsed as clap::Parser>::try_parse_from(arguments).unwrap();
        let (stdout, stderr) = (RefCell::new(String::new()), RefCell::new(String::new()));
        let before = self.stub.calls().len();
        let mut dialog = Dialog::new(
            |text| {
                stdout.borrow_mut().push_str(text);
                Ok(())
            },
            |text| stderr.borrow_mut().push_str(text),
            |question| {
                stderr.borrow_mut().push_str(question);
                answer
            },
        );
        let (code, error) = match run_for(parsed.webhooks.command, &self.program, &mut dialog).await
        {
            Ok(code) if code == ExitCode::SUCCESS => (0, None),
            Ok(code) => (if code == ExitCode::FAILURE { 1 } else { 2 }, None),
            Err(CommandError::Failed(error)) => (1, Some(error)),
            Err(CommandError::Setup(error)) => (2, Some(error)),
        };
        drop(dialog);
        let mut stderr = stderr.into_inner();
        stderr.extend(error.map(|error| error.to_string()));
        let calls = self.stub.calls().split_off(before);
        let calls = calls.iter().map(ToString::to_string).filter(|call| !call.contains("whoami"));
        Run { code, stdout: stdout.into_inner(), stderr, calls: calls.collect() }
    }

    /// Runs a command line to which nobody answers.
    async fn run_alone(&self, arguments: &[&str]) -> Run {
        self.run(arguments, Answer::NoTerminal).await
    }
}

/// A webhook of the account, as the endpoint needs it.
fn webhook(id: &str) -> Value {
    json!({
        "id": id,
        "url": format!("{SPACE}{PATH}"),
        "watched": [{ "type": "dataset", "name": "me/data" }],
        "domains": ["repo"],
        "hasSecret": true,
        "disabled": false,
    })
}

/// A webhook of another program.
fn others(id: &str) -> Value {
    let mut other = webhook(id);
    other["url"] = "https://other.example/hook?secret=theirs".into();
    other
}

fn response(id: &str) -> Value {
    json!({ "webhook": webhook(id) })
}

//! The example bots as processes: from an empty account over the registration of their webhooks to their last comment.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

mod auto_retrain;
mod discussion_bot;
mod metadata_review;
mod spaces_ci;

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tests::client::PATIENCE;
use tests::hub::TestHub;
use tests::markdown::blocks;
use tests::program::{Ended, Program};
use tests::programs::free_port;
use tests::repository::read;

/// A Hub, and the folder in which a bot of `me` runs.
struct BotHome {
    hub: TestHub,
    folder: TempDir,
    bot: PathBuf,
    /// The variables of the bot.
    variables: Vec<(&'static str, String)>,
}

impl BotHome {
    fn new(bot: PathBuf, repo: &str) -> Self {
        let hub = TestHub::start();
        hub.create_repo(repo);
        let folder = tempfile::tempdir().unwrap();
        let mut variables = vec![
            ("GRADIO_SHARE", "false".to_owned()),
            ("WEBHOOK_SECRET", "hush".to_owned()),
            ("XDG_STATE_HOME", folder.path().to_str().unwrap().to_owned()),
        ];
        variables.extend(hub.variables().map(|(name, value)| (name, value.to_owned())));
        // Where Python is.
        let of_this = |name| Some((name, std::env::var(name).ok()?));
        variables.extend(["PATH", "HOME"].into_iter().filter_map(of_this));
        Self { hub, folder, bot, variables }
    }

    /// Sets a variable of the bot.
    fn set(&mut self, name: &'static str, value: &str) {
        self.variables.push((name, value.to_owned()));
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.bot);
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts the bot, and waits until it has registered its webhook.
    fn start(&self) -> Program {
        let port = free_port().to_string();
        let url = format!("http://127.0.0.1:{port}");
        let arguments = ["--port", &port, "--public-url", &url, "--register"];
        let program = Program::spawn(&mut self.command(&arguments)).unwrap();
        let _ = program.wait_for("Webhooks on the Hub");
        assert_eq!(self.hub.webhooks().len(), 1);
        program
    }

    /// Runs a command of the bot to its end.
    fn run(&self, arguments: &[&str]) -> Ended {
        Program::spawn(&mut self.command(arguments)).unwrap().wait()
    }

    /// Waits until so many background deliveries have a state, and returns all of them in full, the newest first.
    fn wait_for(&self, count: usize, state: &str) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let listed = self.json(&["deliveries", "--json"]);
            let listed = listed.as_array().unwrap();
            if listed.iter().filter(|delivery| delivery["state"] == state).count() >= count {
                let ids = listed.iter().map(|delivery| delivery["id"].as_str().unwrap());
                return ids.map(|id| self.json(&["deliveries", "show", id, "--json"])).collect();
            }
            assert!(Instant::now() < deadline, "not {count} {state}: {listed:#?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.run(arguments).stdout).unwrap()
    }

    /// Stops a bot that has sent no request that the Hub rejects, and printed no token.
    fn stop(&self, program: Program) -> Ended {
        let ended = program.stop();
        for output in [&ended.stdout, &ended.stderr] {
            assert!(!output.contains(self.hub.token()), "{output}");
        }
        self.hub.assert_no_faults();
        ended
    }
}

/// Returns the texts that a bot's README shows.
fn texts(example: &str) -> Vec<String> {
    let blocks = blocks(&read(format!("examples/{example}/README.md")));
    let texts = blocks.into_iter().filter(|block| block.language == "text");
    texts.map(|block| block.text).collect()
}

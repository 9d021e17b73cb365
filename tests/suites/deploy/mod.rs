//! The command `deploy` as a process, with a Hub on which Spaces build and start as a test says.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on")]

mod edits;
mod errors;
mod files;
mod output;
mod settings;
mod space;
mod terminal;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use tests::hub::{ReceivedRequest, TestHub};
use tests::program::{Ended, Program};
use tests::programs::{free_port, watching};

const SPACE: &str = "space:me/my-bot";
const MARKER: &str = ".webhooks-deploy.json";

/// The stages of a build and a start that succeed.
const SUCCESS: [&str; 3] = ["BUILDING", "APP_STARTING", "RUNNING"];

/// What git and cargo need of this machine.
const INSTALLED: [&str; 6] =
    ["PATH", "HOME", "CARGO", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"];

/// A user with an account on the Hub and the project of a program.
struct Developer {
    hub: TestHub,
    home: TempDir,
    project: TempDir,
    program: PathBuf,
}

impl Developer {
    /// Returns the developer of a program whose functions watch repos, and whose Spaces build.
    fn new() -> Self {
        Self::of(watching())
    }

    fn of(program: PathBuf) -> Self {
        let hub = TestHub::start();
        hub.create_repo("dataset:me/data");
        hub.create_repo("model:me/tiny");
        hub.set_build(&SUCCESS);
        let (home, project) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let developer = Self { hub, home, project, program };
        let name = developer.name();
        developer.write("Cargo.toml", &manifest(&name));
        let lock = format!("version = 4\n\n[[package]]\nname = \"{name}\"\nversion = \"0.0.0\"\n");
        developer.write("Cargo.lock", &lock);
        developer.write("src/main.rs", "fn main() {}\n");
        developer.write(".gitignore", "*.log\n/target\n");
        developer
    }

    /// The name of the program and its package.
    fn name(&self) -> String {
        self.program.file_name().unwrap().to_str().unwrap().to_owned()
    }

    /// Writes a file of the project.
    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn path(&self, path: &str) -> PathBuf {
        self.project.path().join(path)
    }

    /// Starts `deploy me/my-bot` with these arguments and variables, and nobody at a terminal.
    fn start(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Program {
        Program::spawn(&mut self.command(arguments, variables)).unwrap()
    }

    fn command(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
        let installed = INSTALLED.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        let mut command = Command::new(&self.program);
        command.arg("deploy").arg("me/my-bot").args(arguments).current_dir(&self.project);
        command.env_clear().envs(installed).env("XDG_STATE_HOME", self.home.path());
        command.envs(self.hub.variables()).envs(variables.iter().copied());
        command
    }

    /// Runs `deploy me/my-bot`, which must end with this code.
    fn deploy(&self, code: i32, arguments: &[&str]) -> Ended {
        let ended = self.start(arguments, &[]).wait();
        assert_eq!(ended.code, Some(code), "{ended:?}");
        self.assert_no_secret(&ended);
        ended
    }

    /// Starts the program as on its Space.
    fn serve(&self, secret: &str) -> Program {
        self.serve_at(self.set_port(), secret)
    }

    /// Chooses the port at which the program responds on its Space.
    fn set_port(&self) -> u16 {
        let port = free_port();
        self.hub.set_host(SPACE, &format!("http://127.0.0.1:{port}"));
        port
    }

    fn serve_at(&self, port: u16, secret: &str) -> Program {
        let store = self.home.path().join("webhooks.db");
        let variables = [
            ("WEBHOOK_SECRET", secret),
            ("WEBHOOKS_STORE", path(&store)),
            ("XDG_STATE_HOME", path(self.home.path())),
        ];
        let variables = [&variables[..], &self.hub.variables()].concat();
        let server = Program::start(&self.program, &["--port", &port.to_string()], &variables);
        let server = server.unwrap();
        let _ = server.wait_for(&format!("http://127.0.0.1:{port}"));
        server
    }

    /// Checks that no output has the token or a secret of the Space.
    fn assert_no_secret(&self, ended: &Ended) {
        let secrets =
            if self.hub.has_repo(SPACE) { self.hub.space_secrets(SPACE) } else { [].into() };
        let values = secrets.into_values().filter(|value| value.len() > 10);
        for secret in values.chain([self.hub.token().to_owned()]) {
            for text in [&ended.stdout, &ended.stderr] {
                assert!(!text.contains(&secret), "{text}");
            }
        }
    }

    /// Returns the requests that may change something, so far.
    fn changes(&self) -> Vec<String> {
        let requests = self.hub.requests();
        let lines = requests.iter().map(ReceivedRequest::first_line);
        lines.filter(|line| !line.starts_with("GET ")).collect()
    }

    /// Returns the paths of the last commit's changes, with what was done.
    fn last_commit(&self) -> Vec<(String, String)> {
        let requests = self.hub.requests();
        let commit = requests.iter().rfind(|it| it.path.ends_with("/commit/main")).unwrap();
        let lines = commit.json();
        let lines = lines.as_array().unwrap().iter().skip(1);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        lines.map(|line| (text(&line["key"]), text(&line["value"]["path"]))).collect()
    }
}

/// The manifest of a package.
fn manifest(name: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n")
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Returns the lines of JSON that a command printed.
fn events(ended: &Ended) -> Vec<Value> {
    ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

//! The template in `examples/template`: the project that the quick start makes from it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::MutexGuard;

use tests::hub::{TestHub, Trouble};
use tests::markdown::{CodeBlock, blocks as blocks_of};
use tests::program::Program;
use tests::programs::free_port;
use tests::repository::{copy_time, root};
use tests::terminal::Terminal;

use super::page;

const DATA: &str = "dataset:me/data";

/// A repo with a long name.
const LLAMA: &str = "meta-llama/Llama-3.2-11B-Vision-Instruct";

/// What `deploy` prints. The files of the Space are the project's own: none is made.
const PLAN: &str = "\
The public Space me/my-bot, from /home/me/my-bot:

  create     the Space
  secret     HF_TOKEN
  secret     WEBHOOK_SECRET, which is not shown
  upload     .dockerignore
  upload     .gitignore
  upload     Cargo.lock
  upload     Cargo.toml
  upload     Dockerfile
  upload     README.md
  upload     src/main.rs
  upload     webhooks/Cargo.toml
  upload     webhooks/LICENSE-APACHE
  upload     webhooks/LICENSE-MIT
  upload     webhooks/webhooks-macros/Cargo.toml
…
  leave out  .env.example, because it may contain a secret

The Space is public: everyone can read its files and variables, but no secret.

Nothing was changed, because of --dry-run.
";

/// The blocks of the quick start that make the project and test it.
pub(super) fn blocks() -> [String; 2] {
    let blocks = blocks_of(&page("en", "quick-start")).into_iter().map(|block| block.text);
    let mut blocks = blocks.skip_while(|text| !text.contains("cargo generate "));
    [blocks.next().unwrap(), blocks.next().unwrap()]
}

/// The folder of a reader who has cloned this repository as `webhooks` and makes `my-bot` next to it. One test at a time
/// has it.
struct TemplateUser {
    folder: &'static Path,
    _turn: MutexGuard<'static, ()>,
}

impl TemplateUser {
    fn new() -> Self {
        let (turn, folder) = crate::turn_of_my_bot();
        let this = Self { folder, _turn: turn };
        // The project of the other way, which other tests go on with.
        let _ = fs::rename(this.project(), this.put_aside());
        let clone = folder.join("webhooks");
        if !clone.join(".git").exists() {
            Terminal::new(&clone, &[("GIT_CONFIG_GLOBAL", "/dev/null")]).type_in(
                "$ git init --quiet\n$ git add --all\n\
                 $ git -c user.name=me -c user.email=me@example.com commit --quiet --message Copy\n",
            );
        }
        this
    }

    fn project(&self) -> PathBuf {
        self.folder.join("my-bot")
    }

    fn put_aside(&self) -> PathBuf {
        self.folder.join("my-bot-put-aside")
    }

    /// A terminal of a person who wants a bot for this repo.
    fn terminal(&self, repo_type: &str, repo: &str) -> Terminal {
        let target = crate::target_of_my_bot();
        let variables = [
            ("CARGO_TARGET_DIR", target.to_str().unwrap()),
            ("XDG_STATE_HOME", self.folder.to_str().unwrap()),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            // What a person answers: these commands have no one to ask.
            ("CARGO_GENERATE_VALUE_REPO_TYPE", repo_type),
            ("CARGO_GENERATE_VALUE_REPO", repo),
        ];
        let mut terminal = Terminal::new(self.folder, &variables);
        terminal.stand_in("/home/me", self.folder.to_str().unwrap());
        terminal
    }

    /// Makes the project compile with what is compiled already: with the versions of this workspace, none of which cargo
    /// needs a network for, and with the crates' times, which git does not keep.
    fn settle(&self) {
        fs::copy(root().join("Cargo.lock"), self.project().join("Cargo.lock")).unwrap();
        copy_times(&root(), &self.project().join("webhooks"));
    }

    /// Runs cargo-generate with these arguments, which must fail and leave an empty folder, and returns its output.
    fn fail(&self, arguments: &[&str]) -> String {
        let mut generate = Command::new("cargo");
        generate.args(["generate", "--name", "my-bot"]).args(arguments).current_dir(self.folder);
        let output = generate.output().unwrap();
        let printed = [output.stdout, output.stderr].concat();
        let printed = String::from_utf8(printed).unwrap();
        assert!(!output.status.success(), "{printed}");
        fs::remove_dir(self.project()).unwrap();
        printed
    }
}

impl Drop for TemplateUser {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.project());
        let _ = fs::rename(self.put_aside(), self.project());
    }
}

/// Gives each file of a copy the time of its original, if their contents are the same.
fn copy_times(from: &Path, to: &Path) {
    for entry in fs::read_dir(to).unwrap() {
        let to = entry.unwrap().path();
        let from = from.join(to.file_name().unwrap());
        if to.is_dir() {
            copy_times(&from, &to);
        } else {
            assert_eq!(fs::read(&from).unwrap(), fs::read(&to).unwrap(), "{}", to.display());
            copy_time(&from, &to).unwrap();
        }
    }
}

/// Starts the bot, which registers its webhook, and commits twice to its dataset.
fn a_commit_is_reported_once(hub: &TestHub, folder: &Path) {
    let port = free_port().to_string();
    let url = format!("http://127.0.0.1:{port}");
    let store = folder.join("webhooks.db");
    let store = ["--store", store.to_str().unwrap()];
    let arguments = [&["--port", &port, "--public-url", &url, "--register"][..], &store].concat();
    let mut variables = vec![("XDG_STATE_HOME", folder.to_str().unwrap())];
    variables.extend([("WEBHOOK_SECRET", "hush")].into_iter().chain(hub.variables()));
    let bot = crate::target_of_my_bot().join("debug/my-bot");
    let bot = Program::start(&bot, &arguments, &variables).unwrap();
    let _ = bot.wait_for("Webhooks on the Hub");
    // Both commits come before a discussion exists, and the response to the first comment is lost.
    let discussions = "/api/datasets/me/data/discussions";
    hub.trouble_at(&format!("GET {discussions}"), 2, Trouble::Late { milliseconds: 1000 });
    hub.trouble_at(&format!("POST {discussions}/1/comment"), 1, Trouble::LostResponse);
    let commits = ["a,b\n", "a,b\n1,2\n"]
        .map(|text| hub.push(DATA, "main", &[("data.csv", Some(text.as_bytes()))]));
    bot.wait_for_logs("commented in discussion 1", 2);
    let comments = hub.wait_for_comments(DATA, 1, 3);
    let [discussion] = <[_; 1]>::try_from(hub.discussions(DATA)).unwrap();
    assert_eq!((discussion.title.as_str(), discussion.comments.len()), ("New commits", 3));
    for commit in &commits {
        let text = format!("The main branch is now at `{commit}`.");
        assert!(comments.iter().any(|it| it.text.starts_with(&text)), "{comments:?}");
    }
    assert_eq!(bot.stop().code, Some(0));
    hub.assert_no_faults();
}

#[test]
#[ignore = "needs cargo-generate, git, and minutes to compile all crates once more"]
fn the_template_makes_a_project_that_is_tested_runs_and_is_deployed() {
    let user = TemplateUser::new();
    let (hub, home) = (TestHub::start(), tempfile::tempdir().unwrap());
    hub.create_repo(DATA);
    let mut terminal = user.terminal("dataset", "me/data");
    let [making, testing] = blocks();
    terminal.type_in(&making);
    user.settle();
    terminal.type_in(&testing);
    terminal.type_in("$ cargo fmt --check\n$ cargo clippy --all-targets -- --deny warnings\n");
    terminal.type_in("$ cargo build\n");
    a_commit_is_reported_once(&hub, home.path());

    for (name, value) in hub.variables() {
        terminal.set(name, value);
    }
    let readme = fs::read_to_string(user.project().join("README.md")).unwrap();
    let [commands, deploy] = <[CodeBlock; 2]>::try_from(blocks_of(&readme)).unwrap();
    assert_eq!(commands.text, "$ cargo test\n$ cargo run\n");
    terminal.type_in(&format!("{} --dry-run\n{PLAN}", deploy.text.trim_end()));
}

#[test]
#[ignore = "needs cargo-generate, git, and minutes to compile all crates once more"]
fn the_project_of_any_repo_is_formatted_and_tested() {
    let user = TemplateUser::new();
    let mut terminal = user.terminal("model", LLAMA);
    let [making, testing] = blocks();
    terminal.type_in(&making);
    user.settle();
    terminal.type_in(&testing);
    terminal.type_in("$ cargo fmt --check\n$ cargo run -- endpoints\n…\n");
}

#[test]
#[ignore = "needs cargo-generate and git"]
fn a_project_without_its_crates_is_not_made_and_the_reason_is_said() {
    let user = TemplateUser::new();
    for arguments in [
        &["--silent", "--git", "webhooks", "examples/template"][..],
        &["--silent", "--allow-commands", "--path", "webhooks/examples/template"],
    ] {
        let printed = user.fail(arguments);
        let command = "  cargo generate --git REPOSITORY examples/template --allow-commands";
        let advice = format!("Delete the folder {} and allow", user.project().display());
        assert!(printed.contains(&advice) && printed.contains(command), "{printed}");
    }
}

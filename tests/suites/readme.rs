//! Each README is held to its word: every block in it compiles and runs, or is what the screen shows.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::MutexGuard;

use serde_json::Value;
use tests::markdown::{CodeBlock, anchor, blocks, headings, links};
use tests::program::{Program, build, forget_package};
use tests::repository::{read, root};
use tests::share::{Terms, TestShareServer};
use tests::terminal::WITHOUT_DEBUG;

const READMES: [&str; 2] = ["README.md", "README.ko.md"];

/// The blocks of each README, by language and in this order. A block that is added here needs a test.
const BLOCKS: [&str; 5] = ["rust", "console", "console", "toml", "console"];

/// The block at a place of [`BLOCKS`].
fn block(index: usize) -> String {
    blocks(&read(READMES[0])).swap_remove(index).text
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_block_is_known_and_the_same_in_both_languages() {
    let [english, korean] = READMES.map(|readme| blocks(&read(readme)));
    let languages: Vec<_> = english.iter().map(|block| block.language.as_str()).collect();
    assert_eq!(languages, BLOCKS);
    // Comments are in the language of the page.
    let [english, korean] = [english, korean]
        .map(|blocks| blocks.iter().map(CodeBlock::without_comments).collect::<Vec<_>>());
    assert_eq!(english, korean);
    // What runs this test.
    assert_eq!(block(4), "$ ./tests/run\n");
}

#[test]
fn every_link_to_a_file_or_a_heading_leads_somewhere() {
    for readme in READMES {
        let text = read(readme);
        let links: Vec<_> =
            links(&text).into_iter().filter(|link| !link.starts_with("http")).collect();
        let anchors: Vec<_> = headings(&text).iter().map(|heading| anchor(heading)).collect();
        let (in_it, files): (Vec<_>, Vec<_>) =
            links.into_iter().partition(|link| link.starts_with('#'));
        assert!(!files.is_empty());
        for heading in in_it {
            assert!(anchors.contains(&heading), "{readme}: {heading}");
        }
        // Pictures in HTML, for their size.
        let pictures = text.split("<img src=\"").skip(1);
        let pictures = pictures.filter_map(|rest| Some(rest.split('"').next()?.to_owned()));
        for file in files.into_iter().chain(pictures) {
            assert!(root().join(&file).exists(), "{readme}: {file}");
        }
    }
}

#[test]
fn the_quickstart_has_the_function_of_the_first_program_and_prints_what_is_shown() {
    let function = "async fn trigger_training(payload: WebhookPayload) {";
    assert!(read("examples/quickstart/src/main.rs").contains(function));
    assert!(block(0).contains(function));
    let session = block(1);
    let shown = session.strip_prefix("$ cargo run -p quickstart\n…\n").unwrap();
    let shown = shown.strip_suffix("…\n").unwrap();
    // The front page of the crate's docs shows a part of it.
    let front = read("webhooks-runtime/src/lib.rs");
    let part = front.split("//! ```text\n").nth(1).unwrap().split("//! ```").next().unwrap();
    let lines: Vec<_> = part.lines().map(|line| line.trim_start_matches("//!").trim()).collect();
    let mut shown_lines = shown.lines().map(str::trim);
    assert!(lines.len() > 5 && lines.iter().all(|line| shown_lines.any(|shown| shown == *line)));
    let share_server = TestShareServer::start(&Terms::default()).unwrap();
    let home = tempfile::tempdir().unwrap();
    let address = share_server.address.to_string();
    let variables = [
        // The reader has a terminal, this test has none.
        ("GRADIO_SHARE", "true"),
        ("GRADIO_SHARE_SERVER_ADDRESS", address.as_str()),
        ("XDG_STATE_HOME", home.path().to_str().unwrap()),
    ];
    let program = Program::start(&build("quickstart", "dev"), &["--port", "0"], &variables);
    let program = program.unwrap();
    let (local, public) = (program.local_url(), program.public_url());
    let _ = program.wait_for_log("Set WEBHOOK_SECRET and restart");
    let ended = program.stop();
    let printed = ended.stdout.replace(&local, "http://127.0.0.1:7860");
    let printed = printed.replace(&public, "https://4f6e1f65055263866d.gradio.live");
    // To a terminal the token is printed, and here how to set it.
    let of_page = |text: &str| {
        let at = text.find("* Page with deliveries:").unwrap();
        text[at..].lines().take(2).collect::<Vec<_>>().join("\n")
    };
    let printed = printed.replace(&of_page(&printed), &of_page(shown));
    assert!(printed.ends_with(shown), "{printed}");
}

/// A project as the README says, named `my-bot`, beside a copy of this repository. One test at a time has it.
struct ReadmeProject {
    path: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

impl ReadmeProject {
    fn make() -> Self {
        let (turn, folder) = crate::turn_of_my_bot();
        let project = Self { path: folder.join("my-bot"), _turn: turn };
        let path = &project.path;
        // That of another test.
        let _ = fs::remove_dir_all(path);
        fs::create_dir_all(path.join("src")).unwrap();
        project.shell(&block(2).replace("$ ", ""));
        let package = "[package]\nname = \"my-bot\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n";
        fs::write(path.join("Cargo.toml"), package.to_owned() + &block(3)).unwrap();
        // The same versions, so that nothing is asked of a network.
        fs::copy(root().join("Cargo.lock"), path.join("Cargo.lock")).unwrap();
        fs::write(path.join("src/main.rs"), block(0)).unwrap();
        project
    }

    /// Runs command lines in the project.
    fn shell(&self, lines: &str) -> String {
        let mut command = Command::new("bash");
        command.args(["-ec", lines]).current_dir(&self.path).env("CARGO_NET_OFFLINE", "true");
        command.env("CARGO_TARGET_DIR", crate::target_of_my_bot());
        command.envs([WITHOUT_DEBUG]);
        forget_package(&mut command);
        run(&mut command)
    }
}

#[test]
fn a_project_with_these_blocks_has_its_endpoint() {
    let printed = ReadmeProject::make().shell("cargo run -- endpoints 2>&1");
    assert!(printed.contains("/webhooks/trigger_training  src/main.rs:4\n"), "{printed}");
    assert!(!printed.contains("warning"), "{printed}");
}

#[test]
fn a_workspace_leaves_out_the_copy_as_the_readme_says() {
    let excluded = "exclude = [\"webhooks\"]";
    for readme in READMES {
        assert!(read(readme).contains(excluded), "{readme}");
    }
    let project = ReadmeProject::make();
    let manifest = project.path.join("Cargo.toml");
    let package = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, format!("{package}\n[workspace]\n{excluded}\n")).unwrap();
    let metadata: Value =
        serde_json::from_str(&project.shell("cargo metadata --no-deps --format-version 1"))
            .unwrap();
    assert_eq!(metadata["workspace_members"].as_array().unwrap().len(), 1);
}

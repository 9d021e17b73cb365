//! Each README is held to its word: every block in it compiles and runs, or is what the screen shows.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::MutexGuard;

use serde_json::Value;
use tests::markdown::{CodeBlock, anchor, blocks, headings, links};
use tests::program::{Program, build};
use tests::repository::{self, read, root};
use tests::share::{Terms, TestShareServer};

const READMES: [&str; 2] = ["README.md", "README.ko.md"];

/// The blocks of each README, by language and in this order. A block that is added here needs a test.
const BLOCKS: [&str; 12] = [
    "rust", "console", "console", "console", "toml", "rust", "rust", "console", "rust", "console",
    "yaml", "console",
];

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
    assert_eq!(block(11), "$ ./tests/run\n");
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
        for file in files {
            assert!(root().join(&file).exists(), "{readme}: {file}");
        }
    }
}

#[test]
fn the_quickstart_is_the_first_program_and_prints_what_is_shown() {
    let program = read("examples/quickstart/src/main.rs");
    assert_eq!(block(0), program);
    let session = block(1);
    let shown = session.strip_prefix("$ cargo run -p quickstart\n").unwrap();
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
    // On a screen there are both. What comes last is said when the program is stopped.
    let printed = ended.stdout.replace(&local, "http://127.0.0.1:7860");
    let printed = printed.replace(&public, "https://4f6e1f65055263866d.gradio.live");
    // To a terminal the token is printed, and here how to set it.
    let of_page = |text: &str| {
        let at = text.find("* Page with deliveries:").unwrap();
        text[at..].lines().take(2).collect::<Vec<_>>().join("\n")
    };
    let printed = printed.replace(&of_page(&printed), &of_page(shown));
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(shown, format!("{}\n{printed}{}\n{}\n", lines[0], lines[1], lines[2]));
}

#[test]
fn the_delivery_from_a_terminal_is_answered_as_shown() {
    let quickstart = build("quickstart", "dev");
    let program = Program::start(&quickstart, &["--port", "0"], &[]).unwrap();
    let url = program.local_url();
    let session = block(2);
    let (command, shown) = session.split_once('\n').unwrap();
    let arguments = command.strip_prefix("$ cargo run -p quickstart -- ").unwrap();
    let arguments: Vec<_> = arguments.split(' ').chain(["--url", &url]).collect();
    let ended = Program::start(&quickstart, &arguments, &[]).unwrap().wait();
    let lines: Vec<_> = ended.stderr.lines().collect();
    let printed = format!("{}\n{}{}\n", lines[0], ended.stdout, lines[1]);
    let printed = printed.replace(&url, "http://127.0.0.1:7860");
    // Each time takes another.
    let without_time = |text: &str| text.rsplit_once(" in ").unwrap().0.to_owned();
    assert_eq!(without_time(&printed), without_time(shown));
    let logged = program.wait_for_log("status=200");
    assert!(logged.contains("me/data"), "{logged}");
}

#[test]
fn the_page_of_ones_own_is_that_of_the_example() {
    let program = read("examples/custom-server/src/main.rs");
    let indented: String = block(5).lines().map(|line| format!("    {line}\n")).collect();
    assert!(program.contains(&indented), "{indented}");
}

#[test]
fn background_deliveries_are_listed_as_shown() {
    let program = read("examples/background/src/main.rs");
    assert_eq!(block(6), program);
    // In English as it is, in Korean with comments of its own.
    let shown = CodeBlock { language: "rust".to_owned(), text: program.clone() };
    assert!(blocks(&read("docs/en/background-deliveries.md")).contains(&shown));
    let korean = blocks(&read("docs/ko/background-deliveries.md"));
    assert!(korean.iter().any(|block| block.without_comments() == shown.without_comments()));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("webhooks.db");
    let variables = [("WEBHOOKS_STORE", file.to_str().unwrap())];
    let example = build("background", "dev");
    let program = Program::start(&example, &["--port", "0"], &variables).unwrap();
    let url = program.local_url();
    let _ = program.wait_for(&format!("* Background deliveries: {}", file.display()));
    for (private, state) in [("false", "state=done"), ("true", "state=dead")] {
        let set = format!("repo.private={private}");
        let arguments = ["trigger", "trigger_training", "--set", &set, "--url", &url];
        let sent = Program::start(&example, &arguments, &[]).unwrap().wait();
        assert!(sent.stderr.contains("202 Accepted"), "{sent:?}");
        let _ = program.wait_for_log(state);
    }
    let session = block(7);
    let (command, shown) = session.split_once('\n').unwrap();
    let arguments = command.strip_prefix("$ cargo run -p background -- ").unwrap();
    let listed = Program::start(&example, &[arguments], &variables).unwrap().wait();
    // Ids and times are others each time.
    let plain = |text: &str| {
        let word = |word: &str| match word {
            id if id.len() == 36 && id.matches('-').count() == 4 => "ID".to_owned(),
            time if time.len() == 20 && time.ends_with('Z') => "TIME".to_owned(),
            word => word.to_owned(),
        };
        let line = |line: &str| line.split("  ").map(str::trim).map(word).collect::<Vec<_>>();
        text.lines().map(line).collect::<Vec<_>>()
    };
    assert_eq!(plain(&listed.stdout), plain(shown));
    program.stop();
}

/// A project as the README says, named `my-bot`, beside a copy of this repository. It is at the same place each time,
/// so that what is compiled in it is found again; one test at a time has it.
struct ReadmeProject {
    folder: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

impl ReadmeProject {
    fn make() -> Self {
        let turn = crate::turn_of_my_bot();
        let folder = repository::fixed_folder("readme");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let project = Self { folder, _turn: turn };
        repository::copy(&project.folder.join("webhooks")).unwrap();
        let path = project.path();
        fs::create_dir_all(path.join("src")).unwrap();
        project.shell(&block(3).replace("$ ", ""));
        let package = "[package]\nname = \"my-bot\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n";
        fs::write(path.join("Cargo.toml"), package.to_owned() + &block(4)).unwrap();
        // The same versions, so that nothing is asked of a network.
        fs::copy(root().join("Cargo.lock"), path.join("Cargo.lock")).unwrap();
        fs::write(path.join("src/main.rs"), format!("{}\n{}", block(0), block(8))).unwrap();
        project
    }

    fn path(&self) -> PathBuf {
        self.folder.join("my-bot")
    }

    /// Runs command lines in the project.
    fn shell(&self, lines: &str) -> String {
        let mut command = Command::new("bash");
        command.args(["-ec", lines]).current_dir(self.path()).env("CARGO_NET_OFFLINE", "true");
        // Beside the workspace's own, so that the crates are compiled once for all projects of tests.
        command.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("my-bot"));
        run(&mut command)
    }
}

#[test]
fn a_project_with_these_blocks_passes_its_test() {
    let printed = ReadmeProject::make().shell("cargo test 2>&1");
    assert!(printed.contains("test tests::a_commit_to_the_dataset_is_taken ... ok"), "{printed}");
    assert!(!printed.contains("warning"), "{printed}");
}

#[test]
fn a_workspace_leaves_out_the_copy_as_the_readme_says() {
    let excluded = "exclude = [\"webhooks\"]";
    for readme in READMES {
        assert!(read(readme).contains(excluded), "{readme}");
    }
    let project = ReadmeProject::make();
    let manifest = project.path().join("Cargo.toml");
    let package = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, format!("{package}\n[workspace]\n{excluded}\n")).unwrap();
    let metadata: Value =
        serde_json::from_str(&project.shell("cargo metadata --no-deps --format-version 1"))
            .unwrap();
    assert_eq!(metadata["workspace_members"].as_array().unwrap().len(), 1);
}

#[test]
fn the_files_of_a_space_are_those_of_an_example() {
    let project = ReadmeProject::make();
    project.shell(&block(9).replace("$ ", ""));
    // What comes of them, the suite of Spaces tests.
    for file in ["Dockerfile", ".dockerignore", ".gitignore"] {
        let example = root().join("examples/quickstart").join(file);
        assert_eq!(fs::read(project.path().join(file)).unwrap(), fs::read(example).unwrap());
    }
    assert!(
        block(10).starts_with("---\n") && block(10).contains("\nsdk: docker\napp_port: 7860\n")
    );
}

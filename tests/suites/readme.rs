//! Each README is held to its word: every block in it compiles and runs, or is what the screen shows.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};
use serde_json::Value;
use tempfile::TempDir;
use tests::client::request;
use tests::payloads::dataset_commit;
use tests::program::{Program, build};
use tests::share::{ShareServer, Terms};

const READMES: [&str; 2] = ["README.md", "README.ko.md"];

/// The blocks of each README, by language and in this order. A block that is added here needs a test.
const BLOCKS: [&str; 11] = [
    "rust",
    "console",
    "console",
    "toml",
    "rust",
    "rust",
    "console",
    "rust",
    "dockerfile",
    "yaml",
    "console",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The code blocks of a README: language and text.
fn blocks(readme: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join(readme)).unwrap();
    let mut blocks = Vec::new();
    let mut inside = false;
    for event in Parser::new(&text) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                blocks.push((language.to_string(), String::new()));
                inside = true;
            }
            Event::End(TagEnd::CodeBlock) => inside = false,
            Event::Text(text) if inside => blocks.last_mut().unwrap().1.push_str(&text),
            _ => {}
        }
    }
    blocks
}

/// The block at a place of [`BLOCKS`].
fn block(index: usize) -> String {
    blocks(READMES[0]).swap_remove(index).1
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_block_is_known_and_the_same_in_both_languages() {
    let [english, korean] = READMES.map(blocks);
    let languages: Vec<_> = english.iter().map(|(language, _)| language.as_str()).collect();
    assert_eq!(languages, BLOCKS);
    assert_eq!(english, korean);
    // What runs this test.
    assert_eq!(block(10), "$ ./tests/run\n");
}

/// The anchors of a text's headings, as GitHub makes them.
fn anchors(text: &str) -> Vec<String> {
    let mut anchors = Vec::new();
    let mut inside = false;
    for event in Parser::new(text) {
        match event {
            Event::Start(Tag::Heading { .. }) => {
                anchors.push("#".to_owned());
                inside = true;
            }
            Event::End(TagEnd::Heading(_)) => inside = false,
            Event::Text(text) | Event::Code(text) if inside => {
                let plain = text.to_lowercase().replace(' ', "-");
                let plain =
                    plain.chars().filter(|letter| letter.is_alphanumeric() || *letter == '-');
                anchors.last_mut().unwrap().extend(plain);
            }
            _ => {}
        }
    }
    anchors
}

#[test]
fn every_link_to_a_file_or_a_heading_leads_somewhere() {
    for readme in READMES {
        let text = fs::read_to_string(root().join(readme)).unwrap();
        let links = Parser::new(&text).filter_map(|event| match event {
            Event::Start(Tag::Link { dest_url, .. }) => Some(dest_url.to_string()),
            _ => None,
        });
        let links: Vec<_> = links.filter(|link| !link.starts_with("http")).collect();
        let (headings, files): (Vec<_>, Vec<_>) =
            links.into_iter().partition(|link| link.starts_with('#'));
        assert!(!files.is_empty());
        for heading in headings {
            assert!(anchors(&text).contains(&heading), "{readme}: {heading}");
        }
        for file in files {
            assert!(root().join(&file).exists(), "{readme}: {file}");
        }
    }
}

#[test]
fn the_quickstart_is_the_first_program_and_prints_what_is_shown() {
    let program = fs::read_to_string(root().join("examples/quickstart/src/main.rs")).unwrap();
    assert_eq!(block(0), program);
    let session = block(1);
    let shown = session.strip_prefix("$ cargo run -p quickstart\n").unwrap();
    let share_server = ShareServer::start(&Terms::default()).unwrap();
    let home = tempfile::tempdir().unwrap();
    let address = share_server.address.to_string();
    let variables = [
        ("GRADIO_SHARE", ""),
        ("GRADIO_SHARE_SERVER_ADDRESS", address.as_str()),
        ("XDG_STATE_HOME", home.path().to_str().unwrap()),
    ];
    let program = Program::start(&build("quickstart", "dev"), &["--port", "0"], &variables);
    let program = program.unwrap();
    let (local, public) = (program.local_url(), program.public_url());
    let _ = program.wait_for_log("Set WEBHOOK_SECRET and start again");
    let ended = program.stop();
    // On a screen there are both. What comes last is said when the program is stopped.
    let printed = ended.stdout.replace(&local, "http://127.0.0.1:7860");
    let printed = printed.replace(&public, "https://4f6e1f65055263866d.gradio.live");
    let token =
        |text: &str| text.split("?token=").nth(1).unwrap().lines().next().unwrap().to_owned();
    let printed = printed.replace(&token(&printed), &token(shown));
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
    let program = fs::read_to_string(root().join("examples/custom-server/src/main.rs")).unwrap();
    let indented: String = block(4).lines().map(|line| format!("    {line}\n")).collect();
    assert!(program.contains(&indented), "{indented}");
}

#[test]
fn background_deliveries_are_listed_as_shown() {
    let program = fs::read_to_string(root().join("examples/background/src/main.rs")).unwrap();
    assert_eq!(block(5), program);
    for guide in ["docs/en/background-deliveries.md", "docs/ko/background-deliveries.md"] {
        let guide = fs::read_to_string(root().join(guide)).unwrap();
        assert!(guide.contains(&format!("```rust\n{program}```\n")));
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("webhooks.db");
    let variables = [("WEBHOOKS_STORE", file.to_str().unwrap())];
    let example = build("background", "dev");
    let program = Program::start(&example, &["--port", "0"], &variables).unwrap();
    let url = program.local_url();
    let _ = program.wait_for(&format!("* Background deliveries: {}", file.display()));
    for sample in ["dataset-commit", "bucket-files"] {
        let arguments = ["trigger", "trigger_training", "--sample", sample, "--url", &url];
        let sent = Program::start(&example, &arguments, &[]).unwrap().wait();
        assert!(sent.stderr.contains("202 Accepted"), "{sent:?}");
        let _ = program.wait_for_log(if sample == "bucket-files" {
            "state=dead"
        } else {
            "state=done"
        });
    }
    let session = block(6);
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

/// Copies a folder without what git keeps and cargo makes.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (from, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if from.is_file() {
            fs::copy(&from, to.join(name)).unwrap();
        } else if name != ".git" && name != "target" {
            copy(&from, &to.join(name));
        }
    }
}

/// A project as the README says, named `my-bot`.
fn project() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    copy(&root(), &path.join("webhooks"));
    let package = "[package]\nname = \"my-bot\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n";
    fs::write(path.join("Cargo.toml"), package.to_owned() + &block(3)).unwrap();
    // The same versions, so that nothing is asked of a network.
    fs::copy(root().join("Cargo.lock"), path.join("Cargo.lock")).unwrap();
    fs::create_dir(path.join("src")).unwrap();
    fs::write(path.join("src/main.rs"), format!("{}\n{}", block(0), block(7))).unwrap();
    folder
}

/// Runs a command line in the project.
fn shell(project: &TempDir, line: &str) -> String {
    let mut command = Command::new("bash");
    command.args(["-c", line]).current_dir(project.path()).env("CARGO_NET_OFFLINE", "true");
    // Beside the workspace's own, so that the crates are compiled once for all tests of this file.
    command.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("my-bot"));
    run(&mut command)
}

#[test]
fn a_project_with_these_blocks_passes_its_test() {
    let printed = shell(&project(), "cargo test 2>&1");
    assert!(printed.contains("test tests::a_commit_to_the_dataset_is_taken ... ok"), "{printed}");
    assert!(!printed.contains("warning"), "{printed}");
}

#[test]
fn a_workspace_leaves_out_the_copy_as_the_readme_says() {
    let excluded = "exclude = [\"webhooks\"]";
    for readme in READMES {
        assert!(fs::read_to_string(root().join(readme)).unwrap().contains(excluded), "{readme}");
    }
    let project = project();
    let manifest = project.path().join("Cargo.toml");
    let package = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, format!("{package}\n[workspace]\n{excluded}\n")).unwrap();
    let metadata: Value =
        serde_json::from_str(&shell(&project, "cargo metadata --format-version 1")).unwrap();
    assert_eq!(metadata["workspace_members"].as_array().unwrap().len(), 1);
}

#[test]
#[ignore = "needs git, and minutes to compile all crates once more"]
fn the_way_to_a_space_ends_in_a_server_with_public_addresses() {
    let project = project();
    // What is pushed has all of the copy in it.
    let pushed = shell(&project, "git init --quiet && git add . && git ls-files --stage");
    assert!(pushed.contains("webhooks/webhooks-runtime/src/lib.rs"), "{pushed}");
    assert!(!pushed.contains("160000 "), "no other repository: {pushed}");
    let dockerfile = block(8);
    let steps = |name: &str| {
        let steps = dockerfile.lines().filter_map(|line| line.strip_prefix(name));
        steps.map(str::to_owned).collect::<Vec<_>>()
    };
    for line in steps("RUN ") {
        shell(&project, &line);
    }
    let copied = steps("COPY --from=build /bot/target/");
    let (built, installed) = copied[0].split_once(' ').unwrap();
    let name: Value = serde_json::from_str(&steps("CMD ")[0]).unwrap();
    assert_eq!(name[0], Path::new(installed).file_name().unwrap().to_str().unwrap());

    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("my-bot").join(built);
    let variables = [
        ("SPACE_ID", "me/my-bot"),
        ("SPACE_HOST", "me-my-bot.hf.space"),
        ("WEBHOOK_SECRET", "hush"),
        // Not what a Space has: a test listens on no other address and takes any port.
        ("GRADIO_SERVER_NAME", "127.0.0.1"),
        ("GRADIO_SERVER_PORT", "0"),
    ];
    let program = Program::start(&program, &[], &variables).unwrap();
    let url = program.local_url();
    let _ = program.wait_for("https://me-my-bot.hf.space/webhooks/trigger_training");
    let headers = ["X-Webhook-Secret: hush"];
    let body = dataset_commit().to_string();
    let answer = request(&url, "POST /webhooks/trigger_training", &headers, &body).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(block(9).contains("sdk: docker\napp_port: 7860\n"));
    program.stop();
}

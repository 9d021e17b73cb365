//! The guide's page "Command line" has what `--help` prints, for the program and each of its commands.
//!
//! `UPDATE_COMMAND_LINE=1 cargo test -p tests --test suites command_reference::` writes the output into the page, in
//! every language.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use tests::markdown::{CodeBlock, blocks};
use tests::program::{Program, build};
use tests::repository::{read, root};

const PAGES: [&str; 2] = ["docs/en/command-line.md", "docs/ko/command-line.md"];

/// The width of the output on the page, in characters.
const WIDTH: &str = "100";

/// What `--help` prints for a command of the example `background`, which has all of them, under the name that the
/// guide's bot has.
fn help(command: &[String]) -> String {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| build("background", "dev"));
    let arguments: Vec<_> = command.iter().map(String::as_str).chain(["--help"]).collect();
    let ended = Program::start(program, &arguments, &[("COLUMNS", WIDTH)]).unwrap().wait();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    // A usage of two lines has the name twice.
    let named = ended.stdout.replace("Usage: background", "Usage: my-bot");
    let named = named.replace("\n       background ", "\n       my-bot ");
    named.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// The commands that a help text lists, apart from `help` itself.
fn subcommands(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let lines = lines.take_while(|line| line.starts_with("  "));
    let names = lines.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// The help of a command, and after it that of each command below it.
fn with_subcommands(command: &[String], texts: &mut Vec<String>) {
    let text = help(command);
    let below = subcommands(&text);
    texts.push(text);
    for name in below {
        with_subcommands(&[command, &[name]].concat(), texts);
    }
}

/// A page with these texts in its `text` blocks.
fn updated(page: &str, texts: &[String]) -> String {
    let mut pieces = page.split("```text\n");
    let mut page = pieces.next().unwrap().to_owned();
    for (piece, text) in pieces.zip(texts) {
        page += &format!("```text\n{text}```\n{}", piece.split_once("```\n").unwrap().1);
    }
    page
}

#[test]
fn the_page_has_the_help_of_every_command() {
    let mut texts = Vec::new();
    with_subcommands(&[], &mut texts);
    assert!(texts.len() >= 8, "{texts:?}");
    let update = std::env::var_os("UPDATE_COMMAND_LINE").is_some();
    let hint = "UPDATE_COMMAND_LINE=1 cargo test -p tests --test suites command_reference::";
    for page in PAGES {
        let text = read(page);
        let mut shown = blocks(&text);
        shown.retain(|block| block.language == "text");
        assert_eq!(shown.len(), texts.len(), "{page}: a `text` block for each of {texts:#?}");
        if update {
            fs::write(root().join(page), updated(&text, &texts)).unwrap();
            continue;
        }
        for (CodeBlock { text: shown, .. }, text) in shown.iter().zip(&texts) {
            assert_eq!(shown, text, "{page}: {hint}");
        }
    }
}

#[test]
fn commands_are_found_in_a_help_text() {
    let help = "Usage: x\n\nCommands:\n  show   Show one\n  retry  Retry it\n  help   Help\n\nOptions:\n  -h\n";
    assert_eq!(subcommands(help), ["show", "retry"]);
    assert!(subcommands("Usage: x\n\nOptions:\n  -h  Help\n").is_empty());
}

#[test]
fn each_block_of_a_page_is_replaced_by_its_text() {
    let page = "# A\n\n```text\nold\n```\n\n```console\n$ a\n```\n\n```text\n```\nend\n";
    let texts = ["one\n".to_owned(), "two\n".to_owned()];
    let new = "# A\n\n```text\none\n```\n\n```console\n$ a\n```\n\n```text\ntwo\n```\nend\n";
    assert_eq!(updated(page, &texts), new);
}

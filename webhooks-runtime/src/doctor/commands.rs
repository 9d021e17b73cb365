//! Writes commands that a person can copy into the shell in which this program was started.

use std::env;
use std::path::Path;

/// Returns the words that a command of this program begins with: `cargo run --` if cargo has started it, or else the path
/// that the person has entered. `name` is that of the program, for a system that does not tell the path.
pub(crate) fn invocation(name: &str) -> String {
    let path = env::args_os().next().and_then(|path| path.into_string().ok());
    invocation_of(name, path.as_deref(), env::var_os("CARGO_MANIFEST_DIR").is_some())
}

fn invocation_of(name: &str, path: Option<&str>, by_cargo: bool) -> String {
    match path.filter(|path| !path.is_empty()) {
        // Without the separator, the flags would be cargo's.
        _ if by_cargo => "cargo run --".to_owned(),
        Some(path) => shell_word(path),
        None => name.to_owned(),
    }
}

/// Returns the command that logs in to the Hub, if the program for it is installed.
pub(super) fn login() -> Option<&'static str> {
    let folders = env::var_os("PATH").unwrap_or_default();
    let is_installed = env::split_paths(&folders).any(|folder| is_program(&folder.join("hf")));
    is_installed.then_some("hf auth login")
}

fn is_program(path: &Path) -> bool {
    path.is_file() || path.with_extension("exe").is_file()
}

/// Quotes a text so that a shell takes it as one word.
pub(super) fn shell_word(text: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_./:@%+=,\\".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_begins_as_the_program_was_started() {
        for (path, by_cargo, expected) in [
            (Some("target/debug/my-bot"), true, "cargo run --"),
            (Some("./target/debug/my-bot"), false, "./target/debug/my-bot"),
            (Some("my-bot"), false, "my-bot"),
            (Some("/opt/my bots/bot"), false, "'/opt/my bots/bot'"),
            (Some(""), false, "name"),
            (None, false, "name"),
        ] {
            assert_eq!(invocation_of("name", path, by_cargo), expected, "{path:?}");
        }
    }

    #[test]
    fn a_shell_takes_a_quoted_text_as_one_word() {
        for (text, expected) in [
            ("bot.db", "bot.db"),
            ("", "''"),
            ("a b", "'a b'"),
            ("$(rm x)", "'$(rm x)'"),
            ("it's", r"'it'\''s'"),
        ] {
            assert_eq!(shell_word(text), expected);
        }
    }
}

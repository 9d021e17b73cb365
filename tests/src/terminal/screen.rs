//! Compares what a screen shows with what a page says it shows.

use std::borrow::Cow;
use std::fmt::Display;

use super::CHANGING;
use crate::program::fail;

/// Whether this has one name on a page: an id, a public URL; not a time, nor the token of each start.
pub(super) fn named(text: &str) -> bool {
    let is_id = text.len() == 36 || text.len() == 24 && !text.contains(':');
    is_id || text.starts_with("http")
}

pub(super) fn masked(line: &str) -> Cow<'_, str> {
    CHANGING.replace_all(line, "◌")
}

pub(super) fn indented<T: Display>(lines: &[T]) -> String {
    lines.iter().map(|line| format!("  {line}\n")).collect()
}

/// The commands of a block, each with the lines that are shown after it.
///
/// # Panics
///
/// When it begins with something else.
#[must_use]
pub fn commands(block: &str) -> Vec<(String, Vec<&str>)> {
    let mut commands: Vec<(String, Vec<&str>)> = Vec::new();
    for line in block.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            commands.push((command.to_owned(), Vec::new()));
        } else {
            let Some((command, shown)) = commands.last_mut() else {
                fail(&format!("a block of commands begins with one, not with {line:?}"))
            };
            // A command that goes on in the next line.
            match command.strip_suffix('\\') {
                Some(begun) if shown.is_empty() => *command = format!("{begun}{}", line.trim()),
                _ => shown.push(line),
            }
        }
    }
    commands
}

/// Whether a command runs on until it is stopped: `cargo run` with variables and flags, but no command
/// of the program's own.
pub(super) fn starts_server(command: &str) -> bool {
    let mut words = command.split(' ').skip_while(|word| word.contains('='));
    let program = (words.next(), words.next());
    let ends = ["--help", "--version"];
    let own = || command.split_once(" -- ").map_or("", |(_, own)| own);
    program == (Some("cargo"), Some("run"))
        && (own().is_empty() || own().starts_with("--"))
        && !ends.contains(&own())
}

/// The variable that a command sets for those after it, and its value as it is written.
pub(super) fn exported(command: &str) -> Option<(&str, &str)> {
    command.strip_prefix("export ")?.split_once('=')
}

/// How many of the printed lines are shown, if those that are shown are all there. A `…` stands for any
/// number of lines.
pub(super) fn matched(shown: &[&str], printed: &[String]) -> Option<usize> {
    match shown {
        [] => Some(0),
        ["…"] => Some(printed.len()),
        ["…", rest @ ..] => (0..=printed.len())
            .find_map(|skipped| Some(skipped + matched(rest, &printed[skipped..])?)),
        [line, rest @ ..] => {
            let first = printed.first()?;
            (masked(line) == masked(first)).then(|| matched(rest, &printed[1..]))?.map(|n| n + 1)
        }
    }
}

/// The lines that are shown, each with the one that was printed.
pub(super) fn pairs<'a>(shown: &[&'a str], printed: &'a [String]) -> Vec<(&'a str, &'a str)> {
    let (mut pairs, mut shown, mut printed) = (Vec::new(), shown, printed);
    while let [line, rest @ ..] = shown {
        if *line == "…" {
            let skipped = (0..=printed.len()).find(|at| matched(rest, &printed[*at..]).is_some());
            printed = &printed[skipped.unwrap_or_default()..];
            if rest.is_empty() {
                break;
            }
        } else if let [first, others @ ..] = printed {
            pairs.push((*line, first.as_str()));
            printed = others;
        }
        shown = rest;
    }
    pairs
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::terminal::Terminal;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn what_changes_each_time_is_compared_by_its_form() {
        let shown = ["200 OK in 2.1 ms", "at 2026-11-25T02:34:00Z"];
        assert_eq!(matched(&shown, &lines("200 OK in 17 ms\nat 2026-11-27T02:34:01.5Z")), Some(2));
        assert_eq!(matched(&shown, &lines("201 OK in 17 ms\nat 2026-11-27T02:34:01.5Z")), None);
        assert_eq!(matched(&shown, &lines("200 OK in time\nat 2026-11-27T02:34:01.5Z")), None);
    }

    #[test]
    fn what_has_a_name_keeps_it() {
        let mut terminal = Terminal::new(Path::new("."), &[]);
        let [one, other, third] =
            ["1", "2", "3"].map(|digit| format!("{}-0000-0000-0000-000000000000", digit.repeat(8)));
        let mut compare = |shown: &str, printed: &str| {
            terminal.compare("", &[shown], &[printed.to_owned()], true);
            std::mem::take(&mut terminal.faults).is_empty()
        };
        assert!(compare(&one, &other));
        assert!(compare(&one, &other));
        assert!(!compare(&one, &third), "one name for two");
        assert!(!compare(&third, &other), "two names for one");
    }

    #[test]
    fn an_ellipsis_stands_for_any_lines() {
        let printed = lines("a\nb\nc\nd");
        assert_eq!(matched(&["…", "c"], &printed), Some(3));
        assert_eq!(matched(&["a", "…", "d"], &printed), Some(4));
        assert_eq!(matched(&["a", "…"], &printed), Some(4));
        assert_eq!(matched(&["a", "c"], &printed), None);
        assert_eq!(matched(&["…", "e"], &printed), None);
        assert_eq!(pairs(&["…", "b", "…", "d"], &printed), [("b", "b"), ("d", "d")]);
    }

    #[test]
    fn a_server_is_told_from_a_command_that_ends() {
        for server in ["cargo run", "A=1 B=2 cargo run", "cargo run -- --port 0"] {
            assert!(starts_server(server), "{server}");
        }
        for command in ["cargo run -- endpoints", "cargo run -- --help", "cargo test", "A=1 env"] {
            assert!(!starts_server(command), "{command}");
        }
    }

    #[test]
    fn a_variable_is_set_for_later_commands() {
        let mut terminal = Terminal::new(Path::new("."), &[]);
        terminal.type_in("$ export A=$(printf 1)2\n$ echo $A\n12\n");
    }

    #[test]
    fn commands_stand_with_what_they_print() {
        let block = "$ one \\\n    two\nprinted\n$ three\n";
        let expected = [("one two".to_owned(), vec!["printed"]), ("three".to_owned(), vec![])];
        assert_eq!(commands(block), expected);
    }
}

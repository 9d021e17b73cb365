//! A terminal in which the commands of a page are typed, and whose screen is compared with what the page
//! shows.
//!
//! What is another each time (ids, times, tokens, the public URL) is compared by its form only. What the
//! page calls it is remembered beside what it is, so that a later command of the page can name it.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use regex::Regex;

use crate::program::{Program, fail};

/// Where what is installed here is found, and how cargo is to build.
const INSTALLED: [&str; 7] = [
    "PATH",
    "HOME",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "CARGO_INCREMENTAL",
    "CARGO_PROFILE_DEV_DEBUG",
];

/// What is another each time.
static CHANGING: LazyLock<Regex> = LazyLock::new(|| {
    let forms = [
        // An id of a delivery.
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        // The token of the page.
        r"\b[0-9a-f]{32}\b",
        // A time.
        r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z",
        // The public URL.
        r"https?://[0-9a-f]+\.(gradio\.live|localhost)",
        // How long something took.
        r"\b\d+(\.\d+)? ?(ns|µs|ms|s)\b",
    ];
    Regex::new(&forms.join("|")).unwrap_or_else(|error| fail(&error.to_string()))
});

/// What a command shows that doesn't succeed: an error of its own, or the answer of a server.
static FAILURE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(error:|[45]\d\d [A-Z])").unwrap_or_else(|error| fail(&error.to_string()))
});

/// A person's terminal, and the other one, in which the server runs. It panics when it is dropped after its
/// screen has shown something else than the page.
#[derive(Debug)]
pub struct Terminal {
    folder: PathBuf,
    variables: Vec<(String, String)>,
    /// What the page calls something, and what it is.
    meant: Vec<(String, String)>,
    server: Option<Server>,
    /// Where the screen showed something else.
    faults: Vec<String>,
}

#[derive(Debug)]
struct Server {
    program: Program,
    /// How many of its lines the page has shown.
    shown: usize,
}

impl Terminal {
    /// A terminal in this folder, with what is installed here, no network, these variables and no others.
    #[must_use]
    pub fn new(folder: &Path, variables: &[(&str, &str)]) -> Self {
        let of_this = |name: &&str| Some(((*name).to_owned(), std::env::var(name).ok()?));
        let given = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let offline = ("CARGO_NET_OFFLINE".to_owned(), "true".to_owned());
        Self {
            folder: folder.to_owned(),
            variables: INSTALLED.iter().filter_map(of_this).chain([offline]).chain(given).collect(),
            meant: Vec::new(),
            server: None,
            faults: Vec::new(),
        }
    }

    /// Takes `real` wherever the page says `shown`, and the other way round.
    pub fn stand_in(&mut self, shown: &str, real: &str) {
        self.meant.push((shown.to_owned(), real.to_owned()));
    }

    /// What the page calls things, and what they are.
    #[must_use]
    pub fn names(&self) -> &[(String, String)] {
        &self.meant
    }

    /// Types the commands of a block and compares the screen with what the block shows after each. What is
    /// another there is told when the terminal is dropped, all of it at once.
    ///
    /// # Panics
    ///
    /// When a command cannot be typed at all.
    pub fn type_in(&mut self, block: &str) {
        for (command, shown) in commands(block) {
            let typed = self.real(&command);
            if let Some(folder) = typed.strip_prefix("cd ") {
                self.folder.push(folder);
                assert!(self.folder.is_dir(), "$ {command}: there is no such folder");
            } else if starts_server(&typed) {
                self.start(&typed, &shown);
            } else {
                let (success, printed) = self.run(&typed);
                let printed: Vec<_> = printed.lines().map(str::to_owned).collect();
                if !shown.is_empty() {
                    self.compare(&command, &shown, &printed, true);
                }
                if success == shown.iter().any(|line| FAILURE.is_match(line)) {
                    self.fault(&command, &["an exit code as it is shown"], &printed);
                }
            }
        }
    }

    /// The URL with the token that opens the page of the server that runs.
    ///
    /// # Panics
    ///
    /// When no server runs, or it has printed none.
    #[must_use]
    pub fn page_url(&self) -> String {
        let Some(server) = &self.server else { fail("no server runs that has a page") };
        let line = server.program.wait_for("/?token=");
        line.split_whitespace().last().unwrap_or_default().to_owned()
    }

    /// Waits until the server has printed these lines, after those that were shown before.
    ///
    /// # Panics
    ///
    /// When no server runs.
    pub fn server_prints(&mut self, block: &str) {
        let shown: Vec<_> = std::iter::once("…").chain(block.lines()).collect();
        let Some(server) = self.server.take() else { fail("no server runs that could print this") };
        let server = self.wait_for(server, "the server", &shown);
        self.server = Some(server);
    }

    /// Stops the server, if one runs.
    fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.program.stop();
        }
    }

    /// What the page calls things, replaced by what they are.
    fn real(&self, text: &str) -> String {
        self.meant.iter().fold(text.to_owned(), |text, (shown, real)| text.replace(shown, real))
    }

    /// The other way round.
    fn shown(&self, text: &str) -> String {
        self.meant.iter().fold(text.to_owned(), |text, (shown, real)| text.replace(real, shown))
    }

    fn variables(&self) -> Vec<(&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// Runs a command to its end and gives whether it succeeded, and all that it printed.
    fn run(&self, command: &str) -> (bool, String) {
        let output = Command::new("bash")
            // The streams in one, as on a screen.
            .args(["-c", &format!("exec 2>&1; {command}")])
            .current_dir(&self.folder)
            .env_clear()
            .envs(self.variables())
            // Or else a test that passed would be a dot.
            .env("CARGO_TERM_QUIET", (!command.starts_with("cargo test")).to_string())
            .stdin(Stdio::null())
            .output();
        let output = output.unwrap_or_else(|error| fail(&format!("$ {command}: {error}")));
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Starts a server in the other terminal, in place of the one that runs there.
    fn start(&mut self, command: &str, shown: &[&str]) {
        self.stop();
        // Before the wait for its first line, which is short.
        let (success, printed) = self.run("cargo build");
        if !success {
            return self.fault(command, &["success"], &[printed]);
        }
        let line = format!(
            "exec 2>&1; cd '{}'; exec env CARGO_TERM_QUIET=true {command}",
            self.folder.display()
        );
        let mut bash = Command::new("/bin/bash");
        bash.args(["-c", &line]).env_clear().env("GRADIO_SHARE", "false").envs(self.variables());
        // The page shows neither colors nor cargo's progress.
        bash.envs([("NO_COLOR", "1"), ("CARGO_TERM_PROGRESS_WHEN", "never")]);
        let program = Program::spawn_in_terminal(&mut bash);
        let program = program.unwrap_or_else(|error| fail(&format!("$ {command}: {error}")));
        let server = self.wait_for(Server { program, shown: 0 }, command, shown);
        self.server = Some(server);
    }

    fn wait_for(&mut self, mut server: Server, command: &str, shown: &[&str]) -> Server {
        let from = server.shown;
        // What stands for the rest of a start stands for all of it.
        let to_its_end = from == 0 && shown.last() == Some(&"…");
        let (count, lines) = server.program.wait_until(|lines| {
            let printed: Vec<_> = lines[from..].iter().map(|line| self.shown(line)).collect();
            let started = || lines.iter().any(|line| line.ends_with(" to set up your webhooks."));
            matched(shown, &printed).filter(|_| !to_its_end || started())
        });
        server.shown = count.map_or(lines.len(), |count| from + count);
        self.compare(command, shown, &lines[from..server.shown], false);
        server
    }

    /// Compares what is shown with what was printed, and remembers what goes by another name there.
    fn compare(&mut self, command: &str, shown: &[&str], printed: &[String], whole: bool) {
        let seen: Vec<_> = printed.iter().map(|line| self.shown(line)).collect();
        if matched(shown, &seen).is_none_or(|count| whole && count != seen.len()) {
            return self.fault(command, shown, &seen);
        }
        // The same forms stand in the same places. What has a name keeps it, and nothing else gets it.
        for (line, printed) in pairs(shown, &seen) {
            let found = CHANGING.find_iter(line).zip(CHANGING.find_iter(printed));
            for (name, real) in found.map(|(name, real)| (name.as_str(), real.as_str())) {
                if !named(name) || name == real {
                    continue;
                }
                let mut known =
                    self.meant.iter().map(|(shown, real)| (shown.as_str(), real.as_str()));
                if known.clone().any(|pair| pair == (name, real)) {
                    continue;
                }
                if known.any(|(shown, meant)| [name, real].contains(&shown) || meant == real) {
                    return self.fault(command, shown, &seen);
                }
                self.stand_in(name, real);
            }
        }
    }

    fn fault(&mut self, command: &str, shown: &[&str], printed: &[String]) {
        let (shown, printed) = (indented(shown), indented(printed));
        self.faults.push(format!("$ {command}\nshown:\n{shown}printed:\n{printed}"));
    }
}

/// Ends what runs, and panics when the screen has shown something else than the page.
impl Drop for Terminal {
    fn drop(&mut self) {
        self.stop();
        let faults = std::mem::take(&mut self.faults).join("\n");
        if std::thread::panicking() {
            let _ = writeln!(std::io::stderr(), "{faults}");
        } else {
            assert!(faults.is_empty(), "\n{faults}");
        }
    }
}

/// Whether this has one name on a page: an id, a public URL; not a time, nor the token of each start.
fn named(text: &str) -> bool {
    text.len() == 36 || text.starts_with("http")
}

fn masked(line: &str) -> Cow<'_, str> {
    CHANGING.replace_all(line, "◌")
}

fn indented<T: Display>(lines: &[T]) -> String {
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
fn starts_server(command: &str) -> bool {
    let mut words = command.split(' ').skip_while(|word| word.contains('='));
    let program = (words.next(), words.next());
    let ends = ["--help", "--version"];
    let own = || command.split_once(" -- ").map_or("", |(_, own)| own);
    program == (Some("cargo"), Some("run"))
        && (own().is_empty() || own().starts_with("--"))
        && !ends.contains(&own())
}

/// How many of the printed lines are shown, if those that are shown are all there. A `…` stands for any
/// number of lines.
fn matched(shown: &[&str], printed: &[String]) -> Option<usize> {
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
fn pairs<'a>(shown: &[&'a str], printed: &'a [String]) -> Vec<(&'a str, &'a str)> {
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
    use super::*;

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
    fn commands_stand_with_what_they_print() {
        let block = "$ one \\\n    two\nprinted\n$ three\n";
        let expected = [("one two".to_owned(), vec!["printed"]), ("three".to_owned(), vec![])];
        assert_eq!(commands(block), expected);
    }
}

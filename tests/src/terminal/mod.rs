//! A terminal in which the commands of a page are typed, and whose screen is compared with what the page
//! shows.
//!
//! What is another each time (ids, times, tokens, the public URL) is compared by its form only. What the
//! page calls it is remembered beside what it is, so that a later command of the page can name it.

mod screen;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use regex::Regex;

use crate::program::{Program, fail};

pub use screen::commands;
use screen::{exported, indented, matched, named, pairs, starts_server};

/// Where what is installed here is found, and how cargo is to build.
const INSTALLED: [&str; 6] =
    ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "CARGO_INCREMENTAL"];

/// How cargo builds projects: without what a debugger needs, which would make them slow to compile and to link.
pub const WITHOUT_DEBUG: (&str, &str) = ("CARGO_PROFILE_DEV_DEBUG", "none");

/// What is another each time.
static CHANGING: LazyLock<Regex> = LazyLock::new(|| {
    let forms = [
        // An id of a delivery.
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        // The token of the page.
        r"\b[0-9a-f]{32}\b",
        // An id of the Hub.
        r"\b[0-9a-f]{24}\b",
        // A time.
        r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z",
        // The public URL.
        r"https?://[0-9a-f]+\.(gradio\.live|localhost)",
        // Whether a delivery is due, which one that was just queued is for a moment.
        r#""oldest_queued_seconds":(null|\d+)"#,
        // How long something took.
        r"\b\d+(\.\d+)? ?(ns|µs|ms|s)\b",
    ];
    Regex::new(&forms.join("|")).unwrap_or_else(|error| fail(&error.to_string()))
});

/// What a command shows that doesn't succeed: an error of its own, the answer of a server, or a finding.
static FAILURE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(error:|[45]\d\d [A-Z]|✗ )").unwrap_or_else(|error| fail(&error.to_string()))
});

/// A person's terminal, and the other one, in which the server runs. It panics when it is dropped after its
/// screen has shown something else than the page.
#[derive(Debug)]
pub struct Terminal {
    folder: PathBuf,
    variables: Vec<(String, String)>,
    /// What the page calls something, and what it is.
    meant: Vec<(String, String)>,
    server: Option<PageServer>,
    /// Where the screen showed something else.
    faults: Vec<String>,
}

#[derive(Debug)]
struct PageServer {
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
        let cargo = [("CARGO_NET_OFFLINE", "true"), WITHOUT_DEBUG];
        let cargo = cargo.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            folder: folder.to_owned(),
            variables: INSTALLED.iter().filter_map(of_this).chain(cargo).chain(given).collect(),
            meant: Vec::new(),
            server: None,
            faults: Vec::new(),
        }
    }

    /// Sets a variable of the commands that are typed from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
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
            } else if let Some((name, value)) = exported(&typed) {
                let (_, value) = self.run(&format!("printf %s {value}"));
                self.set(name, &value);
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
        let server = self.wait_for(PageServer { program, shown: 0 }, command, shown);
        self.server = Some(server);
    }

    fn wait_for(&mut self, mut server: PageServer, command: &str, shown: &[&str]) -> PageServer {
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

//! Prints what a deployment does: as text for a person, or as lines of JSON for a script.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use humantime::format_duration;
use serde::Serialize;
use serde_json::json;

use super::text::{file_count, line};
use crate::cli::print;
use crate::deploy::event::DeployEvent;
use crate::text::in_one_line;

/// What replaces the value of a secret.
const HIDDEN: &str = "***";

/// The shortest secret that is looked for in the Space's log. Shorter ones are parts of words.
const SHORTEST_SECRET: usize = 6;

/// A signal has stopped the command.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0} stopped the command. What it has done stays, and the Space goes on without it: run the command again to \
     continue."
)]
struct Stopped(String);

/// Prints the events of a deployment.
pub(super) struct DeployPrinter {
    json: bool,
    /// Whether standard error is a terminal, where a line can be replaced.
    in_place: bool,
    /// Whether such a line is printed.
    is_line_open: bool,
    /// The values that are never printed.
    hidden: Vec<String>,
}

impl DeployPrinter {
    pub(super) fn of_terminal(json: bool) -> Self {
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let in_place = !json && !is_dumb && io::stderr().is_terminal();
        Self { json, in_place, is_line_open: false, hidden: Vec::new() }
    }

    /// Hides the values of secrets in logs and errors that are printed from now on.
    pub(super) fn hide<'a>(&mut self, secrets: impl IntoIterator<Item = &'a String>) {
        let secrets = secrets.into_iter().filter(|secret| secret.len() >= SHORTEST_SECRET);
        self.hidden.extend(secrets.cloned());
    }

    /// Prints a text for a person, or a value for a script. The deployment goes on when nobody reads it.
    pub(super) fn print(&mut self, text: &str, value: &impl Serialize) {
        self.close_line();
        let _ = if self.json {
            let line = serde_json::to_string(value).unwrap_or_default();
            print(format!("{line}\n").as_bytes())
        } else {
            print(text.as_bytes())
        };
    }

    /// Prints an event.
    pub(super) fn report(&mut self, event: &DeployEvent<'_>) {
        match event {
            DeployEvent::Waiting { on, seconds } => self.wait(on, *seconds),
            // The program may print its own secrets.
            DeployEvent::Log { line } => {
                let event = DeployEvent::Log { line: &self.without_secrets(line) };
                self.print(&text(&event), &event);
            }
            event => self.print(&text(event), event),
        }
    }

    /// Prints the error of the command for a script. A person reads it on standard error.
    pub(super) fn failed(&mut self, error: &dyn Error) {
        self.close_line();
        if self.json {
            let message = self.without_secrets(&error.to_string());
            self.print("", &json!({ "event": "error", "message": message }));
        }
    }

    /// Prints that a signal has stopped the command, for a script too.
    pub(super) fn stopped(&mut self, signal: &dyn Display) {
        let stopped = Stopped(signal.to_string());
        self.failed(&stopped);
        let _ = writeln!(io::stderr(), "{stopped}");
    }

    /// Replaces the last line of a terminal by what is waited for, and since when.
    fn wait(&mut self, on: &str, seconds: u64) {
        if self.in_place {
            let time = format_duration(Duration::from_secs(seconds));
            let line = line("waiting", &format!("{on} for {time}"));
            let _ = write!(io::stderr(), "\r\x1b[K{}", line.trim_end());
            let _ = io::stderr().flush();
            self.is_line_open = true;
        }
    }

    fn close_line(&mut self) {
        if std::mem::take(&mut self.is_line_open) {
            let _ = write!(io::stderr(), "\r\x1b[K");
            let _ = io::stderr().flush();
        }
    }

    fn without_secrets(&self, text: &str) -> String {
        let hide = |text: String, secret: &String| text.replace(secret, HIDDEN);
        self.hidden.iter().fold(text.to_owned(), hide)
    }
}

/// Formats an event for a person.
fn text(event: &DeployEvent<'_>) -> String {
    match event {
        DeployEvent::Created { url, .. } => line("created", &format!("the Space {url}")),
        DeployEvent::SecretSet { name } => line("set", &format!("secret {name}")),
        DeployEvent::VariableSet { name } => line("set", &format!("variable {name}")),
        DeployEvent::HardwareRequested { hardware } => line("requested", hardware),
        DeployEvent::Uploaded { files, deleted: 0, .. } => line("uploaded", &file_count(*files)),
        DeployEvent::Uploaded { files, deleted, .. } => {
            line("uploaded", &format!("{}; {deleted} deleted", file_count(*files)))
        }
        DeployEvent::Stage { stage } => line("stage", stage),
        DeployEvent::Waiting { .. } => String::new(),
        DeployEvent::Log { line: text } => line("log", text),
        DeployEvent::Healthy { url } => line("responds", url),
        DeployEvent::Webhook { endpoint, action, id } => {
            line("webhook", &format!("{endpoint}  {id}  {action}"))
        }
        DeployEvent::Warning { message } => format!("Warning: {}\n", in_one_line(message)),
        DeployEvent::NotRegistered { reason } => format!("\n{}\n", in_one_line(reason)),
        DeployEvent::Done { space, url } => format!(
            "\nThe Space {space} runs at {url}. After a change, run the same command again: it uploads only what has \
             changed.\n"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_is_one_line_that_cannot_give_a_terminal_orders() {
        let log = text(&DeployEvent::Log { line: "a\u{1b}[2Jb\nc" });
        assert_eq!(log, "  log        a\\u{1b}[2Jb\\nc\n");
        let uploaded = DeployEvent::Uploaded { files: 3, deleted: 1, commit: "abc" };
        assert_eq!(text(&uploaded), "  uploaded   3 files; 1 deleted\n");
        let uploaded = DeployEvent::Uploaded { files: 1, deleted: 0, commit: "abc" };
        assert_eq!(text(&uploaded), "  uploaded   1 file\n");
    }

    #[test]
    fn secrets_are_hidden_unless_they_are_as_short_as_words() {
        let mut printer = DeployPrinter::of_terminal(true);
        printer.hide(&["a long secret".to_owned(), "info".to_owned()]);
        assert_eq!(printer.without_secrets("a long secret: info"), "***: info");
    }
}

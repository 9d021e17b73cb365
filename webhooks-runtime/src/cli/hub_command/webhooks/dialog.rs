//! Prints the output of the command, and asks before something is changed.

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;

use super::{BAD_INPUT, CommandError};
use crate::cli::print;

/// Prints a text to standard output.
type Print<'a> = Box<dyn FnMut(&str) -> io::Result<()> + 'a>;

/// The output of a command, and the person who answers its questions.
pub(in crate::cli) struct Dialog<'a> {
    print: Print<'a>,
    /// Prints a text to standard error.
    note: Box<dyn FnMut(&str) + 'a>,
    /// Asks a question.
    ask: Box<dyn FnMut(&str) -> Answer + 'a>,
}

/// The answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Answer {
    Yes,
    No,
    /// There is no terminal to ask on.
    NoTerminal,
}

impl<'a> Dialog<'a> {
    /// The terminal that the program was started in.
    pub(in crate::cli) fn of_terminal() -> Self {
        let note = |text: &str| {
            let _ = io::stderr().write_all(text.as_bytes());
        };
        Self {
            print: Box::new(|text| print(text.as_bytes())),
            note: Box::new(note),
            ask: Box::new(ask_on_terminal),
        }
    }

    #[cfg(test)]
    pub(super) fn new(
        print: impl FnMut(&str) -> io::Result<()> + 'a,
        note: impl FnMut(&str) + 'a,
        ask: impl FnMut(&str) -> Answer + 'a,
    ) -> Self {
        Self { print: Box::new(print), note: Box::new(note), ask: Box::new(ask) }
    }

    /// Prints the output of the command.
    pub(in crate::cli) fn print(&mut self, text: &str) -> Result<(), CommandError> {
        (self.print)(text).map_err(CommandError::failed)
    }

    /// Prints a note beside the output.
    pub(in crate::cli) fn note(&mut self, text: &str) {
        (self.note)(text);
    }

    /// Asks a question that has no consequence without a yes.
    pub(in crate::cli) fn ask(&mut self, question: &str) -> Answer {
        (self.ask)(question)
    }

    /// Asks before something is changed, unless `yes` was said on the command line. `Err` has the exit code of a command
    /// that may not go on.
    pub(in crate::cli) fn confirm(&mut self, question: &str, yes: bool) -> Result<(), ExitCode> {
        let answer = if yes { Answer::Yes } else { (self.ask)(question) };
        match answer {
            Answer::Yes => Ok(()),
            Answer::No => {
                self.note("Nothing was changed.\n");
                Err(ExitCode::FAILURE)
            }
            Answer::NoTerminal => {
                self.note(
                    "Nothing was changed: there is no terminal to ask on. Add --yes to go on without a question.\n",
                );
                Err(BAD_INPUT.into())
            }
        }
    }
}

fn ask_on_terminal(question: &str) -> Answer {
    let (stdin, mut stderr) = (io::stdin(), io::stderr());
    if !stdin.is_terminal() || !stderr.is_terminal() {
        return Answer::NoTerminal;
    }
    loop {
        let _ = write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush());
        let mut line = String::new();
        // Ctrl+D, or the terminal is gone.
        if stdin.lock().read_line(&mut line).unwrap_or_default() == 0 {
            let _ = writeln!(stderr);
            return Answer::No;
        }
        if let Some(answer) = answer(&line) {
            return answer;
        }
        let _ = writeln!(stderr, "Enter y for yes, or n for no.");
    }
}

/// Returns what a line means. No text is a no.
fn answer(line: &str) -> Option<Answer> {
    match line.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Some(Answer::Yes),
        "" | "n" | "no" => Some(Answer::No),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_a_yes() {
        for (line, expected) in [
            ("y\n", Some(Answer::Yes)),
            ("YES\r\n", Some(Answer::Yes)),
            ("\n", Some(Answer::No)),
            ("n\n", Some(Answer::No)),
            ("No", Some(Answer::No)),
            ("yes please\n", None),
            ("yn\n", None),
        ] {
            assert_eq!(answer(line), expected, "{line:?}");
        }
    }
}

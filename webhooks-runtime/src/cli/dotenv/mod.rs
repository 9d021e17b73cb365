//! Reads variables from `.env` in the current folder, where a person develops the program.
//!
//! The file may come with a cloned repository. So it is read only if the person sees the program start, the names of its
//! variables are printed, and variables that could send the token of `hf auth login`, or that of a collector of traces,
//! elsewhere are ignored.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use crate::config::environment::Environment;
use crate::config::host::Host;
use crate::server::output::{Stream, print_message};

const FILE: &str = ".env";

/// The warning of a program in a pipe or without a person, such as a cron job.
const UNREAD: &str = "Warning: .env is not read, because standard output is not a terminal. Set its variables in the \
                      environment.\n";

/// The size of the largest file that is read, in bytes.
const MAX_SIZE: u64 = 64 * 1024;

/// The variables that decide where requests, tokens and the state of the program are, and which certificates are trusted.
/// Proxies are also set in lower case. The platforms set `PORT`, and the variables of Spaces and Jobs. A collector of
/// traces gets the token in `OTEL_EXPORTER_OTLP_HEADERS`.
const IGNORED: [&str; 19] = [
    "ALL_PROXY",
    "HF_ENDPOINT",
    "HF_HOME",
    "HF_TOKEN_PATH",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "JOB_ID",
    "NO_PROXY",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "PORT",
    "SPACE_HOST",
    "SPACE_ID",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "XDG_CACHE_HOME",
    "XDG_STATE_HOME",
];

/// Stands for `$` in a file that is read without replacing the names of variables.
const DOLLAR: char = '\u{e000}';

/// The error of a file that is not used. A program that started without it might lack its secret. No text contains a
/// value.
#[derive(Debug, thiserror::Error)]
pub(super) enum DotenvError {
    #[error(".env cannot be read: {0}")]
    Unreadable(io::Error),
    #[error(".env is larger than 64 KiB, so it is not a file of variables: rename it")]
    TooLarge,
    #[error(".env is not valid UTF-8: save it as UTF-8")]
    NotUtf8,
    #[error(
        ".env, line {line}, is not like NAME=value: put a value with spaces or # in quotes, and close each quote"
    )]
    Malformed {
        /// From 1.
        line: usize,
    },
    #[error(
        "{name} in .env contains $ outside of single quotes, which is not supported: put the value in single quotes"
    )]
    Expansion { name: String },
}

/// The variables of a file, each once.
#[derive(Debug, Default, PartialEq, Eq)]
struct DotenvFile {
    /// In their order.
    variables: Vec<(String, String)>,
    /// The names of the ignored variables.
    ignored: BTreeSet<String>,
}

/// Sets the variables of `.env` that are not set yet, and reports that. Where no person develops the program, sets none.
///
/// Must be called before the process has a second thread, because another thread could read the variables meanwhile.
pub(super) fn load() -> Result<(), DotenvError> {
    let host = Host::detect(&Environment::Process);
    if !host.is_for_development() {
        if host.is_own_machine() && lacks_variables(Path::new(FILE)) {
            print_message(Stream::Err, UNREAD);
        }
        return Ok(());
    }
    let Some(text) = read(Path::new(FILE))? else { return Ok(()) };
    let mut file = DotenvFile::parse(&text)?;
    file.variables.retain(|(name, _)| is_new(name));
    // Setting a variable is unsafe code, which only dotenvy has.
    let text: String = file.variables.iter().map(|(name, value)| line(name, value)).collect();
    // These lines were just made to be valid.
    let _ = dotenvy::from_read(text.as_bytes());
    let report = file.report();
    if !report.is_empty() {
        print_message(Stream::Err, &report);
    }
    Ok(())
}

fn is_new(name: &str) -> bool {
    std::env::var_os(name).is_none()
}

/// Returns whether the file has variables that are not set, or may have: an unread file is no error.
fn lacks_variables(path: &Path) -> bool {
    match read(path).map(|text| text.map(|text| DotenvFile::parse(&text))) {
        Ok(Some(Ok(file))) => file.variables.iter().any(|(name, _)| is_new(name)),
        Ok(Some(Err(_))) | Err(_) => true,
        Ok(None) => false,
    }
}

/// Reads a file; `None` if there is none. A folder of this name belongs to Python.
fn read(path: &Path) -> Result<Option<String>, DotenvError> {
    let metadata = match path.metadata() {
        Ok(metadata) if metadata.is_dir() => return Ok(None),
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(DotenvError::Unreadable(error)),
    };
    // Opening a pipe would wait for its writer.
    if !metadata.is_file() {
        return Err(DotenvError::Unreadable(io::Error::other("it is not a regular file")));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(DotenvError::Unreadable)?;
    file.take(MAX_SIZE + 1).read_to_end(&mut bytes).map_err(DotenvError::Unreadable)?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(DotenvError::TooLarge);
    }
    String::from_utf8(bytes).map(Some).map_err(|_| DotenvError::NotUtf8)
}

impl DotenvFile {
    fn parse(text: &str) -> Result<Self, DotenvError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        // No variable can contain it.
        if let Some(before) = text.split_once('\0').map(|(before, _)| before) {
            return Err(DotenvError::Malformed { line: before.matches('\n').count() + 1 });
        }
        let mut file = Self::default();
        // dotenvy rejects a space at the end of a line that has no end.
        let whole = format!("{text}\n");
        let plain = whole.replace("\\$", "$").replace('$', &DOLLAR.to_string());
        let mut plain = dotenvy::from_read_iter(plain.as_bytes());
        for variable in dotenvy::from_read_iter(whole.as_bytes()) {
            let Ok((name, value)) = variable else {
                return Err(DotenvError::Malformed { line: malformed_line(&whole) });
            };
            let unexpanded = plain.next().and_then(Result::ok).map(|(_, value)| value);
            if unexpanded.is_none_or(|plain| plain.replace(DOLLAR, "$") != value) {
                return Err(DotenvError::Expansion { name });
            }
            if IGNORED.iter().any(|ignored| name.eq_ignore_ascii_case(ignored)) {
                file.ignored.insert(name);
            } else if !file.variables.iter().any(|(known, _)| *known == name) {
                file.variables.push((name, value));
            }
        }
        Ok(file)
    }

    /// Returns the text for the terminal: names, and no values.
    fn report(&self) -> String {
        let mut text = String::new();
        if !self.variables.is_empty() {
            let names: Vec<_> = self.variables.iter().map(|(name, _)| name.as_str()).collect();
            let _ = writeln!(text, "* Variables from .env: {}", names.join(", "));
        }
        for name in &self.ignored {
            let _ = writeln!(
                text,
                "Warning: {name} in .env is ignored, so that the files of a project cannot redirect your token or the \
                 server. Set it in your shell."
            );
        }
        text
    }
}

/// Returns the number of the line in which the first malformed variable begins.
fn malformed_line(text: &str) -> usize {
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    let is_valid = |lines: &[&str]| {
        dotenvy::from_read_iter(lines.concat().as_bytes()).all(|variable| variable.is_ok())
    };
    let mut start = 0;
    // A value in quotes may have several lines.
    while let Some(end) = (start + 1..=lines.len()).find(|end| is_valid(&lines[start..*end])) {
        start = end;
    }
    start + 1
}

/// Returns the line of a file that sets a variable to just this value.
fn line(name: &str, value: &str) -> String {
    let mut line = format!("{name}=\"");
    for character in value.chars() {
        match character {
            '\n' => line.push_str("\\n"),
            '\\' | '"' | '$' => line.extend(['\\', character]),
            _ => line.push(character),
        }
    }
    line + "\"\n"
}

#[cfg(test)]
mod tests;

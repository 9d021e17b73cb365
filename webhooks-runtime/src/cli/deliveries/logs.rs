//! Prints what a function logged during the attempts of a delivery.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::StoreArgs;
use super::errors::failed;
use super::id::IdPrefix;
use crate::jobs::{AttemptLogLine, Jobs, LogPosition, State};
use crate::text::{escaped_json, in_one_line};

/// How many lines are read at once.
const PAGE: u32 = 1000;

/// How often new lines are read. Those of a running attempt are stored about once a second.
const INTERVAL: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
pub(super) struct LogsArgs {
    /// The id of the delivery, or its first digits
    id: IdPrefix,
    /// Print new lines as they are stored, until the delivery has ended
    #[arg(long)]
    follow: bool,
    /// Print JSON, an object for each line, for scripts
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) store: StoreArgs,
}

/// A line in the output of `deliveries logs --json`. Field names never change.
#[derive(Serialize)]
struct LineJson<'a> {
    /// Grows with each attempt of the delivery.
    claim: i64,
    line: u32,
    time: String,
    level: &'static str,
    text: &'a str,
}

pub(super) async fn logs(jobs: &Jobs, args: &LogsArgs) -> Result<ExitCode, Box<dyn Error>> {
    let id = args.id.find(jobs).await?;
    let mut after = LogPosition::default();
    loop {
        // Read before the lines, so that a delivery that has ended logs nothing more.
        let found = jobs.summary_of(id).await.map_err(failed)?;
        let state = found.map(|summary| summary.state);
        loop {
            let lines = jobs.logs(id, Some(after), PAGE).await.map_err(failed)?;
            let Some(last) = lines.last() else { break };
            let text = if args.json { as_json(&lines)? } else { as_text(&lines, after) };
            after = last.position();
            // Nobody reads on: deliveries logs … --follow | head -1
            if !write(&text)? {
                return Ok(ExitCode::SUCCESS);
            }
        }
        if !args.follow || state.is_none_or(State::is_final) {
            break;
        }
        tokio::time::sleep(INTERVAL).await;
    }
    if after == LogPosition::default() {
        // On standard error, so that a script that counts lines counts none.
        let _ = writeln!(io::stderr(), "No log lines: the function has logged nothing so far.");
    }
    Ok(ExitCode::SUCCESS)
}

/// Formats lines for a person, with a mark between attempts and where lines are missing. `after` is the place of the line
/// before them.
pub(super) fn as_text(lines: &[AttemptLogLine], after: LogPosition) -> String {
    let (mut text, mut last) = (String::new(), after);
    for line in lines {
        let begins = line.fence != last.fence;
        if begins && last != LogPosition::default() {
            text.push_str("-- next attempt --\n");
        }
        let before = if begins { 0 } else { last.number };
        match line.number.saturating_sub(1).saturating_sub(before) {
            0 => {}
            1 => text.push_str("-- 1 older line is not kept --\n"),
            missing => {
                let _ = writeln!(text, "-- {missing} older lines are not kept --");
            }
        }
        let time = humantime::format_rfc3339_millis(line.at);
        let _ = writeln!(text, "{time} {:>5} {}", line.level.as_str(), in_one_line(&line.text));
        last = line.position();
    }
    text
}

pub(super) fn as_json(lines: &[AttemptLogLine]) -> Result<String, serde_json::Error> {
    let mut text = String::new();
    for line in lines {
        let json = LineJson {
            claim: line.fence,
            line: line.number,
            time: humantime::format_rfc3339_millis(line.at).to_string(),
            level: line.level.as_str(),
            text: &line.text,
        };
        text.push_str(&escaped_json(&serde_json::to_string(&json)?));
        text.push('\n');
    }
    Ok(text)
}

/// Writes to standard output. Returns whether somebody still reads it.
fn write(text: &str) -> io::Result<bool> {
    let mut stdout = io::stdout();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true),
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use tracing::Level;

    use super::*;

    fn line(fence: i64, number: u32, text: &str) -> AttemptLogLine {
        let at = UNIX_EPOCH + Duration::from_millis(1_764_600_000_123);
        AttemptLogLine { fence, number, at, level: Level::INFO, text: text.to_owned() }
    }

    #[test]
    fn a_line_separates_attempts() {
        let lines = [line(3, 1, "a"), line(3, 2, "b\u{1b}"), line(5, 1, "c")];
        let text = as_text(&lines, LogPosition::default());
        let expected = "2025-12-01T14:40:00.123Z  INFO a\n2025-12-01T14:40:00.123Z  INFO b\\u{1b}\n\
                        -- next attempt --\n2025-12-01T14:40:00.123Z  INFO c\n";
        assert_eq!(text, expected);
        let same = as_text(&[line(5, 2, "d")], lines[2].position());
        assert_eq!(same, "2025-12-01T14:40:00.123Z  INFO d\n");
        let next = as_text(&[line(6, 1, "e")], lines[2].position());
        assert!(next.starts_with("-- next attempt --\n"), "{next}");
    }

    #[test]
    fn missing_lines_are_counted() {
        let lines = [line(3, 804, "a"), line(3, 805, "b"), line(3, 807, "c"), line(5, 3, "d")];
        let text = as_text(&lines, LogPosition::default());
        let marks: Vec<_> = text.lines().filter(|line| line.starts_with("--")).collect();
        let expected = [
            "-- 803 older lines are not kept --",
            "-- 1 older line is not kept --",
            "-- next attempt --",
            "-- 2 older lines are not kept --",
        ];
        assert_eq!(marks, expected);
        assert!(text.starts_with("-- 803"), "{text}");
        // The same, however many lines are read at once.
        let (mut after, mut parts) = (LogPosition::default(), String::new());
        for line in lines {
            parts += &as_text(std::slice::from_ref(&line), after);
            after = line.position();
        }
        assert_eq!(parts, text);
    }

    #[test]
    fn each_line_is_an_object() {
        let text = as_json(&[line(3, 1, "a \"b\""), line(5, 1, "\u{9b}")]).unwrap();
        let expected = "{\"claim\":3,\"line\":1,\"time\":\"2025-12-01T14:40:00.123Z\",\"level\":\"INFO\",\
                        \"text\":\"a \\\"b\\\"\"}\n{\"claim\":5,\"line\":1,\"time\":\"2025-12-01T14:40:00.123Z\",\
                        \"level\":\"INFO\",\"text\":\"\\u009b\"}\n";
        assert_eq!(text, expected);
    }
}

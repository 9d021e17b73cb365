//! Renders what a function logs during the attempts of a delivery.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use maud::{Markup, html};
use tracing::Level;
use uuid::Uuid;

use super::super::pieces::time;
use crate::jobs::{AttemptLogLine, LogPosition};

/// The largest number of lines that are read at once.
pub(super) const MAX_LINES: u32 = 500;

/// How far a log has been shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LogCursor(pub(super) LogPosition);

impl LogCursor {
    /// Returns the cursor after these lines.
    pub(super) fn after(self, lines: &[AttemptLogLine]) -> Self {
        lines.last().map_or(self, |line| Self(line.position()))
    }
}

impl fmt::Display for LogCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0.fence, self.0.number)
    }
}

/// An invalid cursor.
#[derive(Debug)]
pub(super) struct ParseCursorError;

impl From<ParseIntError> for ParseCursorError {
    fn from(_: ParseIntError) -> Self {
        Self
    }
}

impl FromStr for LogCursor {
    type Err = ParseCursorError;

    fn from_str(text: &str) -> Result<Self, ParseCursorError> {
        let (fence, number) = text.split_once('-').ok_or(ParseCursorError)?;
        Ok(Self(LogPosition { fence: fence.parse()?, number: number.parse()? }))
    }
}

/// Renders the last lines of a delivery's log. A script appends the lines that follow until the delivery has ended.
pub(super) fn log(id: Uuid, lines: &[AttemptLogLine], has_ended: bool) -> Markup {
    let cursor = LogCursor::default();
    let is_cut = lines.len() >= MAX_LINES as usize;
    html! {
        @if is_cut {
            p.quiet { "The last " (lines.len()) " lines. The command " code { "deliveries logs " (id) } " prints all." }
        }
        p.quiet.nothing hidden[!lines.is_empty()] {
            @if has_ended { "The function logged nothing." } @else { "The function has logged nothing yet." }
        }
        // The script announces new lines, several at once: with `aria-live`, a screen reader would read all of them.
        div.log hidden[lines.is_empty()] tabindex="0" role="log" aria-live="off" aria-label={ "The log of " (id) }
            data-after=(cursor.after(lines)) data-ended[has_ended] {
            ol { (log_lines(lines, if is_cut { before(lines) } else { cursor })) }
        }
        @if !has_ended { p.quiet.scriptless { "Reload the page to see the lines that follow." } }
    }
}

/// Renders the log of a delivery when it could not be read. A script loads the delivery again until it can.
pub(super) fn unread() -> Markup {
    html! {
        p.quiet { "The log could not be read." }
        div.log hidden data-unread {}
    }
}

/// Returns the cursor right before the first line.
fn before(lines: &[AttemptLogLine]) -> LogCursor {
    let first = lines.first().map(AttemptLogLine::position).unwrap_or_default();
    LogCursor(LogPosition { number: first.number.saturating_sub(1), ..first })
}

/// Renders lines that follow the cursor: with a mark where an attempt begins, and with the number of lines that are no
/// longer kept.
pub(super) fn log_lines(lines: &[AttemptLogLine], mut cursor: LogCursor) -> Markup {
    let mut rendered = Vec::with_capacity(lines.len());
    for line in lines {
        let LogPosition { fence, number } = cursor.0;
        let begins = line.fence != fence;
        let missing = line.number.saturating_sub(1).saturating_sub(if begins { 0 } else { number });
        rendered.push(html! {
            @if begins && fence > 0 { li.attempt { "Next attempt" } }
            @if missing > 0 { li.missing { (missing) " older " (if missing == 1 { "line is" } else { "lines are" }) " not kept" } }
            (log_line(line))
        });
        cursor = LogCursor(line.position());
    }
    html! { @for line in rendered { (line) } }
}

fn log_line(line: &AttemptLogLine) -> Markup {
    let level = line.level;
    html! {
        li.line.(level_class(level)) {
            (time(line.at)) " " strong { (level) } " " bdi { (line.text) }
        }
    }
}

fn level_class(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        _ => "debug",
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn line(fence: i64, number: u32) -> AttemptLogLine {
        let text = format!("line {number} of <{fence}>");
        AttemptLogLine { fence, number, at: UNIX_EPOCH, level: Level::WARN, text }
    }

    fn rendered(lines: &[AttemptLogLine], after: &str) -> String {
        log_lines(lines, after.parse().unwrap()).into_string()
    }

    #[test]
    fn a_line_has_its_time_its_level_and_its_text() {
        let one = rendered(&[line(1, 1)], "0-0");
        let whole = "<li class=\"line warn\"><time datetime=\"1970-01-01T00:00:00Z\">00:00:00 UTC</time> \
                     <strong>WARN</strong> <bdi>line 1 of &lt;1&gt;</bdi></li>";
        assert_eq!(one, whole);
    }

    #[test]
    fn attempts_are_divided_and_missing_lines_counted() {
        let lines = [line(1, 1), line(1, 2), line(3, 1), line(3, 5), line(4, 3)];
        let whole = rendered(&lines, "0-0");
        assert_eq!(whole.matches("Next attempt").count(), 2, "{whole}");
        let missing = ["3 older lines are not kept", "2 older lines are not kept"];
        assert_eq!(whole.matches("not kept").count(), 2, "{whole}");
        assert!(missing.iter().all(|text| whole.contains(text)), "{whole}");
        // The same, whether they are shown together or one after the other.
        let mut cursor = LogCursor::default();
        let mut parts = String::new();
        for line in &lines {
            let one = std::slice::from_ref(line);
            parts.push_str(&rendered(one, &cursor.to_string()));
            cursor = cursor.after(one);
        }
        assert_eq!(parts, whole);
        assert!(rendered(&[line(1, 3)], "1-1").contains("1 older line is not kept"));
    }

    #[test]
    fn a_log_shows_where_it_goes_on() {
        let id = Uuid::nil();
        let empty = log(id, &[], false).into_string();
        assert!(empty.contains("data-after=\"0-0\"") && empty.contains("has logged nothing yet"));
        let whole = log(id, &[line(2, 1), line(2, 2)], true).into_string();
        assert!(whole.contains("data-after=\"2-2\" data-ended>"), "{whole}");
        assert!(!whole.contains("Reload the page"), "{whole}");
        // Lines before the last ones are kept, but not shown.
        let lines: Vec<_> = (301..801).map(|number| line(2, number)).collect();
        let cut = log(id, &lines, true).into_string();
        assert!(cut.contains("The last 500 lines.") && !cut.contains("not kept"), "{cut}");
    }

    #[test]
    fn a_cursor_is_text() {
        let cursor: LogCursor = "3-17".parse().unwrap();
        assert_eq!((cursor.0.fence, cursor.0.number, cursor.to_string().as_str()), (3, 17, "3-17"));
        for invalid in ["", "3", "3-", "-3-1x", "a-b"] {
            assert!(invalid.parse::<LogCursor>().is_err(), "{invalid}");
        }
    }
}

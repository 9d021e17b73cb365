//! Escapes log lines and bounds their length, those of other crates, too.
//!
//! Other crates log what they were sent, as it came.

use std::borrow::Cow;
use std::io::{self, Write};

use super::super::super::output::{LOG, Stream};
use crate::text::log_line;

/// How much of a line is written, in bytes, before some of them are escaped.
const LONGEST: usize = 32 * 1024;

/// A writer of log lines, one at a time.
pub(super) struct LogLine {
    pub(super) colored: bool,
}

impl LogLine {
    /// Returns a line as it is written.
    fn written(&self, line: &[u8]) -> String {
        let (text, end) = match line.strip_suffix(b"\n") {
            Some(text) => (text, "\n"),
            None => (line, ""),
        };
        let cut = text.get(..LONGEST).filter(|beginning| beginning.len() < text.len());
        let (text, mark) = cut.map_or((text, ""), |beginning| (beginning, "…"));
        let text = String::from_utf8_lossy(text);
        let escaped: Cow<'_, str> = log_line(&text, self.colored);
        [&escaped, mark, end].concat()
    }
}

impl Write for LogLine {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        LOG.push(Stream::Err, self.written(line).as_bytes());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_another_crate_is_escaped_and_cut() {
        let written = |line: &[u8]| LogLine { colored: false }.written(line);
        assert_eq!(
            written(b"stream error: \x1b[2J\nERROR forged\xff\x9b\n"),
            "stream error: \\u{1b}[2J\\nERROR forged\u{fffd}\u{fffd}\n"
        );
        assert_eq!(written("a 학습 line\n".as_bytes()), "a 학습 line\n");
        let longest = "x".repeat(LONGEST);
        assert_eq!(written(longest.as_bytes()), longest);
        assert_eq!(written(format!("{longest}yz\n").as_bytes()), format!("{longest}…\n"));
    }
}

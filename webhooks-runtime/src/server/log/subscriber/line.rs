//! Escapes log lines and limits their length.
//!
//! Other crates log text from the network unescaped.

use std::borrow::Cow;
use std::io::{self, Write};

use super::super::super::output::{LOG, Stream};
use crate::text::log_line;

/// The maximum length of a line before escaping, in bytes.
pub(super) const MAX_LENGTH: usize = 32 * 1024;

/// A writer that receives one log line per call.
pub(super) struct LogLine {
    pub(super) colored: bool,
}

impl LogLine {
    /// Returns the escaped and shortened line.
    fn format(&self, line: &[u8]) -> String {
        let (text, end) = match line.strip_suffix(b"\n") {
            Some(text) => (text, "\n"),
            None => (line, ""),
        };
        let cut = text.get(..MAX_LENGTH).filter(|beginning| beginning.len() < text.len());
        let (text, mark) = cut.map_or((text, ""), |beginning| (beginning, "…"));
        let text = String::from_utf8_lossy(text);
        let escaped: Cow<'_, str> = log_line(&text, self.colored);
        [&escaped, mark, end].concat()
    }
}

impl Write for LogLine {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        LOG.push(Stream::Err, self.format(line).as_bytes());
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
        let format = |line: &[u8]| LogLine { colored: false }.format(line);
        assert_eq!(
            format(b"stream error: \x1b[2J\nERROR forged\xff\x9b\n"),
            "stream error: \\u{1b}[2J\\nERROR forged\u{fffd}\u{fffd}\n"
        );
        assert_eq!(format("a 학습 line\n".as_bytes()), "a 학습 line\n");
        let longest = "x".repeat(MAX_LENGTH);
        assert_eq!(format(longest.as_bytes()), longest);
        assert_eq!(format(format!("{longest}yz\n").as_bytes()), format!("{longest}…\n"));
    }
}

//! Reports to a person what registration does: in the terminal while the program starts, and in the log.

use crate::http::part::Console;

/// How registration prints. It knows nothing of the streams of the process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Printer {
    /// Prints a text to standard output.
    pub(crate) out: fn(&str),
    /// Prints a text to standard error.
    pub(crate) err: fn(&str),
}

/// Where the messages go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Messages {
    pub(super) console: Console,
    pub(super) printer: Printer,
}

impl Messages {
    /// Reports what was registered. `text` is lines for a terminal.
    pub(super) fn registered(&self, text: &str) {
        match self.console {
            Console::Terminal => (self.printer.out)(text),
            Console::Log => {
                for line in text.lines().filter(|line| !line.trim().is_empty()) {
                    tracing::info!("{}", line.trim().trim_end_matches(':'));
                }
            }
        }
    }

    /// Reports what is wrong, in a sentence without its full stop.
    pub(super) fn warn(&self, text: &str) {
        match self.console {
            Console::Terminal => (self.printer.err)(&format!("Warning: {text}.\n")),
            Console::Log => tracing::warn!("{text}"),
        }
    }
}

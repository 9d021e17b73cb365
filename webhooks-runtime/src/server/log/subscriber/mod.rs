//! Configures the `tracing` subscriber that writes log lines to standard error, or to the output of a test.
//!
//! - `filter` decides which events are logged.
//! - `line` writes them as text, `json` as JSON.
//! - `capture` stores what background functions log.

mod capture;
mod filter;
mod json;
mod line;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{fmt, registry};

pub use capture::delivery_log_layer;
use filter::{filter, silence};
use json::JsonLines;
use line::LogLine;

use super::super::output::{LOG, Stream, format_messages};
use super::LogOutput;
use crate::config::log_format::LogFormat;

/// Starts logging, unless the program has set up its own subscriber.
pub(super) fn init(output: LogOutput) {
    match output {
        LogOutput::StandardError(format) => init_for_program(format),
        LogOutput::Test => init_for_tests(),
    }
}

fn init_for_program(format: LogFormat) {
    use std::io::{IsTerminal, stderr};

    let wants_color = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let colored = stderr().is_terminal() && wants_color;
    let text = (format == LogFormat::Text).then(|| {
        fmt::layer()
            .with_writer(move || LogLine { colored })
            .with_ansi(colored)
            // They are reported with `eprintln!`, which panics if standard error cannot be written.
            .log_internal_errors(false)
    });
    let json = (format == LogFormat::Json).then(|| JsonLines::new(write_line));
    let stored = delivery_log_layer();
    let log = registry().with(text).with(json).with(stored).with(filter()).with(silence());
    #[cfg(feature = "otel")]
    let log = log.with(crate::otel::layer());
    if log.try_init().is_ok() && format == LogFormat::Json {
        format_messages(json::message);
    }
}

fn write_line(line: &str) {
    LOG.push(Stream::Err, line.as_bytes());
}

fn init_for_tests() {
    let lines = fmt::layer().with_test_writer().with_ansi(false);
    let _ = registry().with(lines).with(filter()).with(silence()).try_init();
}

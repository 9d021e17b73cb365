//! Configures the `tracing` subscriber that writes log lines to standard error, or to the output of a test.
//!
//! - `filter` decides which events are logged.
//! - `line` writes them.
//! - `capture` stores what background functions log.

mod capture;
mod filter;
mod line;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{fmt, registry};

pub use capture::delivery_log_layer;
use filter::{filter, silence};
use line::LogLine;

/// Starts logging to standard error, unless the program has set up its own subscriber.
pub(super) fn init() {
    use std::io::{IsTerminal, stderr};

    let colored = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = fmt::layer()
        .with_writer(move || LogLine { colored })
        .with_ansi(colored)
        // They are reported with `eprintln!`, which panics if standard error cannot be written.
        .log_internal_errors(false);
    let stored = delivery_log_layer();
    let _ = registry().with(lines).with(stored).with(filter()).with(silence()).try_init();
}

/// Starts logging to the captured output of a test, unless the program has set up its own subscriber.
pub(super) fn init_for_tests() {
    let lines = fmt::layer().with_test_writer().with_ansi(false);
    let _ = registry().with(lines).with(filter()).with(silence()).try_init();
}

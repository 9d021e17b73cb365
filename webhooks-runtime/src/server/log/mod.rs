//! Sets up the log of a program that starts its server with `launch`, with the Cargo feature `cli`.
//!
//! A program that sets up its own `tracing` subscriber keeps it.

#[cfg(feature = "cli")]
pub(crate) mod subscriber;

use crate::config::log_format::LogFormat;

/// Where log lines go.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LogOutput {
    StandardError(LogFormat),
    /// The captured output of a test.
    Test,
}

/// Starts logging, unless the program has set up its own subscriber.
pub(crate) fn init(output: LogOutput) {
    #[cfg(feature = "cli")]
    subscriber::init(output);
}

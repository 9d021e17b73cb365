//! Sets up the log of a program that starts its server with `launch`, with the Cargo feature `cli`.
//!
//! A program that sets up its own `tracing` subscriber keeps it.

#[cfg(feature = "cli")]
pub(crate) mod subscriber;

use crate::config::log_format::LogFormat;

/// Starts logging to standard error, unless the program has set up its own subscriber.
pub(crate) fn init(format: LogFormat) {
    #[cfg(feature = "cli")]
    subscriber::init(format);
}

/// Starts logging to the captured output of a test, unless the program has set up its own subscriber.
pub(crate) fn init_for_tests() {
    #[cfg(feature = "cli")]
    subscriber::init_for_tests();
}

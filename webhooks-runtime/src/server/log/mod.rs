//! The log of a program whose `main` is ours. With the Cargo feature `cli`; a program that sets up its own
//! subscriber needs neither.

#[cfg(feature = "cli")]
mod subscriber;

/// Starts writing log lines to standard error, unless the program has set up a subscriber of its own.
pub(crate) fn init() {
    #[cfg(feature = "cli")]
    subscriber::init();
}

/// Starts writing log lines to where the test harness collects the output of each test, unless the program has
/// set up a subscriber of its own.
pub(crate) fn init_for_tests() {
    #[cfg(feature = "cli")]
    subscriber::init_for_tests();
}

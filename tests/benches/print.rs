//! Prints the results, and the progress beside them.

/// Prints a part of the result.
#[allow(clippy::print_stdout, reason = "the result")]
pub(crate) fn say(text: &str) {
    println!("{text}");
}

/// Where it stands, on a line that the next one replaces.
#[allow(clippy::print_stderr, reason = "not a part of the result")]
pub(crate) fn progress(text: &str) {
    eprint!("\r\x1b[K{text}");
}

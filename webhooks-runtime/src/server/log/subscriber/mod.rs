//! Writes log lines: to standard error, or to the output of a test.

mod line;

use super::super::output::{Stream, say};
use line::LogLine;

/// The filter where `RUST_LOG` sets none: everything of note, except the notices of a database server.
const DEFAULT_FILTER: &str = "info,sqlx=warn";

/// Starts writing log lines to standard error, unless the program has set up a subscriber of its own.
pub(super) fn init() {
    use std::io::{IsTerminal, stderr};

    let colored = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter())
        .with_writer(move || LogLine { colored })
        .with_ansi(colored)
        // It would report them with `eprintln!`, which panics where standard error cannot be written.
        .log_internal_errors(false)
        .try_init();
}

/// Starts writing log lines to where the test harness collects the output of each test, unless the
/// program has set up a subscriber of its own.
pub(super) fn init_for_tests() {
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter())
        .with_test_writer()
        .with_ansi(false)
        .try_init();
}

fn filter() -> tracing_subscriber::EnvFilter {
    use tracing::Level;
    use tracing_subscriber::EnvFilter;

    use crate::text::in_one_line;

    let wanted = std::env::var("RUST_LOG").ok().filter(|filter| !filter.is_empty());
    let names_http = wanted.as_ref().is_some_and(|filter| filter.contains("actix_http"));
    let directives = wanted.map(|filter| parse(&filter).map_err(|error| error.to_string()));
    let directives = match directives {
        Some(Ok(directives)) => directives,
        Some(Err(error)) => {
            let error = in_one_line(&error);
            let warning = format!(
                "Warning: RUST_LOG is not understood ({error}); using `{DEFAULT_FILTER}`.\n"
            );
            say(Stream::Err, &warning);
            parse(DEFAULT_FILTER).unwrap_or_default()
        }
        None => parse(DEFAULT_FILTER).unwrap_or_default(),
    };
    // Not by the functions that take a whole filter: when it names levels that the features of `tracing` leave
    // out, they say so with `eprintln!`, which panics where standard error cannot be written.
    let filter = directives.into_iter().fold(EnvFilter::default(), EnvFilter::add_directive);
    // Whatever is wanted: yamux has an error for each frame that it doesn't like, which a share server
    // can send without end, and its traces show what it carries.
    let silent = ["yamux=off", "yamux::connection=off", "yamux::connection::stream=off"];
    // actix-web has an error for each request that isn't HTTP, of which a port scanner sends any number.
    // They are for those who debug.
    let debugged = names_http || filter.max_level_hint().is_some_and(|level| level >= Level::DEBUG);
    let http = (!debugged).then_some("actix_http::h1=off");
    silent
        .into_iter()
        .chain(http)
        .filter_map(|directive| directive.parse().ok())
        .fold(filter, EnvFilter::add_directive)
}

fn parse(
    filter: &str,
) -> Result<Vec<tracing_subscriber::filter::Directive>, tracing_subscriber::filter::ParseError> {
    filter.split(',').filter(|directive| !directive.is_empty()).map(str::parse).collect()
}

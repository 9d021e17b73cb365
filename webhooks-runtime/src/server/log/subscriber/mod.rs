//! Configures the `tracing` subscriber that writes log lines to standard error, or to the output of a test.

mod line;

use super::super::output::{Stream, print_message};
use line::LogLine;

/// The filter if `RUST_LOG` is not set. It excludes the notices of a database server.
const DEFAULT_FILTER: &str = "info,sqlx=warn";

/// Starts logging to standard error, unless the program has set up its own subscriber.
pub(super) fn init() {
    use std::io::{IsTerminal, stderr};

    let colored = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter())
        .with_writer(move || LogLine { colored })
        .with_ansi(colored)
        // They are reported with `eprintln!`, which panics if standard error cannot be written.
        .log_internal_errors(false)
        .try_init();
}

/// Starts logging to the captured output of a test, unless the program has set up its own subscriber.
pub(super) fn init_for_tests() {
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter())
        .with_test_writer()
        .with_ansi(false)
        .try_init();
}

/// Returns the filter from `RUST_LOG`, without lines of other crates that the network could cause without limit.
fn filter() -> tracing_subscriber::EnvFilter {
    use tracing::Level;
    use tracing_subscriber::EnvFilter;

    use crate::text::in_one_line;

    let configured = std::env::var("RUST_LOG").ok().filter(|filter| !filter.is_empty());
    let names_http = configured.as_ref().is_some_and(|filter| filter.contains("actix_http"));
    let directives = configured.map(|filter| parse(&filter).map_err(|error| error.to_string()));
    let directives = match directives {
        Some(Ok(directives)) => directives,
        Some(Err(error)) => {
            let error = in_one_line(&error);
            let warning = format!(
                "Warning: RUST_LOG is not a valid filter ({error}): using `{DEFAULT_FILTER}` instead.\n"
            );
            print_message(Stream::Err, &warning);
            parse(DEFAULT_FILTER).unwrap_or_default()
        }
        None => parse(DEFAULT_FILTER).unwrap_or_default(),
    };
    // The functions that parse a whole filter are not used here: they report levels that are disabled at compile
    // time with `eprintln!`, which panics if standard error cannot be written.
    let filter = directives.into_iter().fold(EnvFilter::default(), EnvFilter::add_directive);
    // Always off: yamux logs an error for each invalid frame, and a share server can send any number of them. Its
    // traces contain the bytes of requests and responses.
    let silent = ["yamux=off", "yamux::connection=off", "yamux::connection::stream=off"];
    // On for debugging only: actix-web logs an error for each request that is not HTTP, and a port scanner can
    // send any number of them.
    let is_debugging =
        names_http || filter.max_level_hint().is_some_and(|level| level >= Level::DEBUG);
    let http = (!is_debugging).then_some("actix_http::h1=off");
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

//! Configures the `tracing` subscriber that writes log lines to standard error, or to the output of a test.

mod line;

use tracing_subscriber::filter::{FilterFn, LevelFilter, ParseError, Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{fmt, registry};

use super::super::output::{Stream, print_message};
use crate::text::in_one_line;
use line::LogLine;

/// The filter if `RUST_LOG` is not set. It excludes the notices of a database server.
const DEFAULT_FILTER: &str = "info,sqlx=warn";

/// Starts logging to standard error, unless the program has set up its own subscriber.
pub(super) fn init() {
    use std::io::{IsTerminal, stderr};

    let colored = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = fmt::layer()
        .with_writer(move || LogLine { colored })
        .with_ansi(colored)
        // They are reported with `eprintln!`, which panics if standard error cannot be written.
        .log_internal_errors(false);
    let _ = registry().with(lines).with(filter()).with(silence()).try_init();
}

/// Starts logging to the captured output of a test, unless the program has set up its own subscriber.
pub(super) fn init_for_tests() {
    let lines = fmt::layer().with_test_writer().with_ansi(false);
    let _ = registry().with(lines).with(filter()).with(silence()).try_init();
}

/// Returns the filter from `RUST_LOG`, without lines of other crates that the network could cause without limit.
fn filter() -> Targets {
    let configured = std::env::var("RUST_LOG").ok().filter(|filter| !filter.is_empty());
    let names_http = configured.as_ref().is_some_and(|filter| filter.contains("actix_http"));
    let default = || DEFAULT_FILTER.parse().unwrap_or_default();
    let filter: Targets = configured.map_or_else(default, |configured| {
        configured.parse().unwrap_or_else(|error: ParseError| {
            let error = error.to_string();
            let error = in_one_line(&error);
            let warning = format!(
                "Warning: RUST_LOG is not a valid filter ({error}): using `{DEFAULT_FILTER}` instead.\n"
            );
            print_message(Stream::Err, &warning);
            default()
        })
    });
    // On for debugging only: actix-web logs an error for each request that is not HTTP, and a port scanner can
    // send any number of them.
    let is_debug = |level: LevelFilter| level >= LevelFilter::DEBUG;
    let is_debugging = names_http
        || filter.default_level().is_some_and(is_debug)
        || filter.iter().any(|(_, level)| is_debug(level));
    let http = (!is_debugging).then_some("actix_http::h1");
    filter.with_targets(http.map(|target| (target, LevelFilter::OFF)))
}

/// The crates whose log lines are always off, because they contain the bytes of requests and responses: secrets of the
/// Hub, signed URLs, payloads. yamux also logs an error for each invalid frame, and a share server can send any number of
/// them.
const SILENT: [&str; 3] = ["ureq", "ureq_proto", "yamux"];

/// Returns the filter that no value of `RUST_LOG` overrides.
fn silence() -> FilterFn {
    filter_fn(|metadata| {
        let of_crate = metadata.target().split("::").next().unwrap_or_default();
        !SILENT.contains(&of_crate)
    })
}

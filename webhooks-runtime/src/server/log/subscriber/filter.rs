//! Decides which events are logged.

use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterFn, LevelFilter, ParseError, Targets, filter_fn};
use tracing_subscriber::layer::Context;

use super::super::super::output::{Stream, print_message};
use crate::endpoint::call::DELIVERY;
use crate::jobs::ATTEMPT_SPAN;
use crate::text::in_one_line;

/// The filter if `RUST_LOG` is not set. It excludes the notices of a database server.
const DEFAULT_FILTER: &str = "info,sqlx=warn";

/// Returns whether this is the span around an attempt.
pub(super) fn is_attempt(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.name() == ATTEMPT_SPAN && metadata.target() == DELIVERY
}

/// The filter of `RUST_LOG`. It lets the spans around attempts pass, whatever their target and level: the lines of a
/// function are stored with its delivery because of its span.
pub(super) struct LogFilter(pub(super) Targets);

impl<S: Subscriber> Layer<S> for LogFilter {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if is_attempt(metadata) {
            return Interest::always();
        }
        Layer::<S>::register_callsite(&self.0, metadata)
    }

    fn enabled(&self, metadata: &Metadata<'_>, context: Context<'_, S>) -> bool {
        is_attempt(metadata) || self.0.enabled(metadata, context)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Layer::<S>::max_level_hint(&self.0).max(Some(LevelFilter::ERROR))
    }
}

/// Returns the filter from `RUST_LOG`, without lines of other crates that the network could cause without limit.
pub(super) fn filter() -> LogFilter {
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
    LogFilter(filter.with_targets(http.map(|target| (target, LevelFilter::OFF))))
}

/// The crates whose log lines are always off, because they contain the bytes of requests and responses: secrets of the
/// Hub, signed URLs, payloads. yamux also logs an error for each invalid frame, and a share server can send any number of
/// them. rustls logs the names of hosts, and that of an alert URL can be a secret.
const SILENT: [&str; 4] = ["rustls", "ureq", "ureq_proto", "yamux"];

/// Returns the filter that no value of `RUST_LOG` overrides.
pub(super) fn silence() -> FilterFn {
    filter_fn(|metadata| !is_silent(metadata.target()))
}

/// Returns whether log lines of this target are always off.
pub(super) fn is_silent(target: &str) -> bool {
    SILENT.contains(&target.split("::").next().unwrap_or_default())
}

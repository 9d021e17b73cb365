//! Tests of what is captured of an attempt.

use std::thread;

use tokio::sync::mpsc;
use tracing::{Instrument, Level, Span};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;
use uuid::Uuid;

use super::super::filter::LogFilter;
use super::*;
use crate::endpoint::call::DELIVERY;
use crate::jobs::ATTEMPT_SPAN;

/// Runs a function in the span of an attempt, and returns its lines.
fn captured(filter: &str, run: impl FnOnce()) -> Vec<(Level, String)> {
    let filter = LogFilter(filter.parse::<Targets>().unwrap());
    let subscriber = registry().with(delivery_log_layer()).with(filter);
    let (sender, _announced) = mpsc::unbounded_channel();
    let log = AttemptLog::new((Uuid::nil(), 1), sender);
    tracing::subscriber::with_default(subscriber, || {
        let span = AttemptLog::span(
            Some(log.clone()),
            || tracing::error_span!(target: DELIVERY, ATTEMPT_SPAN, delivery = 7),
        );
        tracing::info!("before");
        span.in_scope(run);
        tracing::info!("afterwards");
    });
    log.close().lines.into_iter().map(|line| (line.level, line.text)).collect()
}

fn texts(run: impl FnOnce()) -> Vec<String> {
    captured("trace", run).into_iter().map(|(_, text)| text).collect()
}

#[test]
fn a_line_has_the_message_and_the_fields_of_the_event() {
    let lines = captured("trace", || {
        tracing::info!(epoch = 3, loss = ?0.5, "trained");
        tracing::warn!(file = "a.csv");
        let inner = tracing::info_span!("inner", step = 1);
        inner.in_scope(|| tracing::debug!("{} rows", 12));
    });
    let expected = [
        (Level::INFO, "trained epoch=3 loss=0.5"),
        (Level::WARN, "file=\"a.csv\""),
        (Level::DEBUG, "12 rows"),
    ];
    assert_eq!(lines, expected.map(|(level, text)| (level, text.to_owned())));
}

#[test]
fn only_spans_of_attempts_are_captured() {
    let lines = texts(|| {
        // Another delivery, for example one of a test client, has its own span.
        let span = tracing::error_span!(target: DELIVERY, ATTEMPT_SPAN);
        span.in_scope(|| tracing::info!("in the outer span as well"));
        AttemptLog::span(None, || tracing::error_span!(parent: None, "delivery"))
            .in_scope(|| tracing::info!("elsewhere"));
    });
    assert_eq!(lines, ["in the outer span as well"]);
}

#[test]
fn threads_and_tasks_in_the_span_are_captured() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let lines = texts(|| {
        let (span, dispatch) = (Span::current(), tracing::dispatcher::get_default(Clone::clone));
        let task = async { tracing::info!("in a task") }.in_current_span();
        let elsewhere = thread::spawn(move || {
            tracing::dispatcher::with_default(&dispatch, || {
                tracing::info!("on a thread without the span");
                span.in_scope(|| tracing::info!("on a thread"));
                runtime.block_on(async { tracing::info!("in a task without the span") });
                runtime.block_on(task);
            });
        });
        elsewhere.join().unwrap();
    });
    assert_eq!(lines, ["on a thread", "in a task"]);
}

#[test]
fn control_characters_are_escaped() {
    let lines = texts(|| tracing::info!(path = %"a\u{1b}[2J\u{202e}", "two\nlines"));
    assert_eq!(lines, ["two\\nlines path=a\\u{1b}[2J\\u{202e}"]);
}

#[test]
fn a_long_line_is_cut() {
    let lines = texts(|| {
        tracing::info!("{}", "x".repeat(MAX_LINE));
        tracing::info!(more = 1, "{}", "x".repeat(MAX_LINE));
        tracing::info!("{}", "학".repeat(MAX_LINE));
        tracing::info!("{}", "\n".repeat(MAX_LINE));
    });
    let ends: Vec<_> = lines.iter().map(|line| (line.len(), line.ends_with(MARK))).collect();
    assert_eq!(ends[..2], [(MAX_LINE, false), (MAX_LINE, true)]);
    assert!(
        ends[2..].iter().all(|(len, is_cut)| *len > MAX_LINE - 8 && *len <= MAX_LINE && *is_cut)
    );
}

#[test]
fn the_filter_decides_but_not_on_the_span() {
    let run = || {
        tracing::info!(target: "bot", "one");
        tracing::warn!(target: "bot", "two");
        tracing::warn!(target: "other", "three");
    };
    let texts =
        |filter| -> Vec<_> { captured(filter, run).into_iter().map(|(_, text)| text).collect() };
    assert_eq!(texts("warn"), ["two", "three"]);
    assert_eq!(texts("bot=info"), ["one", "two"]);
    assert_eq!(texts("error,bot=warn"), ["two"]);
    assert!(texts("off").is_empty());
}

#[test]
fn crates_that_log_secrets_are_never_captured() {
    let lines = texts(|| {
        tracing::info!(target: "ureq::run", "Authorization: Bearer hf_abc");
        tracing::info!(target: "ureq_proto", "POST");
        tracing::info!(target: "bot", "asked the Hub");
    });
    assert_eq!(lines, ["asked the Hub"]);
}

#[test]
fn a_field_may_log_while_it_is_formatted() {
    struct Logs;
    impl fmt::Display for Logs {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            tracing::info!("formatting");
            f.write_str("formatted")
        }
    }
    let lines = texts(|| tracing::info!("{}", Logs));
    assert_eq!(lines.last().map(String::as_str), Some("formatted"));
}

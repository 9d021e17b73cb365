//! Captures what background functions log, so that it is stored with their deliveries.

use std::fmt;
use std::time::SystemTime;

use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_log::NormalizeEvent;
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::filter::{is_attempt, is_silent};
use crate::jobs::{AttemptLog, MAX_LINE};
use crate::text::{beginning, in_one_line};

/// Returns a layer that stores what background functions log with their deliveries, for a program with its own `tracing`
/// subscriber. A program that leaves the log to the server needs no such layer.
///
/// The page and the command `deliveries logs` show these lines: the events of the function, and of what it calls, if they
/// are in the function's span. On a thread that the function starts, enter the span; a task that it spawns needs
/// [`.in_current_span()`](https://docs.rs/tracing/latest/tracing/trait.Instrument.html#method.in_current_span).
///
/// A filter of the subscriber decides which events are stored. It must let the span pass that is around each attempt, of
/// the target `webhooks_runtime::delivery` and the level of errors.
///
/// ```
/// use tracing_subscriber::filter::LevelFilter;
/// use tracing_subscriber::layer::SubscriberExt;
/// use tracing_subscriber::util::SubscriberInitExt;
///
/// tracing_subscriber::registry()
///     .with(LevelFilter::INFO)
///     .with(tracing_subscriber::fmt::layer().compact())
///     .with(webhooks_runtime::delivery_log_layer())
///     .init();
/// ```
pub fn delivery_log_layer<S>() -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    CaptureLayer
}

struct CaptureLayer;

impl<S> Layer<S> for CaptureLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if is_attempt(attributes.metadata())
            && let Some(log) = AttemptLog::of_new_span()
            && let Some(span) = context.span(id)
        {
            span.extensions_mut().replace(log);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let log = context.event_scope(event).and_then(|mut scope| {
            scope.find_map(|span| span.extensions().get::<AttemptLog>().cloned())
        });
        let Some(log) = log else { return };
        // A record of the crate `log` has its target and level in its fields.
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        // The program's own subscriber may not filter them.
        if !is_silent(metadata.target()) {
            log.push(SystemTime::now(), *metadata.level(), line(event));
        }
    }
}

/// Formats the message and the fields of an event as the log does, in one line.
fn line(event: &Event<'_>) -> String {
    let mut text = CutText::default();
    // Fails only if a field cannot be formatted, which leaves it out.
    let _ = DefaultFields::new().format_fields(Writer::new(&mut text), event);
    let CutText { text, mut is_cut } = text;
    let line = in_one_line(&text);
    // Escaping makes a text longer.
    is_cut |= line.len() > MAX_LINE;
    if is_cut {
        [beginning(&line, MAX_LINE - MARK.len()), MARK].concat()
    } else {
        line.into_owned()
    }
}

/// The end of a line that is cut.
const MARK: &str = "…";

/// A text that is cut at the length of the longest line, whatever is written to it.
#[derive(Default)]
struct CutText {
    text: String,
    is_cut: bool,
}

impl fmt::Write for CutText {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        if !self.is_cut {
            let fits = beginning(more, MAX_LINE - self.text.len());
            self.text.push_str(fits);
            self.is_cut = fits.len() < more.len();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

//! Writes events as JSON, for programs that collect logs.
//!
//! A line is one flat object: `timestamp`, `level`, `target`, `message`, the fields of the event, and those of the spans
//! around it, with the names that they have in the text format. The JSON of `tracing-subscriber` nests the spans, and does
//! not limit how long a line is.

use std::borrow::Cow;
use std::fmt;
use std::time::SystemTime;

use humantime::format_rfc3339_micros;
use indexmap::IndexMap;
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_log::NormalizeEvent;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::line::MAX_LENGTH;
use crate::text::{beginning, escaped_json};

/// The keys that every line has. A field with such a name gets a prefix.
const KEYS: [&str; 3] = ["timestamp", "level", "target"];

/// A layer that passes each event to `write`, as a line of JSON.
pub(super) struct JsonLines {
    write: fn(&str),
}

impl JsonLines {
    pub(super) fn new(write: fn(&str)) -> Self {
        Self { write }
    }
}

impl<S> Layer<S> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = JsonFields::default();
        attributes.record(&mut fields);
        span.extensions_mut().replace(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        // Without the lock of the span: a value may log while it is formatted.
        let mut recorded = JsonFields::default();
        values.record(&mut recorded);
        if let Some(fields) = span.extensions_mut().get_mut::<JsonFields>() {
            for (name, value) in recorded.fields {
                fields.insert(name, value);
            }
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        // A record of the crate `log` has its target and level in its fields.
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        let mut line = JsonFields::begin(*metadata.level(), metadata.target());
        event.record(&mut line);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<JsonFields>() {
                line.add_those_of_span(fields);
            }
        }
        (self.write)(&line.into_line());
    }
}

/// Returns the line of a message that is not an event.
pub(super) fn message(text: &str) -> String {
    let levels = [("Warning: ", Level::WARN), ("error: ", Level::ERROR)];
    let found =
        levels.iter().find_map(|(prefix, level)| Some((text.strip_prefix(prefix)?, *level)));
    let (text, level) = found.unwrap_or((text, Level::INFO));
    let mut line = JsonFields::begin(level, env!("CARGO_CRATE_NAME"));
    line.insert("message".into(), text.trim_end().into());
    line.into_line()
}

/// The fields of a span, or of a line, in their order.
struct JsonFields {
    fields: IndexMap<Cow<'static, str>, Value>,
    /// How many bytes of texts still fit.
    left: usize,
}

impl Default for JsonFields {
    fn default() -> Self {
        Self { fields: IndexMap::new(), left: MAX_LENGTH }
    }
}

impl JsonFields {
    /// Begins a line with what each one has.
    fn begin(level: Level, target: &str) -> Self {
        let timestamp = format_rfc3339_micros(SystemTime::now()).to_string();
        let values = [timestamp.into(), level.as_str().into(), target.into()];
        let fields = KEYS.into_iter().map(Cow::Borrowed).zip(values).collect();
        Self { fields, ..Self::default() }
    }

    fn add_those_of_span(&mut self, span: &Self) {
        for (name, value) in &span.fields {
            // That of an inner span comes first.
            if !self.fields.contains_key(name) {
                self.insert(name.clone(), value.clone());
            }
        }
    }

    fn insert(&mut self, name: Cow<'static, str>, mut value: Value) {
        if let Value::String(text) = &mut value {
            if text.len() > self.left {
                *text = [beginning(text, self.left), "…"].concat();
            }
            self.left = self.left.saturating_sub(text.len());
        }
        self.fields.insert(name, value);
    }

    fn record(&mut self, field: &Field, value: impl Into<Value>) {
        // A raw identifier. And the position of a record of the crate `log`, which the text format leaves out, too.
        let name = field.name().trim_start_matches("r#");
        if !name.starts_with("log.") {
            let is_key = KEYS.contains(&name);
            let name = if is_key { format!("field.{name}").into() } else { name.into() };
            self.insert(name, value.into());
        }
    }

    fn into_line(self) -> String {
        // Only texts and numbers: nothing that cannot be serialized.
        let json = serde_json::to_string(&self.fields).unwrap_or_default();
        format!("{}\n", escaped_json(&json))
    }
}

impl Visit for JsonFields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.record(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.record(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.record(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.record(field, value);
    }
}

#[cfg(test)]
mod tests;

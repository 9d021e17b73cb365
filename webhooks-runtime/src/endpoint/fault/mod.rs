//! Reads bodies, and describes what is wrong with those that cannot be read: where the faults are and
//! what was expected there, but never what stood there.

use std::error::Error as StdError;
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_path_to_error::Segment;

use super::fields;
use super::log::DELIVERY;
use crate::payload::{
    Deviations, ExpectedVersion, FaultKind, FieldFault, FieldStep, PayloadError, TolerantPayload,
    WebhookPayload, read_tolerantly,
};

/// What is said of a field that is missing.
const MISSING: &str = "This field is required.";

/// What is said of a field that is given twice.
const DUPLICATE: &str = "This field is given twice.";

/// The faults of a body, at least one. A payload of the Hub has all of its faults here, any other type
/// the first one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyFaults(pub(crate) Vec<BodyFault>);

impl From<BodyFault> for BodyFaults {
    fn from(fault: BodyFault) -> Self {
        Self(vec![fault])
    }
}

impl fmt::Display for BodyFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, fault) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(" ")?;
            }
            match fault.path() {
                path if path.is_empty() => fault.fmt(f)?,
                path => write!(f, "{path}: {fault}")?,
            }
        }
        Ok(())
    }
}

impl StdError for BodyFaults {}

/// One fault of a body, in the form that FastAPI gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct BodyFault {
    /// The kind of the fault: `missing`, for instance.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The way to it from the body: fields and positions, and a `*` for a key of the body's own.
    loc: Vec<PathSegment>,
    /// What was expected there.
    msg: String,
}

/// One step on the way to a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
enum PathSegment {
    Key(String),
    Index(usize),
}

impl BodyFault {
    /// Describes the error that an extractor of actix-web ended with when it read `body` as JSON.
    ///
    /// Nothing is known of the type here, so no key can be told from the input's own words: the path
    /// has a `*` for each, and the text gives the position instead. Where the type is known, [`read`]
    /// tells all of it. An error in a type's own words has no position of its own, and is found one
    /// step too high.
    pub(crate) fn at_position(body: &[u8], error: &serde_json::Error) -> Self {
        let mut fault = Self::new(error, || path_by_position(body, error));
        if error.is_data() {
            let (line, column) = (error.line(), error.column());
            fault.msg = format!("{} It is at line {line} column {column}.", fault.msg);
        }
        fault
    }

    fn new(error: &serde_json::Error, path: impl FnOnce() -> Vec<PathSegment>) -> Self {
        let at = format!(" at line {} column {}", error.line(), error.column());
        let text = error.to_string();
        let text = text.strip_suffix(&at).unwrap_or(&text);
        let mut loc = vec![PathSegment::Key("body".to_owned())];
        if error.classify() != Category::Data {
            // The parser's own words, none of which come from the input.
            let msg = format!("The body is not valid JSON: {text}{at}.");
            return Self { kind: "json_invalid", loc, msg };
        }
        loc.extend(path());
        let (kind, missing, msg) = describe(text);
        if kind == "unknown_field" {
            // Its name is the input's.
            loc.pop();
        }
        loc.extend(missing.map(|field| PathSegment::Key(field.to_owned())));
        Self { kind, loc, msg }
    }

    /// The way to the fault, with dots: `event.scope`.
    pub(crate) fn path(&self) -> String {
        let below = self.loc.iter().skip(1).map(|place| match place {
            PathSegment::Key(key) => key.clone(),
            PathSegment::Index(index) => index.to_string(),
        });
        below.collect::<Vec<_>>().join(".")
    }

    /// The fault as a reason for the log: its path and what was expected there.
    pub(crate) fn reason(&self) -> String {
        let path = self.path();
        let dot = if path.is_empty() { "" } else { "." };
        format!("body{dot}{path}: {}", self.msg)
    }
}

impl From<FieldFault> for BodyFault {
    fn from(fault: FieldFault) -> Self {
        let (kind, msg) = match fault.kind {
            FaultKind::Missing => ("missing", MISSING.to_owned()),
            FaultKind::Duplicate => ("duplicate_field", DUPLICATE.to_owned()),
            FaultKind::Shape(shape) => ("invalid_type", format!("Expected {shape}.")),
            FaultKind::Version { is_number } => {
                let kind = if is_number { "invalid_value" } else { "invalid_type" };
                (kind, format!("Expected {ExpectedVersion}."))
            }
        };
        let place = |step| match step {
            FieldStep::Name(name) => PathSegment::Key(String::from(name)),
            FieldStep::Index(index) => PathSegment::Index(index),
        };
        let body = PathSegment::Key("body".to_owned());
        let loc = std::iter::once(body).chain(fault.path.0.into_iter().map(place)).collect();
        Self { kind, loc, msg }
    }
}

impl fmt::Display for BodyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.msg)
    }
}

impl StdError for BodyFault {}

/// Reads `body` as JSON. Only when that fails is it read again, with an eye on the path.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, BodyFault> {
    parse(body).map_err(|error| {
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
            Err(traced) => BodyFault::new(traced.inner(), || {
                let path: Vec<_> = traced.path().iter().collect();
                places(&path, &fields::declared::<T>(&path))
            }),
            // The value was fine and something stands behind it.
            Ok(_) => BodyFault::new(&error, Vec::new),
        }
    })
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> serde_json::Result<T> {
    // Checked once as a whole, the text isn't checked again string by string. JSON that holds something
    // else, in a field that nobody reads, is still JSON.
    match std::str::from_utf8(body) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(body),
    }
}

/// Reads `body` as a payload of the Hub. Only one that differs from the documentation is read again, by
/// the tolerant parser, and leaves a warning in the log.
pub(crate) fn read_payload(body: &[u8]) -> Result<WebhookPayload, BodyFaults> {
    let TolerantPayload { payload, deviations } = parse_payload(body)?;
    if !deviations.is_empty() {
        warn(&deviations);
    }
    Ok(payload)
}

/// The same without the warning, for a body that was read before.
pub(crate) fn parse_payload(body: &[u8]) -> Result<TolerantPayload, BodyFaults> {
    match parse(body) {
        Ok(payload) => Ok(TolerantPayload { payload, deviations: Deviations::default() }),
        Err(error) if error.is_data() => read_tolerantly(body).map_err(|error| match error {
            PayloadError::Json(error) => BodyFault::new(&error, Vec::new).into(),
            PayloadError::Faults(faults) => {
                BodyFaults(faults.into_iter().map(BodyFault::from).collect())
            }
        }),
        Err(error) => Err(BodyFault::new(&error, Vec::new).into()),
    }
}

fn warn(deviations: &Deviations) {
    tracing::warn!(
        target: DELIVERY,
        missing = deviations.missing(),
        dropped = deviations.dropped(),
        "the payload differs from the Hub's documentation"
    );
}

/// Finds the path of an error by its position, for any type that was being read.
///
/// The text up to the error is read once more, as plain JSON. It is made to end inside the value at
/// fault, so that reading ends there, and `serde_path_to_error` says which path that is. This needs no
/// knowledge of the type, which actix-web's extractors don't give.
fn path_by_position(body: &[u8], error: &serde_json::Error) -> Vec<PathSegment> {
    let Some(end) = offset(body, error) else {
        return Vec::new();
    };
    let mut text = body[..end].to_vec();
    let begins_next = matches!(body.get(end), Some(b'{' | b'['));
    match text.last() {
        // serde_json finds fault with an object or an array in front of it …
        _ if begins_next => text.push(b'"'),
        // … and with anything else behind it: text, or an object or array that lacks something, …
        Some(b'"' | b'}' | b']') => drop(text.pop()),
        // … or a number, `true`, `false`, `null`, of which only a text would be seen to be cut off.
        _ => {
            let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
            let length = text.iter().rev().take_while(|byte| is_part(byte)).count();
            text.truncate(end - length);
            text.push(b'"');
        }
    }
    let mut deserializer = serde_json::Deserializer::from_slice(&text);
    match serde_path_to_error::deserialize::<_, serde_json::Value>(&mut deserializer) {
        Err(stop) if stop.inner().is_eof() => {
            let path: Vec<_> = stop.path().iter().collect();
            places(&path, &vec![false; path.len()])
        }
        _ => Vec::new(),
    }
}

/// How many bytes of `body` were read when the error was found.
fn offset(body: &[u8], error: &serde_json::Error) -> Option<usize> {
    let line_start = match error.line() {
        0 => return None,
        1 => 0,
        line => body.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(line - 2)?.0 + 1,
    };
    Some(line_start + error.column()).filter(|end| *end <= body.len())
}

/// The path as it is told: a key that isn't a declared field is the input's, and hidden.
fn places(path: &[&Segment], declared: &[bool]) -> Vec<PathSegment> {
    let place = |(segment, declared): (&&Segment, &bool)| match segment {
        Segment::Seq { index } => Some(PathSegment::Index(*index)),
        Segment::Map { key } if *declared => Some(PathSegment::Key(key.clone())),
        Segment::Map { .. } => Some(PathSegment::Key("*".to_owned())),
        Segment::Enum { .. } | Segment::Unknown => None,
    };
    path.iter().zip(declared).filter_map(place).collect()
}

/// Makes of serde's words a kind, the field that is missing, and a text without the input.
///
/// The forms are those of the provided methods of `serde::de::Error`. An error in a type's own words
/// could repeat the input, so nothing of it is told.
fn describe(text: &str) -> (&'static str, Option<&str>, String) {
    let quoted = |prefix| text.strip_prefix(prefix).and_then(|rest: &str| rest.strip_suffix('`'));
    if let Some(field) = quoted("missing field `") {
        return ("missing", Some(field), MISSING.to_owned());
    }
    if let Some(field) = quoted("duplicate field `") {
        return ("duplicate_field", Some(field), DUPLICATE.to_owned());
    }
    let kind = match text {
        _ if text.starts_with("invalid type: ") => "invalid_type",
        _ if text.starts_with("invalid value: ") => "invalid_value",
        _ if text.starts_with("invalid length ") => "invalid_length",
        _ if text.starts_with("unknown variant `") => "unknown_variant",
        _ if text.starts_with("unknown field `") => "unknown_field",
        _ => return ("value_error", None, "This value is not acceptable here.".to_owned()),
    };
    let nothing_expected =
        text.ends_with(", there are no fields") || text.ends_with(", there are no variants");
    let msg = match text.rsplit_once(", expected ") {
        // What is expected stands last and comes from the type.
        Some((_, expected)) if !nothing_expected => format!("Expected {expected}."),
        _ => "This is not expected here.".to_owned(),
    };
    (kind, None, msg)
}

#[cfg(test)]
mod tests;

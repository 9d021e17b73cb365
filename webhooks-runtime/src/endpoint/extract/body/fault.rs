//! The faults of a body, in the form of FastAPI's 422 response: where each fault is, and what was expected
//! there.
//!
//! The response shows the path as the caller sent it, cut to a bounded size, and never a value. The log shows no
//! text of the body at all: a key in its path is either one that a type declares, or a `*`.

use std::error::Error as StdError;
use std::fmt;

use serde::Serialize;

use crate::payload::{ExpectedVersion, FaultKind, FieldFault, FieldPath, FieldStep};

/// The text for a field that is missing.
pub(super) const MISSING: &str = "This field is required.";

/// The text for a field that is present twice.
pub(super) const DUPLICATE: &str = "This field is given twice.";

/// The most segments that a path has in a response.
const MOST_SEGMENTS: usize = 32;

/// The most characters of a key in a response.
const LONGEST_KEY: usize = 100;

/// The faults of a body, at least one. A payload of the Hub has all of its faults here, any other type
/// the first one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyFaults(pub(crate) Vec<BodyFault>);

impl From<BodyFault> for BodyFaults {
    fn from(fault: BodyFault) -> Self {
        Self(vec![fault])
    }
}

/// The text for the log and the store, so it holds no text of the body.
impl fmt::Display for BodyFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, fault) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(" ")?;
            }
            match fault.log_path.as_str() {
                "" => fault.fmt(f)?,
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
    /// The kind of the fault: `missing`, for example.
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    /// The path to it, from `body` on: keys and positions.
    pub(super) loc: Vec<PathSegment>,
    /// What was expected there.
    pub(super) msg: String,
    /// The path below the body, without keys that the sender chose.
    #[serde(skip)]
    pub(super) log_path: String,
}

/// One step on the path to a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub(super) enum PathSegment {
    Key(String),
    Index(usize),
}

impl PathSegment {
    /// A key of the body, cut to a bounded length.
    pub(super) fn key(key: &str) -> Self {
        match key.char_indices().nth(LONGEST_KEY) {
            Some((end, _)) => Self::Key(format!("{}…", &key[..end])),
            None => Self::Key(key.to_owned()),
        }
    }
}

/// Puts `body` before a path, and cuts it to a bounded number of segments.
pub(super) fn loc(path: impl IntoIterator<Item = PathSegment>) -> Vec<PathSegment> {
    let body = PathSegment::Key("body".to_owned());
    std::iter::once(body).chain(path).take(MOST_SEGMENTS).collect()
}

impl BodyFault {
    /// Returns the path below the body as the caller sent it, with dots: `event.scope`.
    pub(crate) fn path(&self) -> String {
        let below = self.loc.iter().skip(1).map(|segment| match segment {
            PathSegment::Key(key) => key.clone(),
            PathSegment::Index(index) => index.to_string(),
        });
        below.collect::<Vec<_>>().join(".")
    }

    /// Returns the fault as a reason for the log: its path and what was expected there.
    pub(crate) fn reason(&self) -> String {
        let path = &self.log_path;
        let dot = if path.is_empty() { "" } else { "." };
        format!("body{dot}{path}: {}", self.msg)
    }
}

/// The faults of a payload. The names on their paths are those of the documentation.
impl BodyFault {
    /// Creates the fault of a field that the endpoint's filter needs.
    pub(crate) fn unreadable_for_filter(path: FieldPath) -> Self {
        let msg =
            "Expected the documented form, because the endpoint's filter depends on this field.";
        Self::in_payload("value_error", path, msg.to_owned())
    }

    /// Creates the fault of a field that the endpoint's key needs.
    pub(crate) fn unreadable_for_key(path: FieldPath) -> Self {
        let msg = "Expected the documented form, because the endpoint's key depends on this field.";
        Self::in_payload("value_error", path, msg.to_owned())
    }

    fn in_payload(kind: &'static str, path: FieldPath, msg: String) -> Self {
        let log_path = path.to_string();
        let segment = |step| match step {
            FieldStep::Name(name) => PathSegment::Key(String::from(name)),
            FieldStep::Index(index) => PathSegment::Index(index),
        };
        Self { kind, loc: loc(path.0.into_iter().map(segment)), msg, log_path }
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
        Self::in_payload(kind, fault.path, msg)
    }
}

impl fmt::Display for BodyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.msg)
    }
}

impl StdError for BodyFault {}

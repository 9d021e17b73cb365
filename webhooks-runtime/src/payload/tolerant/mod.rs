//! Reads payloads that differ from the Hub's documentation.
//!
//! The Hub adds, removes and reshapes fields without a new version. The derived `Deserialize` of the payload's types
//! is strict and fast, and reads nearly all deliveries. A body that it rejects is read here: only the fields that
//! identify the event are required, and any other field that is missing or malformed gets a default. One pass finds
//! all faults and all deviations.
//!
//! The pass reads the body as a stream into the payload's types, and never as a tree of values, so that a large
//! malformed body needs no more memory than a valid one.
//!
//! - `reader` reads values of any shape, and collects faults and deviations.
//! - `values` has the scalar values and lists of a payload.
//! - `objects` has the objects, with the default of each field.
//! - `path` is the location of a field.
//! - `deviations` is the list of replaced fields.

mod deviations;
mod objects;
mod path;
mod reader;
#[cfg(test)]
mod tests;
mod values;

pub(crate) use deviations::Deviations;
pub(crate) use path::{FieldPath, FieldStep};

use serde::de::DeserializeSeed;

use self::reader::{FieldSeed, Reader};
use super::WebhookPayload;

/// A payload, with the list of fields that were replaced.
#[derive(Debug)]
pub(crate) struct TolerantPayload {
    pub(crate) payload: WebhookPayload,
    pub(crate) deviations: Deviations,
}

/// Reads a body as a payload.
///
/// # Errors
///
/// When the body is not JSON, when a required field is missing, malformed or given twice, and when the payload has
/// another version.
pub(crate) fn read_tolerantly(body: &[u8]) -> Result<TolerantPayload, PayloadError> {
    let mut reader = Reader::default();
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let payload = FieldSeed::new(&mut reader).deserialize(&mut deserializer)?;
    deserializer.end()?;
    let payload = reader.required(payload);
    let Reader { mut faults, deviations, .. } = reader;
    if faults.is_empty() {
        return Ok(TolerantPayload { payload, deviations });
    }
    // First, because another version explains all other faults.
    faults.sort_by_key(|fault| !matches!(fault.kind, FaultKind::Version { .. }));
    Err(PayloadError::Faults(faults))
}

/// The error of a body that is not a payload.
#[derive(Debug)]
pub(crate) enum PayloadError {
    /// The body is not JSON.
    Json(serde_json::Error),
    /// At least one field makes the payload unusable.
    Faults(Vec<FieldFault>),
}

impl From<serde_json::Error> for PayloadError {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

/// A field that makes a payload unusable.
#[derive(Debug)]
pub(crate) struct FieldFault {
    pub(crate) path: FieldPath,
    pub(crate) kind: FaultKind,
}

/// The kind of a fault.
#[derive(Debug)]
pub(crate) enum FaultKind {
    /// A required field is missing.
    Missing,
    /// A required field does not have this shape.
    Shape(&'static str),
    /// A field is given twice.
    Duplicate,
    /// The version is another number, or not a number.
    Version { is_number: bool },
}

//! Reads payloads that differ from the Hub's documentation.
//!
//! The Hub adds, removes and reshapes fields without a new version. The derived `Deserialize` of the
//! payload's types is strict and fast, and reads nearly all deliveries. A body that it rejects is read
//! here: only what identifies the event is required, every other field that is missing or has another
//! shape gets a default. All faults are found in one pass, and so is everything that was replaced.
//!
//! The pass reads the body as a stream into the payload's types. It never holds the body as a tree of
//! values, so a large body of an unknown sender costs no more memory than a valid one, and since it
//! doesn't wait for anything, a thread does one at a time.

//!
//! `reader` walks through the body, `values` has the kinds of values that it meets, `objects` the members
//! of each object with their defaults, and `deviations` is the list of what was replaced.

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

use self::reader::{Field, Reader};
use super::WebhookPayload;

/// A payload with the list of what was replaced in it.
#[derive(Debug)]
pub(crate) struct TolerantPayload {
    pub(crate) payload: WebhookPayload,
    pub(crate) deviations: Deviations,
}

/// Reads a body as a payload.
///
/// # Errors
///
/// When the body isn't JSON, when a required field is missing or has another shape, when a field is given
/// twice, and when the payload has another version.
pub(crate) fn read_tolerantly(body: &[u8]) -> Result<TolerantPayload, PayloadError> {
    let mut reader = Reader::default();
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let payload = Field::new(&mut reader).deserialize(&mut deserializer)?;
    deserializer.end()?;
    let payload = reader.required(payload);
    let Reader { mut faults, deviations, .. } = reader;
    if faults.is_empty() {
        return Ok(TolerantPayload { payload, deviations });
    }
    // The payload of another version may have any shape, so that explains the other faults.
    faults.sort_by_key(|fault| !matches!(fault.kind, FaultKind::Version { .. }));
    Err(PayloadError::Faults(faults))
}

/// The reason why a body is no payload.
#[derive(Debug)]
pub(crate) enum PayloadError {
    /// The body isn't JSON.
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

/// What is wrong with a field.
#[derive(Debug)]
pub(crate) enum FaultKind {
    /// It is required and missing.
    Missing,
    /// It is required and has another shape than this.
    Shape(&'static str),
    /// It is given twice.
    Duplicate,
    /// It is another version, as a number or in another shape.
    Version { is_number: bool },
}

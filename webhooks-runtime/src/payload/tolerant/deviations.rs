//! The list of fields that differ from the Hub's documentation.

use std::fmt;

use super::path::FieldPath;

/// The fields of a payload that differ from the documentation. The size is bounded, because each field is listed
/// at most once, and the elements of a list are only counted.
#[derive(Debug, Default)]
pub(crate) struct Deviations {
    pub(super) missing: Vec<FieldPath>,
    pub(super) dropped: Vec<DroppedField>,
}

/// A field whose value was dropped.
#[derive(Debug)]
pub(super) struct DroppedField {
    pub(super) path: FieldPath,
    /// The number of further elements of the same list that were dropped.
    pub(super) more: usize,
}

impl fmt::Display for DroppedField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.more {
            0 => self.path.fmt(f),
            more => write!(f, "{} (and {more} more)", self.path),
        }
    }
}

impl Deviations {
    pub(crate) fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.dropped.is_empty()
    }

    /// Returns the paths of the absent fields that got a default, if there are any.
    pub(crate) fn missing(&self) -> Option<String> {
        joined(&self.missing)
    }

    /// Returns the paths of the malformed fields, if there are any.
    pub(crate) fn dropped(&self) -> Option<String> {
        joined(&self.dropped)
    }

    /// Returns the path of the dropped value that makes the value at this path incomplete: of the value itself, of a
    /// part of it, or of an object around it. An absent field was not dropped.
    pub(crate) fn dropped_at(&self, path: &str) -> Option<&FieldPath> {
        let dropped = self.dropped.iter().find(|dropped| {
            let steps = dropped.path.0.iter().map(ToString::to_string);
            steps.zip(path.split('.')).all(|(step, name)| step == name)
        });
        dropped.map(|dropped| &dropped.path)
    }
}

fn joined<T: fmt::Display>(items: &[T]) -> Option<String> {
    let items: Vec<_> = items.iter().map(ToString::to_string).collect();
    (!items.is_empty()).then(|| items.join(", "))
}

//! The list of the fields that differ from the documentation.

use std::fmt;

use super::path::FieldPath;

/// The fields of a payload that differ from the documentation. As each field is listed once, and each
/// list's elements are counted, the size is bounded, whatever the body.
#[derive(Debug, Default)]
pub(crate) struct Deviations {
    pub(super) missing: Vec<FieldPath>,
    pub(super) dropped: Vec<Dropped>,
}

/// A field whose value was dropped.
#[derive(Debug)]
pub(super) struct Dropped {
    pub(super) path: FieldPath,
    /// How many more elements of the same list were dropped.
    pub(super) more: usize,
}

impl fmt::Display for Dropped {
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

    /// The paths of the fields that were absent and got a default, if there are any.
    pub(crate) fn missing(&self) -> Option<String> {
        listed(&self.missing)
    }

    /// The paths of the fields whose values were dropped because of their shape, if there are any.
    pub(crate) fn dropped(&self) -> Option<String> {
        listed(&self.dropped)
    }

    /// Whether the value at a path, `updatedRefs` for example, is incomplete: it, a part of it, or the
    /// object that it would be in was dropped. An absent field wasn't dropped.
    #[cfg_attr(not(test), expect(dead_code, reason = "for filters that depend on a field"))]
    pub(crate) fn is_dropped(&self, path: &str) -> bool {
        self.dropped.iter().any(|dropped| {
            let steps = dropped.path.0.iter().map(ToString::to_string);
            steps.zip(path.split('.')).all(|(step, name)| step == name)
        })
    }
}

fn listed<T: fmt::Display>(items: &[T]) -> Option<String> {
    let items: Vec<_> = items.iter().map(ToString::to_string).collect();
    (!items.is_empty()).then(|| items.join(", "))
}

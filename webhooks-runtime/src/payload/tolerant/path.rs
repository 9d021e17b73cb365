//! The path of a field in a payload.

use std::fmt;

/// The path of a field: names and indexes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldPath(pub(crate) Vec<FieldStep>);

/// One step of a path. A name is always one of the documentation, never text from the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldStep {
    Name(&'static str),
    Index(usize),
}

impl fmt::Display for FieldStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Index(index) => index.fmt(f),
        }
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(".")?;
            }
            step.fmt(f)?;
        }
        Ok(())
    }
}

//! The way to a field of a payload.

use std::fmt;

/// The way to a field: names and positions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldPath(pub(crate) Vec<FieldStep>);

/// One step of a path. Names are those of the documentation, never those of the body.
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

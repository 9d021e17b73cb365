//! The body of a delivery that is about to be stored.

/// A body in which the arguments of a function are looked for.
#[derive(Clone, Copy, Debug)]
pub struct CheckedBody<'a> {
    pub(super) bytes: &'a [u8],
    /// Whether a payload that differs from the Hub's documentation leaves a warning in the log.
    pub(super) warns: bool,
}

impl<'a> CheckedBody<'a> {
    /// A body that has arrived.
    pub(crate) fn arrived(bytes: &'a [u8]) -> Self {
        Self { bytes, warns: true }
    }

    /// A body that this program has made. It has only the fields that the program wants.
    pub(crate) fn made(bytes: &'a [u8]) -> Self {
        Self { bytes, warns: false }
    }
}

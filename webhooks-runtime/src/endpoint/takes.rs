//! What an endpoint takes: what its arguments make of a request's body, for the OpenAPI document and
//! the page.

#[cfg(feature = "openapi")]
use std::sync::Arc;

#[cfg(feature = "openapi")]
use super::described::Described;

/// What an endpoint takes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Takes {
    /// No argument reads the body.
    Nothing,
    /// The body as it is: text, bytes, what may be missing, or what an extractor of somebody else's
    /// does with it.
    Anything,
    /// JSON whose shape isn't told.
    Object,
    /// The Hub's payload.
    Payload,
    /// JSON in a shape that is told.
    #[cfg(feature = "openapi")]
    Schema(Arc<Described>),
}

impl Takes {
    /// What a function takes whose arguments take these: one of them at most reads the body, and what
    /// is known of it goes before what isn't.
    #[must_use]
    pub fn of<const N: usize>(arguments: [Self; N]) -> Self {
        let taken = |left: Self, right| match (&left, &right) {
            (Self::Nothing, _) | (Self::Anything, Self::Object | Self::Payload) => right,
            #[cfg(feature = "openapi")]
            (Self::Anything, Self::Schema(_)) => right,
            _ => left,
        };
        arguments.into_iter().fold(Self::Nothing, taken)
    }
}

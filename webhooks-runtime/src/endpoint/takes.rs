//! What an endpoint takes: what its arguments make of a request's body, for the OpenAPI document and
//! the page.

use std::sync::Arc;

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
    Schema(Arc<Described>),
}

impl Takes {
    /// Returns what a function takes whose arguments take these. Where several read the body, the one of
    /// which most is known describes it, and of two of those the first.
    #[must_use]
    pub fn of<const N: usize>(arguments: [Self; N]) -> Self {
        let best = |best: Self, next: Self| if next.rank() > best.rank() { next } else { best };
        arguments.into_iter().fold(Self::Nothing, best)
    }

    /// How much is known of it.
    fn rank(&self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::Anything => 1,
            Self::Object => 2,
            Self::Schema(_) => 3,
            Self::Payload => 4,
        }
    }
}

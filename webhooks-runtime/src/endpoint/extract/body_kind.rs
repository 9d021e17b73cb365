//! What an endpoint reads of a request's body, for the OpenAPI document and the page.

use std::sync::Arc;

use super::schema_doc::SchemaDoc;

/// What an endpoint reads of a request's body.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum BodyKind {
    /// No argument reads the body.
    Unread,
    /// Anything: text, bytes, an optional body, or whatever an extractor of another crate accepts.
    Raw,
    /// JSON of a type without a schema.
    Json,
    /// The Hub's payload.
    Payload,
    /// JSON of a type with a schema.
    Schema(Arc<SchemaDoc>),
}

impl BodyKind {
    /// Returns what a function reads with these arguments. Where several read the body, the most specific one
    /// describes it, and of two of the same kind the first.
    #[must_use]
    pub fn of<const N: usize>(arguments: [Self; N]) -> Self {
        let best = |best: Self, next: Self| if next.rank() > best.rank() { next } else { best };
        arguments.into_iter().fold(Self::Unread, best)
    }

    /// Ranks the kinds by how specific they are.
    fn rank(&self) -> u8 {
        match self {
            Self::Unread => 0,
            Self::Raw => 1,
            Self::Json => 2,
            Self::Schema(_) => 3,
            Self::Payload => 4,
        }
    }
}

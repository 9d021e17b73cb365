//! Files of a repo: their content, and which of them changed.

mod changed;
mod content;

pub(super) use self::changed::commit_id;
pub use self::changed::{ChangedFile, FileChange};

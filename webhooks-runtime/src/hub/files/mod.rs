//! Files of a repo: which there are, their content, and which of them changed.

mod changed;
mod content;
mod list;

pub(super) use self::changed::commit_id;
pub use self::changed::{ChangedFile, FileChange};
pub use self::list::RepoFile;
pub(super) use self::list::StoredFile;

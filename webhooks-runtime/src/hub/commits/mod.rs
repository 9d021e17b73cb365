//! Commits: add and delete files, without a clone of the repo.

mod operations;
mod remembered;
mod send;

pub use self::operations::Commit;
pub use self::send::CommitInfo;

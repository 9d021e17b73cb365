//! Commits: add, delete and copy files, without a clone of the repo.

mod large;
mod mirror;
mod operations;
mod remembered;
mod send;

pub use self::operations::Commit;
pub use self::send::CommitInfo;

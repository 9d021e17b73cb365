//! Repos: what they are, their refs and commits; create, delete, duplicate.

mod create;
mod history;
mod info;
mod new_repo;

pub use self::info::{RepoInfo, RepoRef, RepoRefs};
pub use self::new_repo::{NewRepo, RepoVisibility};

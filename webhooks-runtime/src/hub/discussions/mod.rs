//! Discussions and pull requests: list, read, open, comment, change.

mod change;
mod comment;
mod event;
mod list;
mod markdown;
mod open;
mod query;
mod read;
mod review;
mod upsert;

pub use self::comment::Comment;
pub use self::event::{DiscussionEvent, DiscussionEventKind};
pub use self::list::{Discussion, DiscussionDetails};
pub use self::markdown::code_span;
pub use self::open::NewDiscussion;
pub use self::query::DiscussionQuery;
use super::error::HubError;
use super::path::number;
use super::repo_id::RepoId;

/// Returns the path of a discussion, and `rest`.
fn path(repo: &RepoId, num: u64, rest: &str) -> Result<String, HubError> {
    repo.api(format_args!("/discussions/{}{rest}", number(num)?))
}

//! A function for each kind of delivery.
//!
//! - `content`: commits, tags and files
//! - `repo`: a repo as a whole, and its settings
//! - `discussion`: discussions, pull requests and comments

mod content;
mod discussion;
mod repo;

pub use content::{
    branch_commit, bucket_files, bucket_upload, dataset_commit, model_commit, pull_request_pushed,
    space_commit, tag_created, tag_deleted,
};
pub use discussion::{
    comment_created, comment_edited, comment_hidden, discussion_closed, discussion_deleted,
    discussion_opened, discussion_renamed, pull_request_closed, pull_request_merged,
    pull_request_opened,
};
pub use repo::{repo_created, repo_deleted, repo_made_private, repo_moved, repo_updated};

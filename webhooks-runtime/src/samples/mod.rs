//! A sample of each kind of delivery: for tests, for the page's form and the `trigger` command, and for examples of
//! the payload.
//!
//! - `sample` is the type: it puts the parts of a payload together, and keeps them consistent
//! - `constructors` has one function for each kind of delivery
//! - `setters` and `discussion` change a sample
//! - `named` lists all samples by name, `matching` chooses one that matches a filter

mod constructors;
mod discussion;
mod matching;
mod named;
mod sample;
mod setters;

pub use constructors::{
    branch_commit, bucket_files, bucket_upload, comment_created, comment_edited, comment_hidden,
    dataset_commit, discussion_closed, discussion_deleted, discussion_opened, discussion_renamed,
    model_commit, pull_request_closed, pull_request_merged, pull_request_opened,
    pull_request_pushed, repo_created, repo_deleted, repo_made_private, repo_moved, repo_updated,
    space_commit, tag_created, tag_deleted,
};
pub(crate) use matching::{matching, named as named_sample};
pub use named::{NamedSample, samples};
pub use sample::Sample;
pub(crate) use sample::make_consistent;

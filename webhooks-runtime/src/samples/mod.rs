//! A sample of each kind of delivery: for tests, for the page's form and the `trigger` command, and for
//! what is said of the payload. `sample` puts them together, `setters` change them, `kind` are their
//! types, and `named` lists them.

pub mod kind;
mod named;
mod sample;
mod setters;

pub use named::{NamedSample, samples};
pub(crate) use sample::make_consistent;
pub use sample::{
    Sample, bucket_files, comment_created, comment_hidden, dataset_commit, discussion_opened,
    pull_request_merged, repo_made_private, repo_moved, tag_deleted,
};

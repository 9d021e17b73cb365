//! Sample deliveries of each kind: for tests, the page's form, the `trigger` command and the OpenAPI document.
//!
//! - `sample` has the constructors of the samples.
//! - `setters` has the methods that change a sample.
//! - `kind` has the types of the kinds of samples.
//! - `named` lists all samples by name.

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

//! For the tests of your own bot: a client that needs no port, and a sample of each kind of delivery.
//!
//! ```standalone_crate
//! use webhooks_runtime::testing::{TestClient, dataset_commit};
//! use webhooks_runtime::{WebhookPayload, WebhooksServer, webhook_endpoint};
//!
//! #[webhook_endpoint]
//! async fn trigger_training(payload: WebhookPayload) -> String {
//!     format!("training on {}", payload.repo.name)
//! }
//!
//! # let _ = stringify!(
//! #[test]
//! # );
//! fn a_commit_to_the_dataset_starts_a_training() {
//!     let client = TestClient::new(WebhooksServer::new()).unwrap();
//!     let response = client.post(trigger_training::PATH, dataset_commit().repo("me/data")).send();
//!     assert_eq!(response.text(), "training on me/data");
//! }
//! # a_commit_to_the_dataset_starts_a_training();
//! ```
//!
//! Hand [`TestClient::new`] the server that you hand to `webhooks_main!`. A request takes the whole way
//! that one over the network takes: secret, size, payload, arguments, your function, its answer.
//!
//! | sample | event |
//! | --- | --- |
//! | [`dataset_commit`] | `update` in `repo.content`: a commit to a dataset, or to another repo |
//! | [`tag_deleted`] | `update` in `repo.content` |
//! | [`bucket_files`] | `update` in `repo.content` of a bucket: files added and deleted |
//! | [`repo_moved`] | `move` in `repo` |
//! | [`repo_made_private`] | `update` in `repo.config` |
//! | [`discussion_opened`] | `create` in `discussion`: a discussion or a pull request |
//! | [`pull_request_merged`] | `update` in `discussion` |
//! | [`comment_created`] | `create` in `discussion.comment` |
//! | [`comment_hidden`] | `update` in `discussion.comment` |
//!
//! A [`Sample`] is complete as it comes, and has setters for what a bot looks at. It turns into a
//! [`WebhookPayload`](crate::WebhookPayload), whose fields can all be changed, so a function can also
//! be called by hand: `trigger_training(dataset_commit().into()).await`. [`samples`] lists
//! all of them by name.

#![allow(clippy::test_attr_in_doctest, reason = "a hidden line runs it")]

mod client;
mod response;

pub use crate::samples::{
    NamedSample, Sample, bucket_files, comment_created, comment_hidden, dataset_commit,
    discussion_opened, kind, pull_request_merged, repo_made_private, repo_moved, samples,
    tag_deleted,
};
pub use client::{TestClient, TestRequest};
pub use response::TestResponse;

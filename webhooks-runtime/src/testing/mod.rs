//! A test kit for your bot: a client that needs no port, and a sample of each kind of delivery.
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
//! Pass the server of your `webhooks_main!` to [`TestClient::new`]. A request is handled like one from the network:
//! secret, size, payload, arguments, your function, its response.
//!
//! | sample | event |
//! | --- | --- |
//! | [`dataset_commit`] | `update` in `repo.content`: a commit to a dataset, or to another repo |
//! | [`model_commit`] | `update` in `repo.content`: a commit to a model |
//! | [`space_commit`] | `update` in `repo.content`: a commit to a Space |
//! | [`branch_commit`] | `update` in `repo.content`: a commit to a branch other than `main` |
//! | [`tag_created`] | `update` in `repo.content` |
//! | [`tag_deleted`] | `update` in `repo.content` |
//! | [`pull_request_pushed`] | `update` in `repo.content`: a commit to a pull request |
//! | [`bucket_files`] | `update` in `repo.content` of a bucket: files added and deleted |
//! | [`bucket_upload`] | `update` in `repo.content` of a bucket: several files added |
//! | [`repo_created`] | `create` in `repo` |
//! | [`repo_updated`] | `update` in `repo` |
//! | [`repo_moved`] | `move` in `repo` |
//! | [`repo_made_private`] | `update` in `repo.config` |
//! | [`repo_deleted`] | `delete` in `repo` |
//! | [`discussion_opened`] | `create` in `discussion` |
//! | [`discussion_renamed`] | `update` in `discussion` |
//! | [`discussion_closed`] | `update` in `discussion` |
//! | [`discussion_deleted`] | `delete` in `discussion` |
//! | [`pull_request_opened`] | `create` in `discussion` |
//! | [`pull_request_merged`] | `update` in `discussion` |
//! | [`pull_request_closed`] | `update` in `discussion` |
//! | [`comment_created`] | `create` in `discussion.comment` |
//! | [`comment_edited`] | `update` in `discussion.comment` |
//! | [`comment_hidden`] | `update` in `discussion.comment` |
//!
//! A [`Sample`] is complete, and has setters for the fields that bots use. It converts to a
//! [`WebhookPayload`](crate::WebhookPayload), whose fields you can all change. So you can also call a function
//! directly: `trigger_training(dataset_commit().into()).await`. [`samples`] lists all samples by name.
//!
//! With the Cargo feature `hub`, a [`HubStub`] is a stand-in for the Hub: it gives prepared responses to your bot's
//! calls, and records them.

#![allow(clippy::test_attr_in_doctest, reason = "a hidden line runs it")]

mod app;
mod client;
#[cfg(feature = "hub")]
mod hub_stub;
mod request;
mod response;

pub use crate::samples::{
    NamedSample, Sample, branch_commit, bucket_files, bucket_upload, comment_created,
    comment_edited, comment_hidden, dataset_commit, discussion_closed, discussion_deleted,
    discussion_opened, discussion_renamed, model_commit, pull_request_closed, pull_request_merged,
    pull_request_opened, pull_request_pushed, repo_created, repo_deleted, repo_made_private,
    repo_moved, repo_updated, samples, space_commit, tag_created, tag_deleted,
};
pub use client::TestClient;
#[cfg(feature = "hub")]
pub use hub_stub::{HubCall, HubStub, StubbedCall};
pub use request::TestRequest;
pub use response::TestResponse;

//! The Hub's API: a client that acts with the token of an account.
//!
//! [`Hub::from_env`] finds the token as the Hub's other tools do. The calls are its methods.

mod account;
mod activity;
mod address;
mod argument;
mod changed_files;
mod client;
mod commits;
mod discussions;
mod error;
mod files;
mod jobs;
mod lenient;
mod path;
mod recent_commits;
mod rejection;
mod repo_id;
mod repos;
mod request;
mod response;
mod retry;
mod spaces;
mod token;
pub(crate) mod transport;
mod webhooks;

pub use self::account::{Account, Organization};
pub(crate) use self::activity::OwnActivity;
pub(crate) use self::client::CommitLog;
pub use self::client::Hub;
pub use self::commits::{Commit, CommitInfo};
pub use self::discussions::{
    Comment, Discussion, DiscussionDetails, DiscussionEvent, DiscussionEventKind, DiscussionQuery,
    NewDiscussion,
};
pub use self::error::HubError;
pub use self::files::{ChangedFile, FileChange};
pub use self::jobs::{HubJob, HubJobStatus, JobSpec};
pub use self::rejection::HubRejection;
pub use self::repo_id::RepoId;
pub use self::repos::{NewRepo, RepoInfo, RepoRef, RepoRefs, RepoVisibility};
pub use self::request::HubRequest;
pub use self::response::HubResponse;
pub use self::spaces::{SpaceRuntime, SpaceStage};
pub use self::webhooks::{WatchedItem, Webhook, WebhookDomain, WebhookSpec, WebhookState};
#[allow(unused_imports, reason = "its users follow")]
pub(crate) use self::webhooks::{WebhookTarget, without_query};

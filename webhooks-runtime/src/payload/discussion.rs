//! Discussions, pull requests and their comments.

use serde::{Deserialize, Serialize};

use super::open_set::open_set;
use super::repo::{ObjectId, WebhookPayloadUrl};

open_set! {
    /// Where a discussion or a pull request stands.
    pub enum DiscussionStatus {
        /// A pull request that isn't ready for review.
        Draft = "draft",
        /// Open.
        Open = "open",
        /// Closed.
        Closed = "closed",
        /// A pull request that was merged.
        Merged = "merged",
    }
}

/// A discussion or a pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", expecting = "an object")]
#[non_exhaustive]
pub struct WebhookPayloadDiscussion {
    /// Its id.
    pub id: String,
    /// Its number within the repo, as in its address.
    pub num: u64,
    /// Its title.
    pub title: String,
    /// Who opened it.
    pub author: ObjectId,
    /// Its addresses. A comment is posted to `{api}/comment`.
    pub url: WebhookPayloadUrl,
    /// Whether it is a pull request.
    pub is_pull_request: bool,
    /// Where it stands.
    pub status: DiscussionStatus,
    /// What a pull request would change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<WebhookPayloadDiscussionChanges>,
    /// Whether it is pinned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
}

/// What a pull request would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", expecting = "an object")]
#[non_exhaustive]
pub struct WebhookPayloadDiscussionChanges {
    /// The ref it is to be merged into.
    pub base: String,
    /// The commit that merged it, once it is merged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge_commit_id: Option<String>,
}

/// A comment in a discussion or a pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(expecting = "an object")]
#[non_exhaustive]
pub struct WebhookPayloadComment {
    /// Its id.
    pub id: String,
    /// Who wrote it.
    pub author: ObjectId,
    /// Whether it was hidden by a moderator.
    pub hidden: bool,
    /// Its text in Markdown; absent when it is hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Its address.
    pub url: WebhookPayloadUrl,
}

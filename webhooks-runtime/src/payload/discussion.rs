//! Discussions, pull requests and their comments.

use serde::{Deserialize, Serialize};

use super::open_set::open_set;
use super::repo::{ObjectId, WebhookPayloadUrl};

open_set! {
    /// Where a discussion or a pull request stands.
    ///
    /// ```
    /// use webhooks_runtime::testing::{discussion_opened, pull_request_merged};
    /// use webhooks_runtime::{DiscussionStatus, WebhookPayload};
    ///
    /// /// Whether there is still something to review.
    /// fn is_pending(payload: &WebhookPayload) -> bool {
    ///     payload.discussion.as_ref().is_some_and(|discussion| match &discussion.status {
    ///         DiscussionStatus::Draft | DiscussionStatus::Open => true,
    ///         DiscussionStatus::Closed | DiscussionStatus::Merged => false,
    ///         other => other.as_str() == "reopened", // one that the Hub doesn't have yet
    ///     })
    /// }
    ///
    /// assert!(is_pending(&discussion_opened().pull_request().into()));
    /// assert!(!is_pending(&pull_request_merged().into()));
    /// ```
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
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::comment_created;
///
/// let payload: WebhookPayload = comment_created().repo("me/model").number(7).into();
/// let discussion = payload.discussion.unwrap();
///
/// // Where a bot posts its answer.
/// let answer_to = discussion.url.api.map(|api| format!("{api}/comment"));
/// assert_eq!(
///     answer_to.as_deref(),
///     Some("https://huggingface.co/api/models/me/model/discussions/7/comment")
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(description = "A discussion or a pull request.")]
#[serde(rename_all = "camelCase", expecting = "an object")]
#[non_exhaustive]
pub struct WebhookPayloadDiscussion {
    /// Its id.
    #[schema(required = false)]
    pub id: String,
    /// Its number within the repo, as in its address.
    #[schema(required = false)]
    pub num: u64,
    /// Its title.
    #[schema(required = false)]
    pub title: String,
    /// Who opened it.
    #[schema(required = false)]
    pub author: ObjectId,
    /// Its addresses. A comment is posted to `{api}/comment`.
    #[schema(required = false)]
    pub url: WebhookPayloadUrl,
    /// Whether it is a pull request.
    #[schema(required = false)]
    pub is_pull_request: bool,
    /// Where it stands.
    #[schema(required = false)]
    pub status: DiscussionStatus,
    /// What a pull request would change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<WebhookPayloadDiscussionChanges>,
    /// Whether it is pinned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
}

/// What a pull request would change.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::{discussion_opened, pull_request_merged};
///
/// let open: WebhookPayload = discussion_opened().pull_request().into();
/// let merged: WebhookPayload = pull_request_merged().into();
///
/// let commit = |payload: WebhookPayload| payload.discussion?.changes?.merge_commit_id;
/// assert_eq!(commit(open), None);
/// assert!(commit(merged).is_some());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(description = "What a pull request would change.")]
#[serde(rename_all = "camelCase", expecting = "an object")]
#[non_exhaustive]
pub struct WebhookPayloadDiscussionChanges {
    /// The ref it is to be merged into.
    #[schema(required = false)]
    pub base: String,
    /// The commit that merged it, once it is merged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge_commit_id: Option<String>,
}

/// A comment in a discussion or a pull request.
///
/// ```
/// use webhooks_runtime::testing::{comment_created, comment_hidden};
/// use webhooks_runtime::{WebhookPayload, WebhookPayloadComment};
///
/// /// What a comment asks the bot to do.
/// fn command(comment: &WebhookPayloadComment) -> Option<&str> {
///     comment.content.as_deref()?.strip_prefix("/bot ")
/// }
///
/// let payload: WebhookPayload = comment_created().text("/bot retrain").into();
/// assert_eq!(payload.comment.as_ref().and_then(command), Some("retrain"));
///
/// let payload: WebhookPayload = comment_hidden().into();
/// assert_eq!(payload.comment.as_ref().and_then(command), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(description = "A comment in a discussion or a pull request.")]
#[serde(expecting = "an object")]
#[non_exhaustive]
pub struct WebhookPayloadComment {
    /// Its id.
    #[schema(required = false)]
    pub id: String,
    /// Who wrote it.
    #[schema(required = false)]
    pub author: ObjectId,
    /// Whether it was hidden by a moderator.
    #[schema(required = false)]
    pub hidden: bool,
    /// Its text in Markdown; absent when it is hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Its address.
    #[schema(required = false)]
    pub url: WebhookPayloadUrl,
}

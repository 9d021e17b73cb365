//! Discussions, pull requests and their comments.

use serde::{Deserialize, Serialize};

use super::open_set::open_set;
use super::repo::{ObjectId, WebhookPayloadUrl};

open_set! {
    /// The status of a discussion or a pull request.
    ///
    /// ```
    /// use webhooks_runtime::testing::{discussion_opened, pull_request_merged};
    /// use webhooks_runtime::{DiscussionStatus, WebhookPayload};
    ///
    /// /// Returns whether the discussion still needs a review.
    /// fn is_pending(payload: &WebhookPayload) -> bool {
    ///     payload.discussion.as_ref().is_some_and(|discussion| match &discussion.status {
    ///         DiscussionStatus::Draft | DiscussionStatus::Open => true,
    ///         DiscussionStatus::Closed | DiscussionStatus::Merged => false,
    ///         other => other.as_str() == "reopened", // not a value of the Hub yet
    ///     })
    /// }
    ///
    /// assert!(is_pending(&discussion_opened().pull_request().into()));
    /// assert!(!is_pending(&pull_request_merged().into()));
    /// ```
    pub enum DiscussionStatus {
        /// A pull request that is not ready for review.
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
/// // The URL that a bot posts its reply to.
/// let reply_url = discussion.url.api.map(|api| format!("{api}/comment"));
/// assert_eq!(
///     reply_url.as_deref(),
///     Some("https://huggingface.co/api/models/me/model/discussions/7/comment")
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(description = "A discussion or a pull request.")]
#[serde(rename_all = "camelCase", expecting = "an object")]
#[non_exhaustive]
pub struct WebhookPayloadDiscussion {
    /// The id.
    #[schema(required = false)]
    pub id: String,
    /// The number within the repo, as in the URL.
    #[schema(required = false)]
    pub num: u64,
    /// The title.
    #[schema(required = false)]
    pub title: String,
    /// The user who opened it.
    #[schema(required = false)]
    pub author: ObjectId,
    /// The URLs. A comment is posted to `{api}/comment`.
    #[schema(required = false)]
    pub url: WebhookPayloadUrl,
    /// Whether it is a pull request.
    #[schema(required = false)]
    pub is_pull_request: bool,
    /// The status.
    #[schema(required = false)]
    pub status: DiscussionStatus,
    /// The changes of a pull request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<WebhookPayloadDiscussionChanges>,
    /// Whether it is pinned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
}

/// The changes of a pull request.
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
#[schema(description = "The changes of a pull request.")]
#[serde(rename_all = "camelCase", expecting = "an object")]
#[non_exhaustive]
pub struct WebhookPayloadDiscussionChanges {
    /// The ref to merge into.
    #[schema(required = false)]
    pub base: String,
    /// The merge commit; `None` until the pull request is merged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge_commit_id: Option<String>,
}

/// A comment in a discussion or a pull request.
///
/// ```
/// use webhooks_runtime::testing::{comment_created, comment_hidden};
/// use webhooks_runtime::{WebhookPayload, WebhookPayloadComment};
///
/// /// Returns the command in a comment.
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
    /// The id.
    #[schema(required = false)]
    pub id: String,
    /// The user who wrote it.
    #[schema(required = false)]
    pub author: ObjectId,
    /// Whether a moderator has hidden it.
    #[schema(required = false)]
    pub hidden: bool,
    /// The text in Markdown; `None` for a hidden comment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// The URLs.
    #[schema(required = false)]
    pub url: WebhookPayloadUrl,
}

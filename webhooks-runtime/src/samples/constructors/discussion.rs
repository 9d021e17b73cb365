//! Changes of discussions, pull requests and comments.

use crate::payload::{EventAction, EventScope};
use crate::samples::sample::{COMMENTER, NEW_SHA, OPENER, Sample};

/// A new discussion, with its first comment.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::discussion_opened;
///
/// let payload: WebhookPayload = discussion_opened().title("Which licence?").into();
///
/// assert!(payload.event.matches("create", "discussion"));
/// assert_eq!(payload.discussion.unwrap().title, "Which licence?");
/// assert!(payload.comment.is_some());
/// ```
pub fn discussion_opened() -> Sample {
    Sample::discussion(EventAction::Create, EventScope::Discussion).commented(OPENER)
}

/// A discussion with a new title.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::discussion_renamed;
///
/// let payload: WebhookPayload = discussion_renamed().title("Name every seed").into();
///
/// assert!(payload.event.matches("update", "discussion"));
/// let discussion = payload.discussion.unwrap();
/// assert_eq!(discussion.title, "Name every seed");
/// assert_eq!(discussion.status, "open");
/// ```
pub fn discussion_renamed() -> Sample {
    Sample::discussion(EventAction::Update, EventScope::Discussion)
        .title("Name the seed of each run")
}

/// A discussion that was closed.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::discussion_closed;
///
/// let payload: WebhookPayload = discussion_closed().into();
///
/// assert!(payload.event.matches("update", "discussion"));
/// assert_eq!(payload.discussion.unwrap().status, "closed");
/// ```
pub fn discussion_closed() -> Sample {
    Sample::discussion(EventAction::Update, EventScope::Discussion).closed()
}

/// A deleted discussion.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::discussion_deleted;
///
/// let payload: WebhookPayload = discussion_deleted().number(7).into();
///
/// assert!(payload.event.matches("delete", "discussion"));
/// assert_eq!(payload.discussion.unwrap().num, 7);
/// ```
pub fn discussion_deleted() -> Sample {
    Sample::discussion(EventAction::Delete, EventScope::Discussion)
}

/// A new pull request, with its first comment.
///
/// The Hub also sends an `update` in `repo.content` for the new ref: see
/// [`pull_request_pushed`](super::pull_request_pushed).
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::pull_request_opened;
///
/// let payload: WebhookPayload = pull_request_opened().into();
///
/// assert!(payload.event.matches("create", "discussion"));
/// assert!(payload.discussion.unwrap().is_pull_request);
/// assert!(payload.comment.is_some());
/// ```
pub fn pull_request_opened() -> Sample {
    discussion_opened().pull_request()
}

/// A pull request that was merged into the main branch.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::pull_request_merged;
///
/// let payload: WebhookPayload = pull_request_merged().into();
///
/// assert!(payload.event.matches("update", "discussion"));
/// assert_eq!(payload.discussion.unwrap().status, "merged");
/// assert!(payload.comment.is_none());
/// ```
pub fn pull_request_merged() -> Sample {
    let sample = Sample::discussion(EventAction::Update, EventScope::Discussion).pull_request();
    sample.merge_commit(NEW_SHA)
}

/// A pull request that was closed without a merge.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::pull_request_closed;
///
/// let payload: WebhookPayload = pull_request_closed().into();
///
/// let discussion = payload.discussion.unwrap();
/// assert!(discussion.is_pull_request);
/// assert_eq!(discussion.status, "closed");
/// assert_eq!(discussion.changes.unwrap().merge_commit_id, None);
/// ```
pub fn pull_request_closed() -> Sample {
    discussion_closed().pull_request()
}

/// A comment in a discussion.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::comment_created;
///
/// let payload: WebhookPayload = comment_created().text("/retrain").into();
///
/// assert_eq!(payload.event.scope, "discussion.comment");
/// assert_eq!(payload.comment.unwrap().content.as_deref(), Some("/retrain"));
/// ```
pub fn comment_created() -> Sample {
    Sample::discussion(EventAction::Create, EventScope::DiscussionComment).commented(COMMENTER)
}

/// A comment whose text was changed.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::comment_edited;
///
/// let payload: WebhookPayload = comment_edited().text("Which seeds were used?").into();
///
/// assert!(payload.event.matches("update", "discussion.comment"));
/// assert_eq!(payload.comment.unwrap().content.as_deref(), Some("Which seeds were used?"));
/// ```
pub fn comment_edited() -> Sample {
    Sample::discussion(EventAction::Update, EventScope::DiscussionComment).commented(COMMENTER)
}

/// A comment that a moderator has hidden, so that it has no text.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::comment_hidden;
///
/// let payload: WebhookPayload = comment_hidden().into();
///
/// let comment = payload.comment.unwrap();
/// assert!(comment.hidden);
/// assert_eq!(comment.content, None);
/// ```
pub fn comment_hidden() -> Sample {
    let mut sample = comment_edited();
    if let Some(comment) = &mut sample.payload.comment {
        comment.hidden = true;
        comment.content = None;
    }
    sample
}

//! A function for each kind of delivery.

use super::sample::{COMMENTER, MAIN, NEW_SHA, OPENER, Sample};
use crate::payload::{
    EventAction, EventScope, RepoType, WebhookPayloadMovedTo, WebhookPayloadUpdatedConfig,
};

/// A commit to the main branch of a dataset.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::dataset_commit;
///
/// let payload: WebhookPayload = dataset_commit().into();
///
/// assert!(payload.event.matches("update", "repo.content"));
/// let refs = payload.updated_refs.unwrap_or_default();
/// assert_eq!(refs[0].ref_name, "refs/heads/main");
/// assert_eq!(refs[0].new_sha, payload.repo.head_sha);
/// ```
pub fn dataset_commit() -> Sample {
    Sample::content(MAIN, Some(NEW_SHA))
}

/// A tag of a dataset, deleted.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::tag_deleted;
///
/// let payload: WebhookPayload = tag_deleted().into();
///
/// let refs = payload.updated_refs.unwrap_or_default();
/// assert_eq!(refs[0].ref_name, "refs/tags/v1.0");
/// assert_eq!(refs[0].new_sha, None);
/// ```
pub fn tag_deleted() -> Sample {
    Sample::content("refs/tags/v1.0", None)
}

/// Two files in a bucket: one added, one deleted.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::bucket_files;
///
/// let payload: WebhookPayload = bucket_files().into();
///
/// assert_eq!(payload.repo.repo_type, "bucket");
/// assert_eq!(payload.repo.head_sha, None);
/// let actions: Vec<_> = payload.updated_files.iter().flatten().map(|file| &file.action).collect();
/// assert_eq!(actions, ["add", "delete"]);
/// ```
pub fn bucket_files() -> Sample {
    let mut sample = Sample::new(EventAction::Update, EventScope::RepoContent, RepoType::Bucket);
    sample.payload.repo.name = "me/checkpoints".to_owned();
    sample.payload.updated_files = Some(Vec::new());
    sample.consistent().added(["step-100/model.safetensors"]).deleted(["step-1/model.safetensors"])
}

/// A model that was renamed.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::repo_moved;
///
/// let payload: WebhookPayload = repo_moved().repo("me/draft").to("me/final").into();
///
/// assert_eq!(payload.event.action, "move");
/// assert_eq!(payload.repo.name, "me/draft");
/// assert_eq!(payload.moved_to.unwrap().name, "me/final");
/// ```
pub fn repo_moved() -> Sample {
    let mut sample = Sample::new(EventAction::Move, EventScope::Repo, RepoType::Model);
    sample.payload.repo.head_sha = Some(NEW_SHA.to_owned());
    let owner = sample.payload.repo.owner.clone();
    sample.payload.moved_to = Some(WebhookPayloadMovedTo { name: "me/renamed".to_owned(), owner });
    sample.consistent()
}

/// A model that was public and is private now.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::repo_made_private;
///
/// let payload: WebhookPayload = repo_made_private().into();
///
/// assert_eq!(payload.event.scope, "repo.config");
/// assert_eq!(payload.updated_config.unwrap().private, Some(true));
/// ```
pub fn repo_made_private() -> Sample {
    let mut sample = Sample::new(EventAction::Update, EventScope::RepoConfig, RepoType::Model);
    sample.payload.repo.head_sha = Some(NEW_SHA.to_owned());
    sample.payload.repo.private = true;
    sample.payload.updated_config =
        Some(WebhookPayloadUpdatedConfig { private: Some(true), xet_enabled: None });
    sample
}

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
    let mut sample =
        Sample::discussion(EventAction::Update, EventScope::DiscussionComment).commented(COMMENTER);
    if let Some(comment) = &mut sample.payload.comment {
        comment.hidden = true;
        comment.content = None;
    }
    sample
}

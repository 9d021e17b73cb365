//! Changes of a repo as a whole and of its settings.

use crate::payload::{EventAction, EventScope, WebhookPayloadMovedTo, WebhookPayloadUpdatedConfig};
use crate::samples::sample::Sample;

/// A new model.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::repo_created;
///
/// let payload: WebhookPayload = repo_created().repo("me/model").into();
///
/// assert!(payload.event.matches("create", "repo"));
/// assert_eq!(payload.repo.name, "me/model");
/// ```
pub fn repo_created() -> Sample {
    Sample::repo_event(EventAction::Create, EventScope::Repo)
}

/// A change of a model that is not one of its content, settings or name.
///
/// The Hub's documentation lists this event, but not what causes it.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::repo_updated;
///
/// let payload: WebhookPayload = repo_updated().into();
///
/// assert!(payload.event.matches("update", "repo"));
/// assert!(payload.updated_refs.is_none() && payload.updated_config.is_none());
/// ```
pub fn repo_updated() -> Sample {
    Sample::repo_event(EventAction::Update, EventScope::Repo)
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
    let mut sample = Sample::repo_event(EventAction::Move, EventScope::Repo);
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
    let mut sample = Sample::repo_event(EventAction::Update, EventScope::RepoConfig);
    sample.payload.repo.private = true;
    sample.payload.updated_config =
        Some(WebhookPayloadUpdatedConfig { private: Some(true), xet_enabled: None });
    sample
}

/// A deleted model.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::repo_deleted;
///
/// let payload: WebhookPayload = repo_deleted().into();
///
/// assert!(payload.event.matches("delete", "repo"));
/// ```
pub fn repo_deleted() -> Sample {
    Sample::repo_event(EventAction::Delete, EventScope::Repo)
}

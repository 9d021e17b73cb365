//! What the Hub sends: version 3 of its webhook payload as plain serde types.
//!
//! One file per part of the payload. Nothing here knows HTTP, so a payload can be read, built and
//! written anywhere. Facts come from <https://huggingface.co/docs/hub/webhooks#webhook-payloads>.
//!
//! The Hub adds values and fields over time, so these types are open: a field they don't know is
//! ignored, and a value they don't know is kept as `Other`. The Hub also removes and reshapes fields, so
//! a body that the types reject is read once more by `tolerant`, which puts defaults in place of all but
//! the required fields.

mod discussion;
mod event;
mod open_set;
mod repo;
mod summary;
mod surrogates;
mod tolerant;
mod updated;
mod webhook;

pub use discussion::{
    DiscussionStatus, WebhookPayloadComment, WebhookPayloadDiscussion,
    WebhookPayloadDiscussionChanges,
};
pub use event::{EventAction, EventScope, WebhookPayloadEvent};
pub use repo::{ObjectId, RepoType, WebhookPayloadMovedTo, WebhookPayloadRepo, WebhookPayloadUrl};
pub(crate) use summary::{Summary, cut};
pub(crate) use surrogates::replace_unpaired_surrogates;
pub(crate) use tolerant::{
    Deviations, FaultKind, FieldFault, FieldStep, PayloadError, TolerantPayload, read_tolerantly,
};
pub use updated::{
    FileAction, WebhookPayloadUpdatedConfig, WebhookPayloadUpdatedFile, WebhookPayloadUpdatedRef,
};
pub(crate) use webhook::ExpectedVersion;
pub use webhook::WebhookPayloadWebhook;

use serde::{Deserialize, Serialize};

/// One delivery's payload: what happened (`event`), where (`repo`), and what the event brought along.
///
/// The optional parts are there when the event has them: `discussion` for the scopes
/// `discussion` and `discussion.comment`, `updated_refs` for `repo.content`, and so on.
///
/// An endpoint requires `event.action`, `event.scope`, `repo.type` and `repo.name`. Any other field that
/// is missing, or has another shape than documented, gets a default: an empty text, 0, `false`, `None`,
/// `Other("")`, for `repo.private` `true`, and for `comment.hidden` whether the content is missing. An
/// element of `updated_refs` or `updated_files` that is incomplete is left out. A warning in the log names
/// such fields. `Deserialize` itself is strict.
///
/// Serializing gives the Hub's own form back: camelCase, and what was absent stays absent.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
///
/// let payload: WebhookPayload = serde_json::from_str(r#"{
///     "event": { "action": "update", "scope": "repo.content" },
///     "repo": {
///         "type": "dataset",
///         "name": "openai/gsm8k",
///         "id": "65d000000000000000000001",
///         "private": false,
///         "url": { "web": "https://huggingface.co/datasets/openai/gsm8k" },
///         "owner": { "id": "65d000000000000000000002" },
///         "headSha": "2222222222222222222222222222222222222222"
///     },
///     "webhook": { "id": "65d000000000000000000003", "version": 3 }
/// }"#)?;
///
/// assert_eq!(payload.repo.repo_type, "dataset");
/// assert_eq!(payload.event.action, "update");
/// assert!(payload.repo.head_sha.is_some());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(
    description = "What happened, where, and what the event brought along, as the Hub documents it. A field that isn't required and has another type is ignored."
)]
#[serde(rename_all = "camelCase", expecting = "an object")]
#[non_exhaustive]
pub struct WebhookPayload {
    /// What happened.
    pub event: WebhookPayloadEvent,
    /// The repo it happened to.
    pub repo: WebhookPayloadRepo,
    /// The discussion or pull request, on the scopes `discussion` and `discussion.comment`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discussion: Option<WebhookPayloadDiscussion>,
    /// The comment, on the scope `discussion.comment`, and on `discussion` when one is opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<WebhookPayloadComment>,
    /// The webhook that sent this payload.
    #[schema(required = false)]
    pub webhook: WebhookPayloadWebhook,
    /// Where the repo went, when the action is `move`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved_to: Option<WebhookPayloadMovedTo>,
    /// The branches, tags and pull request refs that changed, on the scope `repo.content`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_refs: Option<Vec<WebhookPayloadUpdatedRef>>,
    /// The settings that changed, on the scope `repo.config`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_config: Option<WebhookPayloadUpdatedConfig>,
    /// The files that changed in a bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_files: Option<Vec<WebhookPayloadUpdatedFile>>,
    /// `true` when more than 10,000 files changed and only the first of them are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_files_truncated: Option<bool>,
}

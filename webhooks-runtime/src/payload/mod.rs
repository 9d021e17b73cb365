//! The payload of the Hub's webhooks, version 3, as plain serde types. Nothing here depends on HTTP.
//!
//! | module | responsibility |
//! | --- | --- |
//! | `event`, `repo`, `discussion`, `updated`, `webhook` | the parts of the payload |
//! | `helpers` | methods that recognize an event, such as `opened_pull_request` |
//! | `open_set` | the macro for enums that accept unknown values |
//! | `tolerant` | reads payloads that differ from the Hub's documentation |
//! | `surrogates` | replaces JSON escapes that no Rust string can contain |
//! | `summary` | reads the event and the repo's name only |
//! | `merge` | merges the changes of several payloads into one |
//!
//! The Hub adds fields and values over time: unknown fields are ignored, and unknown values become `Other`. It
//! also removes and reshapes fields, so a body that these types reject is read again by `tolerant`, which has a
//! default for every field that is not required. The source is
//! <https://huggingface.co/docs/hub/webhooks#webhook-payloads>.

mod discussion;
mod event;
mod helpers;
mod merge;
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
pub use helpers::NewComment;
pub(crate) use merge::{Merge, MergeScope, changes_length};
pub(crate) use open_set::open_set;
pub use repo::{ObjectId, RepoType, WebhookPayloadMovedTo, WebhookPayloadRepo, WebhookPayloadUrl};
pub(crate) use summary::{Summary, cut};
pub(crate) use surrogates::replace_unpaired_surrogates;
pub(crate) use tolerant::{
    Deviations, FaultKind, FieldFault, FieldPath, FieldStep, PayloadError, TolerantPayload,
    read_tolerantly,
};
pub use updated::{
    FileAction, WebhookPayloadUpdatedConfig, WebhookPayloadUpdatedFile, WebhookPayloadUpdatedRef,
};
pub(crate) use webhook::ExpectedVersion;
pub use webhook::WebhookPayloadWebhook;

use serde::{Deserialize, Serialize};

/// The payload of one delivery: the event, the repo that it happened to, and details that depend on the event.
///
/// The optional parts depend on the event: `discussion` for the scopes
/// `discussion` and `discussion.comment`, `updated_refs` for `repo.content`, and so on.
///
/// Methods such as [`commit_on`](Self::commit_on), [`new_comment`](Self::new_comment) and
/// [`opened_pull_request`](Self::opened_pull_request) recognize the events that bots act on.
///
/// An endpoint requires `event.action`, `event.scope`, `repo.type` and `repo.name`. Any other field that is missing,
/// or whose JSON type differs from the documentation, gets a default: an empty text, 0, `false`, `None` or
/// `Other("")`; `repo.private` gets `true`, and `comment.hidden` is `true` if the content is missing. An incomplete
/// element of `updated_refs` or `updated_files` is dropped. A warning in the log names such fields. `Deserialize`
/// itself is strict.
///
/// Serializing produces the Hub's JSON: camelCase names, and no fields that were absent.
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
    description = "The payload of a delivery: the event, the repo, and details that depend on the event, as the Hub documents it. A field that is not required and has another type is ignored."
)]
#[serde(rename_all = "camelCase", expecting = "an object")]
#[non_exhaustive]
pub struct WebhookPayload {
    /// The event.
    pub event: WebhookPayloadEvent,
    /// The repo it happened to.
    pub repo: WebhookPayloadRepo,
    /// The discussion or pull request, on the scopes `discussion` and `discussion.comment`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discussion: Option<WebhookPayloadDiscussion>,
    /// The comment, on the scope `discussion.comment`, and on `discussion` when a discussion is opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<WebhookPayloadComment>,
    /// The webhook that sent this payload.
    #[schema(required = false)]
    pub webhook: WebhookPayloadWebhook,
    /// The new name and owner of the repo, when the action is `move`.
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

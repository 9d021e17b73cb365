//! The changes of an event: refs, settings and files.

use serde::{Deserialize, Deserializer, Serialize};

use super::open_set::open_set;

/// A branch, a tag or a pull request's ref that changed.
///
/// Events can arrive in any order; `old_sha` and `new_sha` link them.
///
/// ```
/// use webhooks_runtime::testing::{dataset_commit, tag_deleted};
/// use webhooks_runtime::{WebhookPayload, WebhookPayloadUpdatedRef};
///
/// /// Returns the branch of a new commit, such as `main`.
/// fn branch(updated: &WebhookPayloadUpdatedRef) -> Option<&str> {
///     updated.new_sha.as_ref()?;
///     updated.ref_name.strip_prefix("refs/heads/")
/// }
///
/// let payload: WebhookPayload = dataset_commit().branch("v2").into();
/// assert_eq!(branch(&payload.updated_refs.unwrap()[0]), Some("v2"));
///
/// let payload: WebhookPayload = tag_deleted().into();
/// assert_eq!(branch(&payload.updated_refs.unwrap()[0]), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(description = "A branch, a tag or a pull request's ref that changed.")]
#[serde(rename_all = "camelCase", expecting = "an object")]
#[non_exhaustive]
pub struct WebhookPayloadUpdatedRef {
    /// The full name, such as `refs/heads/main` or `refs/tags/v1.0`; `ref` in JSON.
    #[serde(rename = "ref")]
    pub ref_name: String,
    /// The commit before; `None` when the ref was created.
    #[serde(deserialize_with = "present")]
    #[schema(required = true)]
    pub old_sha: Option<String>,
    /// The commit now; `None` when the ref was deleted.
    #[serde(deserialize_with = "present")]
    #[schema(required = true)]
    pub new_sha: Option<String>,
}

/// Deserializes a field that may be `null` but not missing. By default serde treats a missing field as `null`, which
/// here would mean that the ref was created or deleted.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(deserializer)
}

/// The settings of a repo that changed. A field is `None` if that setting did not change.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::repo_made_private;
///
/// let payload: WebhookPayload = repo_made_private().into();
/// match payload.updated_config.and_then(|config| config.private) {
///     Some(true) => tracing::info!("{} is private now", payload.repo.name),
///     Some(false) => tracing::info!("{} is public now", payload.repo.name),
///     None => tracing::info!("another setting of {} changed", payload.repo.name),
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(
    description = "The settings of a repo that changed. A field is absent if that setting did not change."
)]
#[serde(rename_all = "camelCase", expecting = "an object")]
#[non_exhaustive]
pub struct WebhookPayloadUpdatedConfig {
    /// Whether the repo is private now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private: Option<bool>,
    /// Whether the repo's large files are stored with Xet now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xet_enabled: Option<bool>,
}

open_set! {
    /// The change of a file in a bucket.
    ///
    /// ```
    /// use webhooks_runtime::testing::bucket_files;
    /// use webhooks_runtime::{FileAction, WebhookPayload};
    ///
    /// let payload: WebhookPayload = bucket_files().added(["model.safetensors"]).into();
    /// let files = payload.updated_files.unwrap();
    /// let added = files.iter().filter(|file| file.action == FileAction::Add);
    /// assert!(added.map(|file| file.path.as_str()).eq(["model.safetensors"]));
    /// ```
    pub enum FileAction {
        /// The file was added, or its content replaced.
        Add = "add",
        /// The file was deleted.
        Delete = "delete",
    }
}

/// A file that changed in a bucket.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::bucket_files;
///
/// let payload: WebhookPayload = bucket_files().added(["a.parquet", "b.parquet"]).into();
/// let files = payload.updated_files.unwrap_or_default();
///
/// let new_bytes: u64 = files.iter().filter_map(|file| file.size).sum();
/// assert_eq!(new_bytes, 2048);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(description = "A file that changed in a bucket.")]
#[serde(rename_all = "camelCase", expecting = "an object")]
#[non_exhaustive]
pub struct WebhookPayloadUpdatedFile {
    /// The path in the bucket.
    pub path: String,
    /// The change of the file.
    pub action: FileAction,
    /// The Xet hash of the content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xet_hash: Option<String>,
    /// The size in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

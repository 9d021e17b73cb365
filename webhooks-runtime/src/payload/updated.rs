//! What an event changed: refs, settings, files.

use serde::{Deserialize, Serialize};

use super::open_set::open_set;

/// A branch, a tag or a pull request's ref that changed.
///
/// Events arrive in no order; `old_sha` and `new_sha` link them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", expecting = "an object")]
#[non_exhaustive]
pub struct WebhookPayloadUpdatedRef {
    /// The full name, `refs/heads/main` or `refs/tags/v1.0` for instance; `ref` on the wire.
    #[serde(rename = "ref")]
    pub ref_name: String,
    /// The commit it pointed to before; `None` when the ref was created.
    pub old_sha: Option<String>,
    /// The commit it points to now; `None` when the ref was deleted.
    pub new_sha: Option<String>,
}

/// The settings of a repo that changed. Each field is there when that setting changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", expecting = "an object")]
#[non_exhaustive]
pub struct WebhookPayloadUpdatedConfig {
    /// Whether the repo is private now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private: Option<bool>,
}

open_set! {
    /// What was done to a file in a bucket.
    pub enum FileAction {
        /// The file was added, or its content replaced.
        Add = "add",
        /// The file was deleted.
        Delete = "delete",
    }
}

/// A file that changed in a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", expecting = "an object")]
#[non_exhaustive]
pub struct WebhookPayloadUpdatedFile {
    /// The file's path inside the bucket.
    pub path: String,
    /// What was done to it.
    pub action: FileAction,
    /// The Xet hash of its content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xet_hash: Option<String>,
    /// Its size in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

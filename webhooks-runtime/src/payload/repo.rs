//! The repo that an event happened to.

use serde::{Deserialize, Serialize};

use super::open_set::open_set;

open_set! {
    /// The kind of a repo.
    ///
    /// Compares with text: `payload.repo.repo_type == "dataset"`.
    pub enum RepoType {
        /// A model.
        Model = "model",
        /// A dataset.
        Dataset = "dataset",
        /// A Space.
        Space = "space",
        /// A bucket: files without a git history, so it has no `head_sha`.
        Bucket = "bucket",
    }
}

/// The repo that an event happened to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", expecting = "an object")]
#[non_exhaustive]
pub struct WebhookPayloadRepo {
    /// Model, dataset, Space or bucket; `type` on the wire.
    #[serde(rename = "type")]
    pub repo_type: RepoType,
    /// `owner/name`, or only `name` for the few old ones like `gpt2`.
    pub name: String,
    /// The repo's id, which stays the same when the repo is moved.
    pub id: String,
    /// Whether only its members can see it.
    pub private: bool,
    /// Its addresses.
    pub url: WebhookPayloadUrl,
    /// The user or organization that owns it.
    pub owner: ObjectId,
    /// The commit that the main branch points to. Only on the scopes `repo` and below, and never for
    /// a bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head_sha: Option<String>,
    /// The host name's first part, for a Space: `{subdomain}.hf.space`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subdomain: Option<String>,
    /// The repo's tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
}

/// An object on the Hub, known by its id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(expecting = "an object")]
#[non_exhaustive]
pub struct ObjectId {
    /// 24 hexadecimal digits, to be taken as opaque.
    pub id: String,
}

/// Where something is found.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(expecting = "an object")]
#[non_exhaustive]
pub struct WebhookPayloadUrl {
    /// The page for people.
    pub web: String,
    /// The address for programs, when there is one.
    ///
    /// It is input from outside: send a token there only when its origin is the Hub's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
}

/// Where a repo went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(expecting = "an object")]
#[non_exhaustive]
pub struct WebhookPayloadMovedTo {
    /// The repo's new name.
    pub name: String,
    /// Its new owner.
    pub owner: ObjectId,
}

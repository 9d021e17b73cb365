//! The repo that an event happened to.

use serde::{Deserialize, Serialize};

use super::open_set::open_set;

open_set! {
    /// The kind of a repo.
    ///
    /// Compares with text: `payload.repo.repo_type == "dataset"`.
    ///
    /// ```
    /// use webhooks_runtime::RepoType;
    ///
    /// /// Returns the URL of a repo in the Hub's API.
    /// fn api(repo_type: &RepoType, name: &str) -> Option<String> {
    ///     let folder = match repo_type {
    ///         RepoType::Model => "models",
    ///         RepoType::Dataset => "datasets",
    ///         RepoType::Space => "spaces",
    ///         _ => return None,
    ///     };
    ///     Some(format!("https://huggingface.co/api/{folder}/{name}"))
    /// }
    ///
    /// let url = api(&RepoType::Dataset, "me/data");
    /// assert_eq!(url.as_deref(), Some("https://huggingface.co/api/datasets/me/data"));
    /// assert_eq!(api(&RepoType::Bucket, "me/checkpoints"), None);
    /// ```
    pub enum RepoType {
        /// A model.
        Model = "model",
        /// A dataset.
        Dataset = "dataset",
        /// A Space.
        Space = "space",
        /// A bucket: files without a git history, so it has no
        /// [`head_sha`](WebhookPayloadRepo::head_sha).
        Bucket = "bucket",
    }
}

/// The repo that an event happened to.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::dataset_commit;
///
/// let payload: WebhookPayload = dataset_commit().repo("me/data").tags(["audio"]).into();
/// let repo = payload.repo;
///
/// assert_eq!(repo.repo_type, "dataset");
/// assert_eq!(repo.name.split_once('/'), Some(("me", "data")));
/// assert!(repo.tags.unwrap_or_default().iter().any(|tag| tag == "audio"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(description = "The repo that an event happened to.")]
#[serde(rename_all = "camelCase", expecting = "an object")]
#[non_exhaustive]
pub struct WebhookPayloadRepo {
    /// Model, dataset, Space or bucket; `type` in JSON.
    #[serde(rename = "type")]
    pub repo_type: RepoType,
    /// `owner/name`, or only `name` for a few old repos such as `gpt2`.
    pub name: String,
    /// The id, which stays the same when the repo is moved.
    #[schema(required = false)]
    pub id: String,
    /// Whether the repo is private.
    #[schema(required = false)]
    pub private: bool,
    /// The URLs.
    #[schema(required = false)]
    pub url: WebhookPayloadUrl,
    /// The user or organization that owns it.
    #[schema(required = false)]
    pub owner: ObjectId,
    /// The commit of the main branch. Only on the scopes `repo` and below, and never for a bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head_sha: Option<String>,
    /// The subdomain of a Space: `{subdomain}.hf.space`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subdomain: Option<String>,
    /// The tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
}

/// The id of an object on the Hub, such as a user or an organization.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::comment_created;
///
/// /// The bot's account, whose comments it must ignore.
/// const BOT: &str = "65d0000000000000000000b0";
///
/// let payload: WebhookPayload = comment_created().author(BOT).into();
/// assert!(payload.comment.is_some_and(|comment| comment.author.id == BOT));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(description = "The id of an object on the Hub, such as a user or an organization.")]
#[serde(expecting = "an object")]
#[non_exhaustive]
pub struct ObjectId {
    /// 24 hexadecimal digits. Treat it as opaque.
    #[schema(required = false)]
    pub id: String,
}

/// The URLs of something on the Hub.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::repo_made_private;
///
/// let payload: WebhookPayload = repo_made_private().repo("me/model").into();
/// let url = payload.repo.url;
///
/// assert_eq!(url.web, "https://huggingface.co/me/model");
/// assert_eq!(url.api.as_deref(), Some("https://huggingface.co/api/models/me/model"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(description = "The URLs of something on the Hub.")]
#[serde(expecting = "an object")]
#[non_exhaustive]
pub struct WebhookPayloadUrl {
    /// The URL of the web page.
    #[schema(required = false)]
    pub web: String,
    /// The URL of the API, if there is one.
    ///
    /// The sender of the payload controls it: send a token to this URL only if its origin is the Hub's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
}

/// The new name and owner of a repo that was moved.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::repo_moved;
///
/// let payload: WebhookPayload = repo_moved().to("another-team/model").into();
/// let moved_to = payload.moved_to.unwrap();
///
/// assert_eq!(moved_to.name, "another-team/model");
/// assert_ne!(moved_to.owner, payload.repo.owner);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(description = "The new name and owner of a repo that was moved.")]
#[serde(expecting = "an object")]
#[non_exhaustive]
pub struct WebhookPayloadMovedTo {
    /// The new name.
    #[schema(required = false)]
    pub name: String,
    /// The new owner.
    #[schema(required = false)]
    pub owner: ObjectId,
}

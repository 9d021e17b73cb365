//! Names a repo in a call.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::HubError;
use crate::payload::{RepoType, WebhookPayload, WebhookPayloadRepo};

/// The type and name of a repo.
///
/// Every call takes anything that converts to it: a payload, its `repo`, or text such as `"dataset:me/data"`. As in
/// Python's client, a text without a type is a model. A name that the Hub does not allow is an error of the call.
///
/// ```
/// use webhooks_runtime::testing::dataset_commit;
/// use webhooks_runtime::{RepoId, WebhookPayload};
///
/// let payload: WebhookPayload = dataset_commit().repo("me/data").into();
/// assert_eq!(RepoId::from(&payload), RepoId::dataset("me/data"));
/// assert_eq!(RepoId::from("dataset:me/data"), RepoId::dataset("me/data"));
/// assert_eq!(RepoId::from("me/tiny"), RepoId::model("me/tiny"));
/// assert_eq!(RepoId::space("me/bot").to_string(), "space:me/bot");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RepoId {
    /// Model, dataset, Space or bucket; `type` in JSON.
    #[serde(rename = "type")]
    pub repo_type: RepoType,
    /// `owner/name`, or only `name` for a few old repos such as `gpt2`.
    pub name: String,
}

impl RepoId {
    /// Names a repo of any type.
    ///
    /// ```
    /// use webhooks_runtime::{RepoId, RepoType};
    ///
    /// assert_eq!(RepoId::new(RepoType::Space, "me/bot"), RepoId::space("me/bot"));
    /// ```
    #[must_use]
    pub fn new(repo_type: RepoType, name: impl Into<String>) -> Self {
        Self { repo_type, name: name.into() }
    }

    /// Names a model.
    ///
    /// ```
    /// use webhooks_runtime::RepoId;
    ///
    /// assert_eq!(RepoId::model("me/tiny").to_string(), "model:me/tiny");
    /// ```
    #[must_use]
    pub fn model(name: impl Into<String>) -> Self {
        Self::new(RepoType::Model, name)
    }

    /// Names a dataset.
    ///
    /// ```
    /// use webhooks_runtime::RepoId;
    ///
    /// assert_eq!(RepoId::dataset("me/data").to_string(), "dataset:me/data");
    /// ```
    #[must_use]
    pub fn dataset(name: impl Into<String>) -> Self {
        Self::new(RepoType::Dataset, name)
    }

    /// Names a Space.
    ///
    /// ```
    /// use webhooks_runtime::RepoId;
    ///
    /// assert_eq!(RepoId::space("me/bot").to_string(), "space:me/bot");
    /// ```
    #[must_use]
    pub fn space(name: impl Into<String>) -> Self {
        Self::new(RepoType::Space, name)
    }

    /// Names a bucket, which most calls do not take: it has no commits and no discussions.
    ///
    /// ```
    /// use webhooks_runtime::RepoId;
    ///
    /// assert_eq!(RepoId::bucket("me/checkpoints").to_string(), "bucket:me/checkpoints");
    /// ```
    #[must_use]
    pub fn bucket(name: impl Into<String>) -> Self {
        Self::new(RepoType::Bucket, name)
    }

    /// Returns the user or organization that owns the repo. `None` for a few old repos such as `gpt2`.
    ///
    /// ```
    /// use webhooks_runtime::RepoId;
    ///
    /// assert_eq!(RepoId::space("acme/demo").owner(), Some("acme"));
    /// assert_eq!(RepoId::model("gpt2").owner(), None);
    /// ```
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        self.name.split_once('/').map(|(owner, _)| owner)
    }

    /// Returns a path in the API: `/api/datasets/me/data` and `rest`. Call it in a statement without `.await`, because
    /// the arguments are not `Send` and live as long as the statement.
    pub(super) fn api(&self, rest: fmt::Arguments<'_>) -> Result<String, HubError> {
        self.check()?;
        Ok(format!("/api/{}/{}{rest}", self.repo_type.plural(), self.name))
    }

    /// Returns the path of the repo's page: `/datasets/me/data`, or `/me/tiny` for a model.
    pub(super) fn page(&self) -> Result<String, HubError> {
        self.check()?;
        Ok(match self.repo_type {
            RepoType::Model => format!("/{}", self.name),
            _ => format!("/{}/{}", self.repo_type.plural(), self.name),
        })
    }

    /// Returns the body of a call that names a repo there. Without an owner, the account is the owner.
    pub(super) fn to_body(&self) -> Result<Value, HubError> {
        self.check()?;
        let (organization, name) = match self.name.split_once('/') {
            Some((owner, name)) => (Some(owner), name),
            None => (None, &*self.name),
        };
        Ok(json!({ "name": name, "organization": organization, "type": self.repo_type }))
    }

    /// Returns an error unless it is a Space.
    pub(super) fn check_space(&self) -> Result<(), HubError> {
        match self.repo_type {
            RepoType::Space => self.check(),
            _ => Err(HubError::argument("repo", format!("must be a Space, and {self} is none"))),
        }
    }

    /// Checks the name by the rules of `huggingface_hub` 2.4.0, in its `_validators.py`, and the type.
    pub(super) fn check(&self) -> Result<(), HubError> {
        let invalid = |reason: String| Err(HubError::argument("repo", reason));
        if !matches!(self.repo_type, RepoType::Model | RepoType::Dataset | RepoType::Space) {
            return invalid(format!(
                "must be a model, a dataset or a Space, and {:?} is none: for another call, use hub.request(…)",
                self.to_string()
            ));
        }
        let is_name = |part: &str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            !part.is_empty() && part != "." && part != ".." && part.bytes().all(allowed)
        };
        let parts = self.name.split('/').count();
        if parts > 2 || self.name.len() > 200 || !self.name.split('/').all(is_name) {
            return invalid(format!(
                "{:?} is not the name of a repo, such as \"me/data\"",
                self.name
            ));
        }
        Ok(())
    }
}

impl fmt::Display for RepoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.repo_type, self.name)
    }
}

impl From<&str> for RepoId {
    fn from(text: &str) -> Self {
        match text.split_once(':') {
            Some((repo_type, name)) => Self::new(repo_type.into(), name),
            None => Self::model(text),
        }
    }
}

impl From<String> for RepoId {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<&RepoId> for RepoId {
    fn from(repo: &RepoId) -> Self {
        repo.clone()
    }
}

impl From<&WebhookPayloadRepo> for RepoId {
    fn from(repo: &WebhookPayloadRepo) -> Self {
        Self::new(repo.repo_type.clone(), &*repo.name)
    }
}

impl From<&WebhookPayload> for RepoId {
    fn from(payload: &WebhookPayload) -> Self {
        (&payload.repo).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_the_plural_of_the_type_and_pages_of_models_have_none() {
        for (repo, api, page) in [
            ("me/tiny", "/api/models/me/tiny/refs", "/me/tiny"),
            ("gpt2", "/api/models/gpt2/refs", "/gpt2"),
            ("dataset:me/data", "/api/datasets/me/data/refs", "/datasets/me/data"),
            ("space:me/bot_1.x", "/api/spaces/me/bot_1.x/refs", "/spaces/me/bot_1.x"),
        ] {
            let repo = RepoId::from(repo);
            assert_eq!(repo.api(format_args!("/refs")).unwrap(), api);
            assert_eq!(repo.page().unwrap(), page);
        }
    }

    #[test]
    fn a_name_or_type_that_would_lead_elsewhere_is_rejected() {
        for repo in [
            "",
            "dataset:",
            "me/",
            "/x",
            "me//x",
            "me/x/y",
            "me/../x",
            "me/x y",
            "me/x?y",
            "me/비밀",
            "../settings",
            "bucket:me/x",
            "kernel:me/x",
            "../x:me/y",
            "Dataset:me/x",
        ] {
            let error = RepoId::from(repo).api(format_args!("")).unwrap_err();
            assert!(matches!(error, HubError::InvalidArgument { argument: "repo", .. }), "{repo}");
        }
        assert!(RepoId::model("me/x").check_space().is_err());
        assert!(RepoId::space("me/x").check_space().is_ok());
    }
}

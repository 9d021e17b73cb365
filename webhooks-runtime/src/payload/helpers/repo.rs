//! A repo's visibility, type and owner.

use std::borrow::Cow;

use crate::payload::{EventAction, EventScope, RepoType, WebhookPayload, WebhookPayloadRepo};

/// Methods for the visibility of the repo.
impl WebhookPayload {
    /// Returns whether this event made the repo public.
    ///
    /// `true` for an `update` in `repo.config` that changed the visibility. A repo that was created as public did not
    /// become public.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::{repo_created, repo_made_private};
    ///
    /// let payload: WebhookPayload = repo_made_private().private(false).into();
    /// if payload.became_public() {
    ///     tracing::info!("announcing {}", payload.repo.name);
    /// }
    /// assert!(payload.became_public());
    ///
    /// assert!(!WebhookPayload::from(repo_created()).became_public());
    /// ```
    #[must_use]
    pub fn became_public(&self) -> bool {
        self.updated_private() == Some(false)
    }

    /// Returns whether this event made the repo private.
    ///
    /// `true` for an `update` in `repo.config` that changed the visibility. A repo that was created as private did
    /// not become private.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::{dataset_commit, repo_made_private};
    ///
    /// let payload: WebhookPayload = repo_made_private().into();
    /// if payload.became_private() {
    ///     tracing::info!("removing {} from the index", payload.repo.name);
    /// }
    /// assert!(payload.became_private());
    ///
    /// assert!(!WebhookPayload::from(dataset_commit().private(true)).became_private());
    /// ```
    #[must_use]
    pub fn became_private(&self) -> bool {
        self.updated_private() == Some(true)
    }

    /// Returns the new visibility, if this event is a change of the repo's settings that changed it.
    fn updated_private(&self) -> Option<bool> {
        let config = self.updated_config.as_ref()?;
        let is_config = self.event.matches(EventAction::Update, EventScope::RepoConfig);
        config.private.filter(|_| is_config)
    }
}

impl RepoType {
    /// Returns the plural, which the Hub's URLs have: `datasets` in `/api/datasets/me/data`.
    ///
    /// A type that this crate doesn't know gets an `s`.
    ///
    /// ```
    /// use webhooks_runtime::testing::dataset_commit;
    /// use webhooks_runtime::{RepoType, WebhookPayload};
    ///
    /// let payload: WebhookPayload = dataset_commit().repo("me/data").into();
    /// let repo = &payload.repo;
    /// let url = format!("https://huggingface.co/api/{}/{}", repo.repo_type.plural(), repo.name);
    /// assert_eq!(url, "https://huggingface.co/api/datasets/me/data");
    ///
    /// assert_eq!(RepoType::from("kernel").plural(), "kernels");
    /// ```
    #[must_use]
    pub fn plural(&self) -> Cow<'_, str> {
        match self {
            Self::Model => "models".into(),
            Self::Dataset => "datasets".into(),
            Self::Space => "spaces".into(),
            Self::Bucket => "buckets".into(),
            Self::Other(name) => format!("{name}s").into(),
        }
    }
}

impl WebhookPayloadRepo {
    /// Returns the name of the user or organization that owns the repo: the part of its name before the `/`.
    ///
    /// `None` for the few old repos that have no owner in their name, such as `gpt2`.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::model_commit;
    ///
    /// let payload: WebhookPayload = model_commit().repo("acme/tiny").into();
    /// assert_eq!(payload.repo.owner_name(), Some("acme"));
    ///
    /// let payload: WebhookPayload = model_commit().repo("gpt2").into();
    /// assert_eq!(payload.repo.owner_name(), None);
    /// ```
    #[must_use]
    pub fn owner_name(&self) -> Option<&str> {
        let (owner, _) = self.name.split_once('/')?;
        (!owner.is_empty()).then_some(owner)
    }
}

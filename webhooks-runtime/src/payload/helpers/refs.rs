//! Commits, branches, tags, and pushes to pull requests.

use crate::payload::{EventAction, EventScope, WebhookPayload, WebhookPayloadUpdatedRef};

/// Methods for the refs that changed.
///
/// They are for an `update` in `repo.content` of a Git repo. A bucket has no refs: see
/// [`updated_files`](Self::updated_files).
impl WebhookPayload {
    /// Returns the SHA-1 of the commit that `branch` points to now, if this event created or moved that branch.
    ///
    /// `branch` is the whole name of a branch without `refs/heads/`, such as `main` or `fix/seed`. Tags and the refs
    /// of pull requests are no branches, and a deleted branch has no commit.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::{branch_commit, dataset_commit, pull_request_pushed};
    ///
    /// let payload: WebhookPayload = dataset_commit().sha("abc").into();
    /// if let Some(sha) = payload.commit_on("main") {
    ///     tracing::info!("training on {} at {sha}", payload.repo.name);
    /// }
    /// assert_eq!(payload.commit_on("main"), Some("abc"));
    ///
    /// assert_eq!(WebhookPayload::from(branch_commit()).commit_on("main"), None);
    /// assert_eq!(WebhookPayload::from(pull_request_pushed()).commit_on("main"), None);
    /// ```
    #[must_use]
    pub fn commit_on(&self, branch: &str) -> Option<&str> {
        let is_branch = |updated: &&WebhookPayloadUpdatedRef| {
            updated.ref_name.strip_prefix("refs/heads/") == Some(branch)
        };
        self.content_refs().iter().find(is_branch)?.new_sha.as_deref()
    }

    /// Returns the branches, tags and refs of pull requests that this event created.
    ///
    /// A new pull request is a created ref too, `refs/pr/1` for example.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::{dataset_commit, tag_created};
    ///
    /// /// Returns the new tags.
    /// fn releases(payload: &WebhookPayload) -> Vec<&str> {
    ///     let created = payload.created_refs();
    ///     created.filter_map(|created| created.ref_name.strip_prefix("refs/tags/")).collect()
    /// }
    ///
    /// assert_eq!(releases(&tag_created().tag("v2.0").into()), ["v2.0"]);
    /// assert!(releases(&dataset_commit().into()).is_empty());
    /// ```
    pub fn created_refs(&self) -> impl Iterator<Item = &WebhookPayloadUpdatedRef> {
        let refs = self.content_refs().iter();
        refs.filter(|updated| updated.old_sha.is_none() && updated.new_sha.is_some())
    }

    /// Returns the branches, tags and refs of pull requests that this event deleted.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::tag_deleted;
    ///
    /// let payload: WebhookPayload = tag_deleted().tag("v1.0").into();
    ///
    /// for deleted in payload.deleted_refs() {
    ///     tracing::info!("{} was deleted", deleted.ref_name);
    /// }
    /// assert!(payload.deleted_refs().any(|deleted| deleted.ref_name == "refs/tags/v1.0"));
    /// ```
    pub fn deleted_refs(&self) -> impl Iterator<Item = &WebhookPayloadUpdatedRef> {
        let refs = self.content_refs().iter();
        refs.filter(|updated| updated.old_sha.is_some() && updated.new_sha.is_none())
    }

    /// Returns the numbers of the pull requests that have a new commit.
    ///
    /// The first commits of a new pull request count, so a bot that checks pull requests needs no other event. The
    /// payload has no title or author of the pull request, only its number.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::{dataset_commit, pull_request_pushed};
    ///
    /// let payload: WebhookPayload = pull_request_pushed().number(4).into();
    /// for number in payload.pull_requests_pushed() {
    ///     tracing::info!("checking pull request {number} of {}", payload.repo.name);
    /// }
    /// assert!(payload.pull_requests_pushed().eq([4]));
    ///
    /// let payload: WebhookPayload = dataset_commit().into();
    /// assert_eq!(payload.pull_requests_pushed().next(), None);
    /// ```
    pub fn pull_requests_pushed(&self) -> impl Iterator<Item = u64> {
        let refs = self.content_refs().iter().filter(|updated| updated.new_sha.is_some());
        refs.filter_map(|updated| updated.ref_name.strip_prefix("refs/pr/")?.parse().ok())
    }

    /// Returns the refs that changed, if this event is a change of a repo's content.
    fn content_refs(&self) -> &[WebhookPayloadUpdatedRef] {
        let is_content = self.event.matches(EventAction::Update, EventScope::RepoContent);
        self.updated_refs.as_deref().filter(|_| is_content).unwrap_or_default()
    }
}

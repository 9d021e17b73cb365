//! The setters of a sample: for its repo, and for what happened to the repo.

use super::sample::{MAIN, OLD_SHA, Sample, part, reject_setter};
use crate::payload::{FileAction, RepoType, WebhookPayloadUpdatedFile, WebhookPayloadUpdatedRef};

/// Setters for the repo of any sample.
impl Sample {
    /// Sets the repo's name, `owner/name`, and with it all URLs.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::pull_request_merged;
    ///
    /// let payload: WebhookPayload = pull_request_merged().repo("me/model").into();
    /// assert_eq!(payload.repo.url.web, "https://huggingface.co/me/model");
    /// assert_eq!(payload.discussion.unwrap().url.web, "https://huggingface.co/me/model/discussions/1");
    /// ```
    pub fn repo(mut self, name: impl Into<String>) -> Self {
        self.payload.repo.name = name.into();
        self.consistent()
    }

    /// Sets the repo's tags.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::repo_moved;
    ///
    /// let payload: WebhookPayload = repo_moved().tags(["text-generation", "ko"]).into();
    /// assert_eq!(payload.repo.tags.unwrap(), ["text-generation", "ko"]);
    /// ```
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.payload.repo.tags = Some(tags.into_iter().map(Into::into).collect());
        self
    }

    /// Sets whether the repo is private.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::{dataset_commit, repo_made_private};
    ///
    /// let payload: WebhookPayload = dataset_commit().private(true).into();
    /// assert!(payload.repo.private);
    ///
    /// // The reverse: a model that is public now.
    /// let payload: WebhookPayload = repo_made_private().private(false).into();
    /// assert_eq!(payload.updated_config.unwrap().private, Some(false));
    /// ```
    pub fn private(mut self, private: bool) -> Self {
        self.payload.repo.private = private;
        if let Some(config) = &mut self.payload.updated_config {
            config.private = Some(private);
        }
        self
    }

    /// Sets the repo's type, `"model"`, `"dataset"` or `"space"`, and with it all URLs.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::dataset_commit;
    ///
    /// let payload: WebhookPayload = dataset_commit().repo("me/demo").repo_type("space").into();
    /// assert_eq!(payload.repo.url.web, "https://huggingface.co/spaces/me/demo");
    /// assert_eq!(payload.repo.subdomain.as_deref(), Some("me-demo"));
    /// ```
    ///
    /// # Panics
    ///
    /// When the sample is one of a bucket.
    #[track_caller]
    pub fn repo_type(mut self, repo_type: impl Into<RepoType>) -> Self {
        if self.payload.updated_files.is_some() {
            reject_setter("repo_type", "a Git repo");
        }
        self.payload.repo.repo_type = repo_type.into();
        self.consistent()
    }
}

/// Setters for a change of the repo's content or name.
impl Sample {
    /// Sets the branch of the commit, for example `"main"`, or the full name of a ref: `"refs/pr/4"` for a commit to
    /// a pull request.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::dataset_commit;
    ///
    /// let payload: WebhookPayload = dataset_commit().branch("experiments").into();
    /// let refs = payload.updated_refs.unwrap();
    /// assert_eq!(refs[0].ref_name, "refs/heads/experiments");
    /// assert_ne!(refs[0].new_sha, payload.repo.head_sha); // the head of the main branch
    /// ```
    ///
    /// # Panics
    ///
    /// When the sample is not a commit: see [`dataset_commit`](super::dataset_commit).
    #[track_caller]
    pub fn branch(mut self, name: &str) -> Self {
        let is_full = name.starts_with("refs/");
        self.commit("branch").ref_name =
            if is_full { name.to_owned() } else { format!("refs/heads/{name}") };
        self.with_head()
    }

    /// Sets the SHA-1 of the commit.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::dataset_commit;
    ///
    /// let payload: WebhookPayload = dataset_commit().sha("ab".repeat(20)).into();
    /// assert_eq!(payload.repo.head_sha, Some("ab".repeat(20)));
    /// ```
    ///
    /// # Panics
    ///
    /// When the sample is not a commit: see [`dataset_commit`](super::dataset_commit).
    #[track_caller]
    pub fn sha(mut self, sha: impl Into<String>) -> Self {
        self.commit("sha").new_sha = Some(sha.into());
        self.with_head()
    }

    /// Sets the repo's head, which is that of its main branch, whichever branch the commit is on.
    fn with_head(mut self) -> Self {
        let updated = self.payload.updated_refs.iter().flatten();
        let head = updated
            .filter(|updated| updated.ref_name == MAIN)
            .find_map(|updated| updated.new_sha.clone());
        self.payload.repo.head_sha = Some(head.unwrap_or_else(|| OLD_SHA.to_owned()));
        self
    }

    /// Sets the tag, for example `"v1.0"`.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::tag_created;
    ///
    /// let payload: WebhookPayload = tag_created().tag("v2.0-rc1").into();
    /// assert_eq!(payload.updated_refs.unwrap()[0].ref_name, "refs/tags/v2.0-rc1");
    /// ```
    ///
    /// # Panics
    ///
    /// When the sample is not a tag: see [`tag_created`](super::tag_created) and
    /// [`tag_deleted`](super::tag_deleted).
    #[track_caller]
    pub fn tag(mut self, name: &str) -> Self {
        let tag = self.updated_ref(|updated| updated.ref_name.starts_with("refs/tags/"));
        part(tag, "tag", "a tag").ref_name = format!("refs/tags/{name}");
        self
    }

    #[track_caller]
    fn commit(&mut self, setter: &str) -> &mut WebhookPayloadUpdatedRef {
        part(self.updated_ref(|updated| updated.new_sha.is_some()), setter, "a commit")
    }

    /// Returns the first updated ref that meets the condition.
    pub(super) fn updated_ref(
        &mut self,
        condition: impl Fn(&WebhookPayloadUpdatedRef) -> bool,
    ) -> Option<&mut WebhookPayloadUpdatedRef> {
        self.payload.updated_refs.iter_mut().flatten().find(|updated| condition(updated))
    }

    /// Sets the paths of the files that were added or replaced.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::bucket_files;
    ///
    /// let payload: WebhookPayload = bucket_files().added(["a.parquet", "b.parquet"]).into();
    /// let files = payload.updated_files.unwrap();
    /// assert_eq!(files.iter().filter(|file| file.action == "add").count(), 2);
    /// assert!(files.iter().any(|file| file.action == "delete")); // unchanged
    /// ```
    ///
    /// # Panics
    ///
    /// When the sample has no files of a bucket: see [`bucket_files`](super::bucket_files).
    #[track_caller]
    pub fn added<P: Into<String>>(self, paths: impl IntoIterator<Item = P>) -> Self {
        self.files("added", &FileAction::Add, paths, |file| {
            file.xet_hash = Some("a1".repeat(32));
            file.size = Some(1024);
        })
    }

    /// Sets the paths of the files that were deleted.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::bucket_files;
    ///
    /// let payload: WebhookPayload = bucket_files().added([""; 0]).deleted(["old.parquet"]).into();
    /// let files = payload.updated_files.unwrap();
    /// assert_eq!(files.len(), 1);
    /// assert_eq!((files[0].path.as_str(), files[0].size), ("old.parquet", None));
    /// ```
    ///
    /// # Panics
    ///
    /// When the sample has no files of a bucket: see [`bucket_files`](super::bucket_files).
    #[track_caller]
    pub fn deleted<P: Into<String>>(self, paths: impl IntoIterator<Item = P>) -> Self {
        self.files("deleted", &FileAction::Delete, paths, |_| {})
    }

    /// Marks the list of files as truncated: more files changed than are listed.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::bucket_files;
    ///
    /// let payload: WebhookPayload = bucket_files().truncated().into();
    /// assert_eq!(payload.updated_files_truncated, Some(true));
    /// ```
    ///
    /// # Panics
    ///
    /// When the sample has no files of a bucket: see [`bucket_files`](super::bucket_files).
    #[track_caller]
    pub fn truncated(mut self) -> Self {
        part(self.payload.updated_files.as_mut(), "truncated", "the files of a bucket");
        self.payload.updated_files_truncated = Some(true);
        self
    }

    /// Replaces the files with this action.
    #[track_caller]
    fn files<P: Into<String>>(
        mut self,
        setter: &str,
        action: &FileAction,
        paths: impl IntoIterator<Item = P>,
        complete: impl Fn(&mut WebhookPayloadUpdatedFile),
    ) -> Self {
        let updated = part(self.payload.updated_files.as_mut(), setter, "the files of a bucket");
        updated.retain(|file| file.action != *action);
        updated.extend(paths.into_iter().map(|path| {
            let (path, action) = (path.into(), action.clone());
            let mut file = WebhookPayloadUpdatedFile { path, action, xet_hash: None, size: None };
            complete(&mut file);
            file
        }));
        self
    }

    /// Sets the repo's new name, `owner/name`. Another owner has another id.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::repo_moved;
    ///
    /// let renamed: WebhookPayload = repo_moved().to("me/final").into();
    /// let given_away: WebhookPayload = repo_moved().to("another-team/final").into();
    /// assert_eq!(renamed.moved_to.unwrap().owner, renamed.repo.owner);
    /// assert_ne!(given_away.moved_to.unwrap().owner, given_away.repo.owner);
    /// ```
    ///
    /// # Panics
    ///
    /// When the sample is not a move: see [`repo_moved`](super::repo_moved).
    #[track_caller]
    pub fn to(mut self, name: impl Into<String>) -> Self {
        part(self.payload.moved_to.as_mut(), "to", "a move").name = name.into();
        self.consistent()
    }
}

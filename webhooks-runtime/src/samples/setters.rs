//! What can be set on a sample. Each setter keeps the rest of the payload in line with it.

use super::kind::{
    BucketFiles, CommentCreated, DatasetCommit, DiscussionOpened, InDiscussion, InGitRepo,
    PullRequestMerged, RepoMoved, TagDeleted,
};
use super::sample::{MAIN, OLD_SHA, Sample};
use crate::payload::{
    DiscussionStatus, EventScope, FileAction, ObjectId, RepoType, WebhookPayload,
    WebhookPayloadDiscussionChanges, WebhookPayloadUpdatedFile,
};

/// What can be set on each of them.
impl<K> Sample<K> {
    /// Sets the repo's name, `owner/name`, and with it every address.
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
    /// // The other way round: a model that is public now.
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
}

/// What can be set where the repo is a model, a dataset or a Space.
impl<K: InGitRepo> Sample<K> {
    /// Sets the repo's type, `"model"`, `"dataset"` or `"space"`, and with it every address.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::dataset_commit;
    ///
    /// let payload: WebhookPayload = dataset_commit().repo("me/demo").repo_type("space").into();
    /// assert_eq!(payload.repo.url.web, "https://huggingface.co/spaces/me/demo");
    /// assert_eq!(payload.repo.subdomain.as_deref(), Some("me-demo"));
    /// ```
    pub fn repo_type(mut self, repo_type: impl Into<RepoType>) -> Self {
        self.payload.repo.repo_type = repo_type.into();
        self.consistent()
    }
}

/// What can be set on a commit.
impl Sample<DatasetCommit> {
    /// Sets the branch it was made to, `"main"` for instance, or the whole name of a ref, as
    /// `"refs/pr/4"` for a commit to a pull request.
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
    pub fn branch(mut self, name: &str) -> Self {
        if let Some(updated) = self.updated_ref() {
            let whole = name.starts_with("refs/");
            updated.ref_name = if whole { name.into() } else { format!("refs/heads/{name}") };
        }
        self.headed()
    }

    /// Sets the new commit's SHA-1.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::dataset_commit;
    ///
    /// let payload: WebhookPayload = dataset_commit().sha("ab".repeat(20)).into();
    /// assert_eq!(payload.repo.head_sha, Some("ab".repeat(20)));
    /// ```
    pub fn sha(mut self, sha: impl Into<String>) -> Self {
        if let Some(updated) = self.updated_ref() {
            updated.new_sha = Some(sha.into());
        }
        self.headed()
    }

    /// Sets the repo's head: that of its main branch, whichever branch the commit is on.
    fn headed(mut self) -> Self {
        let on_main = self.updated_ref().filter(|updated| updated.ref_name == MAIN);
        let head = on_main.and_then(|updated| updated.new_sha.clone());
        self.payload.repo.head_sha = Some(head.unwrap_or_else(|| OLD_SHA.to_owned()));
        self
    }
}

/// What can be set on a deleted tag.
impl Sample<TagDeleted> {
    /// Sets the tag, `"v1.0"` for instance.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::tag_deleted;
    ///
    /// let payload: WebhookPayload = tag_deleted().tag("v2.0-rc1").into();
    /// assert_eq!(payload.updated_refs.unwrap()[0].ref_name, "refs/tags/v2.0-rc1");
    /// ```
    pub fn tag(mut self, name: &str) -> Self {
        if let Some(updated) = self.updated_ref() {
            updated.ref_name = format!("refs/tags/{name}");
        }
        self
    }
}

/// What can be set on the files of a bucket.
impl Sample<BucketFiles> {
    /// Sets the paths of the files that were added or replaced.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::bucket_files;
    ///
    /// let payload: WebhookPayload = bucket_files().added(["a.parquet", "b.parquet"]).into();
    /// let files = payload.updated_files.unwrap();
    /// assert_eq!(files.iter().filter(|file| file.action == "add").count(), 2);
    /// assert!(files.iter().any(|file| file.action == "delete")); // as before
    /// ```
    pub fn added<P: Into<String>>(self, paths: impl IntoIterator<Item = P>) -> Self {
        self.files(&FileAction::Add, paths, |file| {
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
    pub fn deleted<P: Into<String>>(self, paths: impl IntoIterator<Item = P>) -> Self {
        self.files(&FileAction::Delete, paths, |_| {})
    }

    /// Says that more files changed than are listed.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::bucket_files;
    ///
    /// let payload: WebhookPayload = bucket_files().truncated().into();
    /// assert_eq!(payload.updated_files_truncated, Some(true));
    /// ```
    pub fn truncated(mut self) -> Self {
        self.payload.updated_files_truncated = Some(true);
        self
    }

    /// Replaces the files with this action.
    fn files<P: Into<String>>(
        mut self,
        action: &FileAction,
        paths: impl IntoIterator<Item = P>,
        complete: impl Fn(&mut WebhookPayloadUpdatedFile),
    ) -> Self {
        let updated = self.payload.updated_files.get_or_insert_default();
        updated.retain(|file| file.action != *action);
        updated.extend(paths.into_iter().map(|path| {
            let (path, action) = (path.into(), action.clone());
            let mut file = WebhookPayloadUpdatedFile { path, action, xet_hash: None, size: None };
            complete(&mut file);
            file
        }));
        self
    }
}

/// What can be set on a move.
impl Sample<RepoMoved> {
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
    pub fn to(mut self, name: impl Into<String>) -> Self {
        if let Some(moved_to) = &mut self.payload.moved_to {
            moved_to.name = name.into();
        }
        self.consistent()
    }
}

/// What can be set where there is a discussion or a pull request.
impl<K: InDiscussion> Sample<K> {
    /// Sets its title.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::comment_created;
    ///
    /// let payload: WebhookPayload = comment_created().title("Retrain on the new split").into();
    /// assert_eq!(payload.discussion.unwrap().title, "Retrain on the new split");
    /// ```
    pub fn title(mut self, title: impl Into<String>) -> Self {
        if let Some(discussion) = &mut self.payload.discussion {
            discussion.title = title.into();
        }
        self
    }

    /// Sets its number, and with it every address.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::comment_created;
    ///
    /// let payload: WebhookPayload = comment_created().number(42).into();
    /// let discussion = payload.discussion.unwrap();
    /// assert_eq!(discussion.num, 42);
    /// assert!(discussion.url.web.ends_with("/discussions/42"));
    /// ```
    pub fn number(mut self, number: u64) -> Self {
        if let Some(discussion) = &mut self.payload.discussion {
            discussion.num = number;
        }
        self.consistent()
    }

    /// Sets the author's id: of the comment, where the event is a comment's, or else of the discussion
    /// together with its first comment.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::comment_created;
    ///
    /// let payload: WebhookPayload = comment_created().author("65d0000000000000000000aa").into();
    /// assert_eq!(payload.comment.unwrap().author.id, "65d0000000000000000000aa");
    /// assert_ne!(payload.discussion.unwrap().author.id, "65d0000000000000000000aa");
    /// ```
    pub fn author(mut self, id: impl Into<String>) -> Self {
        let author = ObjectId { id: id.into() };
        let WebhookPayload { event, discussion, comment, .. } = &mut self.payload;
        if let Some(discussion) =
            discussion.as_mut().filter(|_| event.scope == EventScope::Discussion)
        {
            discussion.author = author.clone();
        }
        if let Some(comment) = comment {
            comment.author = author;
        }
        self
    }

    /// Makes it a pull request to the main branch.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::discussion_opened;
    ///
    /// let payload: WebhookPayload = discussion_opened().pull_request().into();
    /// let discussion = payload.discussion.unwrap();
    /// assert!(discussion.is_pull_request);
    /// assert_eq!(discussion.changes.unwrap().base, "refs/heads/main");
    /// ```
    pub fn pull_request(mut self) -> Self {
        if let Some(discussion) = &mut self.payload.discussion {
            discussion.is_pull_request = true;
            discussion.changes = Some(WebhookPayloadDiscussionChanges {
                base: MAIN.to_owned(),
                merge_commit_id: None,
            });
        }
        self
    }

    fn text_of_comment(mut self, text: String) -> Self {
        if let Some(comment) = &mut self.payload.comment {
            comment.content = Some(text);
        }
        self
    }
}

/// What can be set on a merged pull request.
impl Sample<PullRequestMerged> {
    /// Sets the SHA-1 of the commit that merged it.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::pull_request_merged;
    ///
    /// let payload: WebhookPayload = pull_request_merged().merge_commit("cd".repeat(20)).into();
    /// let changes = payload.discussion.unwrap().changes.unwrap();
    /// assert_eq!(changes.merge_commit_id, Some("cd".repeat(20)));
    /// ```
    pub fn merge_commit(mut self, sha: impl Into<String>) -> Self {
        if let Some(discussion) = &mut self.payload.discussion {
            discussion.status = DiscussionStatus::Merged;
            if let Some(changes) = &mut discussion.changes {
                changes.merge_commit_id = Some(sha.into());
            }
        }
        self
    }
}

/// What can be set on an opened discussion.
impl Sample<DiscussionOpened> {
    /// Sets the first comment's text, in Markdown.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::discussion_opened;
    ///
    /// let payload: WebhookPayload = discussion_opened().text("Please add a licence.").into();
    /// assert_eq!(payload.comment.unwrap().content.as_deref(), Some("Please add a licence."));
    /// ```
    pub fn text(self, text: impl Into<String>) -> Self {
        self.text_of_comment(text.into())
    }
}

/// What can be set on a comment.
impl Sample<CommentCreated> {
    /// Sets its text, in Markdown.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::testing::comment_created;
    ///
    /// let payload: WebhookPayload = comment_created().text("@my-bot why?").into();
    /// assert!(payload.comment.unwrap().content.unwrap().starts_with("@my-bot "));
    /// ```
    pub fn text(self, text: impl Into<String>) -> Self {
        self.text_of_comment(text.into())
    }
}

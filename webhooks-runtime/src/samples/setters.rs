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
    pub fn repo(mut self, name: impl Into<String>) -> Self {
        self.payload.repo.name = name.into();
        self.consistent()
    }

    /// Sets the repo's tags.
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.payload.repo.tags = Some(tags.into_iter().map(Into::into).collect());
        self
    }

    /// Sets whether the repo is private.
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
    pub fn repo_type(mut self, repo_type: impl Into<RepoType>) -> Self {
        self.payload.repo.repo_type = repo_type.into();
        self.consistent()
    }
}

/// What can be set on a commit.
impl Sample<DatasetCommit> {
    /// Sets the branch it was made to, `"main"` for instance, or the whole name of a ref, as
    /// `"refs/pr/4"` for a commit to a pull request.
    pub fn branch(mut self, name: &str) -> Self {
        if let Some(updated) = self.updated_ref() {
            let whole = name.starts_with("refs/");
            updated.ref_name = if whole { name.into() } else { format!("refs/heads/{name}") };
        }
        self.headed()
    }

    /// Sets the new commit's SHA-1.
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
    pub fn added<P: Into<String>>(self, paths: impl IntoIterator<Item = P>) -> Self {
        self.files(&FileAction::Add, paths, |file| {
            file.xet_hash = Some("a1".repeat(32));
            file.size = Some(1024);
        })
    }

    /// Sets the paths of the files that were deleted.
    pub fn deleted<P: Into<String>>(self, paths: impl IntoIterator<Item = P>) -> Self {
        self.files(&FileAction::Delete, paths, |_| {})
    }

    /// Says that more files changed than are listed.
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
    pub fn title(mut self, title: impl Into<String>) -> Self {
        if let Some(discussion) = &mut self.payload.discussion {
            discussion.title = title.into();
        }
        self
    }

    /// Sets its number, and with it every address.
    pub fn number(mut self, number: u64) -> Self {
        if let Some(discussion) = &mut self.payload.discussion {
            discussion.num = number;
        }
        self.consistent()
    }

    /// Sets the author's id: of the comment, where the event is a comment's, or else of the discussion
    /// together with its first comment.
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
    pub fn text(self, text: impl Into<String>) -> Self {
        self.text_of_comment(text.into())
    }
}

/// What can be set on a comment.
impl Sample<CommentCreated> {
    /// Sets its text, in Markdown.
    pub fn text(self, text: impl Into<String>) -> Self {
        self.text_of_comment(text.into())
    }
}

//! A sample of each kind of delivery, in the form that the Hub documents and with values of our own:
//! <https://huggingface.co/docs/hub/webhooks#webhook-payloads>.

use std::marker::PhantomData;

use serde::{Serialize, Serializer};

use super::kind::{
    BucketFiles, CommentCreated, CommentHidden, DatasetCommit, DiscussionOpened, InDiscussion,
    InGitRepo, PullRequestMerged, RepoMadePrivate, RepoMoved, TagDeleted,
};
use crate::payload::{
    DiscussionStatus, EventAction, EventScope, FileAction, ObjectId, RepoType, WebhookPayload,
    WebhookPayloadComment, WebhookPayloadDiscussion, WebhookPayloadDiscussionChanges,
    WebhookPayloadEvent, WebhookPayloadMovedTo, WebhookPayloadRepo, WebhookPayloadUpdatedConfig,
    WebhookPayloadUpdatedFile, WebhookPayloadUpdatedRef, WebhookPayloadUrl, WebhookPayloadWebhook,
};

const MAIN: &str = "refs/heads/main";
const OLD_SHA: &str = "1111111111111111111111111111111111111111";
const NEW_SHA: &str = "2222222222222222222222222222222222222222";

/// The payload of a sample delivery of kind `K`.
///
/// Its setters keep the payload whole: [`repo`](Self::repo) sets the addresses along with the name,
/// for instance. What has no setter is a field of the [`WebhookPayload`] that it turns into:
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::dataset_commit;
///
/// let mut payload: WebhookPayload = dataset_commit().repo("me/data").into();
/// payload.repo.owner.id = "65d0000000000000000000ff".to_owned();
///
/// assert_eq!(payload.repo.url.web, "https://huggingface.co/datasets/me/data");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Sample<K> {
    payload: WebhookPayload,
    kind: PhantomData<K>,
}

/// A commit to the main branch of a dataset.
pub fn dataset_commit() -> Sample<DatasetCommit> {
    Sample::content(MAIN, Some(NEW_SHA))
}

/// A tag of a dataset, deleted.
pub fn tag_deleted() -> Sample<TagDeleted> {
    Sample::content("refs/tags/v1.0", None)
}

/// Two files in a bucket: one added, one deleted.
pub fn bucket_files() -> Sample<BucketFiles> {
    let mut sample = Sample::new(EventAction::Update, EventScope::RepoContent, RepoType::Bucket);
    sample.payload.repo.name = "me/checkpoints".to_owned();
    sample.payload.updated_files = Some(Vec::new());
    sample.addressed().added(["step-100/model.safetensors"]).deleted(["step-1/model.safetensors"])
}

/// A model that got another name.
pub fn repo_moved() -> Sample<RepoMoved> {
    let mut sample = Sample::new(EventAction::Move, EventScope::Repo, RepoType::Model);
    sample.payload.repo.head_sha = Some(NEW_SHA.to_owned());
    let owner = sample.payload.repo.owner.clone();
    sample.payload.moved_to = Some(WebhookPayloadMovedTo { name: "me/renamed".to_owned(), owner });
    sample
}

/// A model that was public and is private now.
pub fn repo_made_private() -> Sample<RepoMadePrivate> {
    let mut sample = Sample::new(EventAction::Update, EventScope::RepoConfig, RepoType::Model);
    sample.payload.repo.head_sha = Some(NEW_SHA.to_owned());
    sample.payload.repo.private = true;
    sample.payload.updated_config = Some(WebhookPayloadUpdatedConfig { private: Some(true) });
    sample
}

/// A discussion that was opened, with its first comment.
pub fn discussion_opened() -> Sample<DiscussionOpened> {
    Sample::discussion(EventAction::Create, EventScope::Discussion).commented()
}

/// A pull request that was merged into the main branch.
pub fn pull_request_merged() -> Sample<PullRequestMerged> {
    let sample = Sample::discussion(EventAction::Update, EventScope::Discussion).pull_request();
    sample.merge_commit(NEW_SHA)
}

/// A comment in a discussion.
pub fn comment_created() -> Sample<CommentCreated> {
    Sample::discussion(EventAction::Create, EventScope::DiscussionComment).commented()
}

/// A comment that was hidden by a moderator, so that its text is gone.
pub fn comment_hidden() -> Sample<CommentHidden> {
    let mut sample =
        Sample::discussion(EventAction::Update, EventScope::DiscussionComment).commented();
    if let Some(comment) = &mut sample.payload.comment {
        comment.hidden = true;
        comment.content = None;
    }
    sample
}

/// How they are put together.
impl<K> Sample<K> {
    fn new(action: EventAction, scope: EventScope, repo_type: RepoType) -> Self {
        let payload = WebhookPayload {
            event: WebhookPayloadEvent { action, scope },
            repo: WebhookPayloadRepo {
                repo_type,
                name: "me/sample".to_owned(),
                id: "65d000000000000000000001".to_owned(),
                private: false,
                url: WebhookPayloadUrl { web: String::new(), api: None },
                owner: ObjectId { id: "65d000000000000000000002".to_owned() },
                head_sha: None,
                subdomain: None,
                tags: None,
            },
            discussion: None,
            comment: None,
            webhook: WebhookPayloadWebhook {
                id: "65d000000000000000000003".to_owned(),
                version: 3,
            },
            moved_to: None,
            updated_refs: None,
            updated_config: None,
            updated_files: None,
            updated_files_truncated: None,
        };
        Self { payload, kind: PhantomData }.addressed()
    }

    /// An update of the content of a dataset.
    fn content(ref_name: &str, new_sha: Option<&str>) -> Self {
        let mut sample = Self::new(EventAction::Update, EventScope::RepoContent, RepoType::Dataset);
        sample.payload.repo.head_sha = Some(NEW_SHA.to_owned());
        sample.payload.updated_refs = Some(vec![WebhookPayloadUpdatedRef {
            ref_name: ref_name.to_owned(),
            old_sha: Some(OLD_SHA.to_owned()),
            new_sha: new_sha.map(str::to_owned),
        }]);
        sample
    }

    /// An event of an open discussion about a model.
    fn discussion(action: EventAction, scope: EventScope) -> Self {
        let mut sample = Self::new(action, scope, RepoType::Model);
        sample.payload.discussion = Some(WebhookPayloadDiscussion {
            id: "65d000000000000000000004".to_owned(),
            num: 1,
            title: "Name the seed".to_owned(),
            author: ObjectId { id: "65d000000000000000000005".to_owned() },
            url: WebhookPayloadUrl { web: String::new(), api: None },
            is_pull_request: false,
            status: DiscussionStatus::Open,
            changes: None,
            pinned: None,
        });
        sample.addressed()
    }

    fn commented(mut self) -> Self {
        self.payload.comment = Some(WebhookPayloadComment {
            id: "65d000000000000000000006".to_owned(),
            author: ObjectId { id: "65d000000000000000000005".to_owned() },
            hidden: false,
            content: Some("Which seed was used?".to_owned()),
            url: WebhookPayloadUrl { web: String::new(), api: None },
        });
        self.addressed()
    }

    /// Sets every address from what it is made of.
    fn addressed(mut self) -> Self {
        let WebhookPayload { repo, discussion, comment, .. } = &mut self.payload;
        repo.url = url_of_repo(&repo.repo_type, &repo.name);
        if let Some(discussion) = discussion {
            let below = |url: &String| format!("{url}/discussions/{}", discussion.num);
            discussion.url = WebhookPayloadUrl {
                web: below(&repo.url.web),
                api: repo.url.api.as_ref().map(below),
            };
            if let Some(comment) = comment {
                comment.url.web = format!("{}#{}", discussion.url.web, comment.id);
            }
        }
        self
    }

    fn updated_ref(&mut self) -> Option<&mut WebhookPayloadUpdatedRef> {
        self.payload.updated_refs.as_mut()?.first_mut()
    }
}

/// The addresses of a repo. A model's page stands at the root, and a bucket has no address for
/// programs.
fn url_of_repo(repo_type: &RepoType, name: &str) -> WebhookPayloadUrl {
    let below = |folder: &str| format!("https://huggingface.co/{folder}{name}");
    match repo_type {
        RepoType::Model => WebhookPayloadUrl { web: below(""), api: Some(below("api/models/")) },
        RepoType::Bucket => WebhookPayloadUrl { web: below("buckets/"), api: None },
        other => WebhookPayloadUrl {
            web: below(&format!("{other}s/")),
            api: Some(below(&format!("api/{other}s/"))),
        },
    }
}

impl<K> From<Sample<K>> for WebhookPayload {
    fn from(sample: Sample<K>) -> Self {
        sample.payload
    }
}

impl<K> Serialize for Sample<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.payload.serialize(serializer)
    }
}

/// What can be set on each of them.
impl<K> Sample<K> {
    /// Sets the repo's name, `owner/name`, and with it every address.
    pub fn repo(mut self, name: impl Into<String>) -> Self {
        self.payload.repo.name = name.into();
        self.addressed()
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
    /// Sets the repo's type, `"model"` for instance, and with it every address.
    pub fn repo_type(mut self, repo_type: impl Into<RepoType>) -> Self {
        self.payload.repo.repo_type = repo_type.into();
        self.addressed()
    }
}

/// What can be set on a commit.
impl Sample<DatasetCommit> {
    /// Sets the branch it was made to, `"main"` for instance.
    pub fn branch(mut self, name: &str) -> Self {
        if let Some(updated) = self.updated_ref() {
            updated.ref_name = format!("refs/heads/{name}");
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
        let file = |path| WebhookPayloadUpdatedFile {
            path,
            action: FileAction::Add,
            xet_hash: Some("a1".repeat(32)),
            size: Some(1024),
        };
        self.files(&FileAction::Add, paths.into_iter().map(|path| file(path.into())))
    }

    /// Sets the paths of the files that were deleted.
    pub fn deleted<P: Into<String>>(self, paths: impl IntoIterator<Item = P>) -> Self {
        let action = FileAction::Delete;
        let file = |path| WebhookPayloadUpdatedFile {
            path,
            action: FileAction::Delete,
            xet_hash: None,
            size: None,
        };
        self.files(&action, paths.into_iter().map(|path| file(path.into())))
    }

    /// Says that more files changed than are listed.
    pub fn truncated(mut self) -> Self {
        self.payload.updated_files_truncated = Some(true);
        self
    }

    fn files(
        mut self,
        action: &FileAction,
        files: impl Iterator<Item = WebhookPayloadUpdatedFile>,
    ) -> Self {
        if let Some(updated) = &mut self.payload.updated_files {
            updated.retain(|file| file.action != *action);
            updated.extend(files);
        }
        self
    }
}

/// What can be set on a move.
impl Sample<RepoMoved> {
    /// Sets the repo's new name, `owner/name`.
    pub fn to(mut self, name: impl Into<String>) -> Self {
        if let Some(moved_to) = &mut self.payload.moved_to {
            moved_to.name = name.into();
        }
        self
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
        self.addressed()
    }

    /// Sets the id of the user who did it: who opened the discussion and, where there is a comment,
    /// wrote that.
    pub fn author(mut self, id: impl Into<String>) -> Self {
        let author = ObjectId { id: id.into() };
        if let Some(comment) = &mut self.payload.comment {
            comment.author = author.clone();
        }
        if let Some(discussion) = &mut self.payload.discussion {
            discussion.author = author;
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

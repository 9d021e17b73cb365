//! A sample of each kind of delivery, in the form that the Hub documents and with values of our own:
//! <https://huggingface.co/docs/hub/webhooks#webhook-payloads>.

use std::marker::PhantomData;

use serde::{Serialize, Serializer};

use super::kind::{
    BucketFiles, CommentCreated, CommentHidden, DatasetCommit, DiscussionOpened, PullRequestMerged,
    RepoMadePrivate, RepoMoved, TagDeleted,
};
use crate::payload::{
    DiscussionStatus, EventAction, EventScope, ObjectId, RepoType, WebhookPayload,
    WebhookPayloadComment, WebhookPayloadDiscussion, WebhookPayloadEvent, WebhookPayloadMovedTo,
    WebhookPayloadRepo, WebhookPayloadUpdatedConfig, WebhookPayloadUpdatedRef, WebhookPayloadUrl,
    WebhookPayloadWebhook,
};

pub(super) const MAIN: &str = "refs/heads/main";
const OWNER: &str = "65d000000000000000000002";
const ANOTHER_OWNER: &str = "65d000000000000000000007";
const OPENER: &str = "65d000000000000000000005";
const COMMENTER: &str = "65d000000000000000000008";
pub(super) const OLD_SHA: &str = "1111111111111111111111111111111111111111";
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
    pub(super) payload: WebhookPayload,
    kind: PhantomData<K>,
}

/// A commit to the main branch of a dataset.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::dataset_commit;
///
/// let payload: WebhookPayload = dataset_commit().into();
///
/// assert!(payload.event.matches("update", "repo.content"));
/// let refs = payload.updated_refs.unwrap_or_default();
/// assert_eq!(refs[0].ref_name, "refs/heads/main");
/// assert_eq!(refs[0].new_sha, payload.repo.head_sha);
/// ```
pub fn dataset_commit() -> Sample<DatasetCommit> {
    Sample::content(MAIN, Some(NEW_SHA))
}

/// A tag of a dataset, deleted.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::tag_deleted;
///
/// let payload: WebhookPayload = tag_deleted().into();
///
/// let refs = payload.updated_refs.unwrap_or_default();
/// assert_eq!(refs[0].ref_name, "refs/tags/v1.0");
/// assert_eq!(refs[0].new_sha, None);
/// ```
pub fn tag_deleted() -> Sample<TagDeleted> {
    Sample::content("refs/tags/v1.0", None)
}

/// Two files in a bucket: one added, one deleted.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::bucket_files;
///
/// let payload: WebhookPayload = bucket_files().into();
///
/// assert_eq!(payload.repo.repo_type, "bucket");
/// assert_eq!(payload.repo.head_sha, None);
/// let actions: Vec<_> = payload.updated_files.iter().flatten().map(|file| &file.action).collect();
/// assert_eq!(actions, ["add", "delete"]);
/// ```
pub fn bucket_files() -> Sample<BucketFiles> {
    let mut sample = Sample::new(EventAction::Update, EventScope::RepoContent, RepoType::Bucket);
    sample.payload.repo.name = "me/checkpoints".to_owned();
    sample.consistent().added(["step-100/model.safetensors"]).deleted(["step-1/model.safetensors"])
}

/// A model that got another name.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::repo_moved;
///
/// let payload: WebhookPayload = repo_moved().repo("me/draft").to("me/final").into();
///
/// assert_eq!(payload.event.action, "move");
/// assert_eq!(payload.repo.name, "me/draft");
/// assert_eq!(payload.moved_to.unwrap().name, "me/final");
/// ```
pub fn repo_moved() -> Sample<RepoMoved> {
    let mut sample = Sample::new(EventAction::Move, EventScope::Repo, RepoType::Model);
    sample.payload.repo.head_sha = Some(NEW_SHA.to_owned());
    let owner = sample.payload.repo.owner.clone();
    sample.payload.moved_to = Some(WebhookPayloadMovedTo { name: "me/renamed".to_owned(), owner });
    sample.consistent()
}

/// A model that was public and is private now.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::repo_made_private;
///
/// let payload: WebhookPayload = repo_made_private().into();
///
/// assert_eq!(payload.event.scope, "repo.config");
/// assert_eq!(payload.updated_config.unwrap().private, Some(true));
/// ```
pub fn repo_made_private() -> Sample<RepoMadePrivate> {
    let mut sample = Sample::new(EventAction::Update, EventScope::RepoConfig, RepoType::Model);
    sample.payload.repo.head_sha = Some(NEW_SHA.to_owned());
    sample.payload.repo.private = true;
    sample.payload.updated_config =
        Some(WebhookPayloadUpdatedConfig { private: Some(true), xet_enabled: None });
    sample
}

/// A discussion that was opened, with its first comment.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::discussion_opened;
///
/// let payload: WebhookPayload = discussion_opened().title("Which licence?").into();
///
/// assert!(payload.event.matches("create", "discussion"));
/// assert_eq!(payload.discussion.unwrap().title, "Which licence?");
/// assert!(payload.comment.is_some());
/// ```
pub fn discussion_opened() -> Sample<DiscussionOpened> {
    Sample::discussion(EventAction::Create, EventScope::Discussion).commented(OPENER)
}

/// A pull request that was merged into the main branch.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::pull_request_merged;
///
/// let payload: WebhookPayload = pull_request_merged().into();
///
/// assert!(payload.event.matches("update", "discussion"));
/// assert_eq!(payload.discussion.unwrap().status, "merged");
/// assert!(payload.comment.is_none());
/// ```
pub fn pull_request_merged() -> Sample<PullRequestMerged> {
    let sample = Sample::discussion(EventAction::Update, EventScope::Discussion).pull_request();
    sample.merge_commit(NEW_SHA)
}

/// A comment in a discussion.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::comment_created;
///
/// let payload: WebhookPayload = comment_created().text("/retrain").into();
///
/// assert_eq!(payload.event.scope, "discussion.comment");
/// assert_eq!(payload.comment.unwrap().content.as_deref(), Some("/retrain"));
/// ```
pub fn comment_created() -> Sample<CommentCreated> {
    Sample::discussion(EventAction::Create, EventScope::DiscussionComment).commented(COMMENTER)
}

/// A comment that was hidden by a moderator, so that its text is gone.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::comment_hidden;
///
/// let payload: WebhookPayload = comment_hidden().into();
///
/// let comment = payload.comment.unwrap();
/// assert!(comment.hidden);
/// assert_eq!(comment.content, None);
/// ```
pub fn comment_hidden() -> Sample<CommentHidden> {
    let mut sample =
        Sample::discussion(EventAction::Update, EventScope::DiscussionComment).commented(COMMENTER);
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
                owner: ObjectId { id: OWNER.to_owned() },
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
        Self { payload, kind: PhantomData }.consistent()
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
            author: ObjectId { id: OPENER.to_owned() },
            url: WebhookPayloadUrl { web: String::new(), api: None },
            is_pull_request: false,
            status: DiscussionStatus::Open,
            changes: None,
            pinned: None,
        });
        sample.consistent()
    }

    fn commented(mut self, author: &str) -> Self {
        self.payload.comment = Some(WebhookPayloadComment {
            id: "65d000000000000000000006".to_owned(),
            author: ObjectId { id: author.to_owned() },
            hidden: false,
            content: Some("Which seed was used?".to_owned()),
            url: WebhookPayloadUrl { web: String::new(), api: None },
        });
        self.consistent()
    }

    pub(super) fn consistent(mut self) -> Self {
        make_consistent(&mut self.payload);
        self
    }

    pub(super) fn updated_ref(&mut self) -> Option<&mut WebhookPayloadUpdatedRef> {
        self.payload.updated_refs.as_mut()?.first_mut()
    }
}

/// Sets all that follows from something else: every address, and the owner after a move.
pub(crate) fn make_consistent(payload: &mut WebhookPayload) {
    let WebhookPayload { repo, discussion, comment, moved_to, .. } = payload;
    repo.url = url_of_repo(&repo.repo_type, &repo.name);
    repo.subdomain = (repo.repo_type == RepoType::Space)
        .then(|| repo.name.replace(['/', '.', '_'], "-").to_lowercase());
    if let Some(moved_to) = moved_to {
        let owner = |name: &str| name.split_once('/').map(|(owner, _)| owner.to_owned());
        let same = owner(&moved_to.name) == owner(&repo.name);
        moved_to.owner.id = if same { OWNER } else { ANOTHER_OWNER }.to_owned();
    }
    if let Some(discussion) = discussion {
        let below = |url: &String| format!("{url}/discussions/{}", discussion.num);
        discussion.url =
            WebhookPayloadUrl { web: below(&repo.url.web), api: repo.url.api.as_ref().map(below) };
        if let Some(comment) = comment {
            comment.url.web = format!("{}#{}", discussion.url.web, comment.id);
        }
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

//! The payload of a sample, in the form that the Hub documents and with invented values:
//! <https://huggingface.co/docs/hub/webhooks#webhook-payloads>.

use serde::{Serialize, Serializer};

use crate::payload::{
    DiscussionStatus, EventAction, EventScope, ObjectId, RepoType, WebhookPayload,
    WebhookPayloadComment, WebhookPayloadDiscussion, WebhookPayloadEvent, WebhookPayloadRepo,
    WebhookPayloadUpdatedRef, WebhookPayloadUrl, WebhookPayloadWebhook,
};

pub(super) const MAIN: &str = "refs/heads/main";
const OWNER: &str = "65d000000000000000000002";
const ANOTHER_OWNER: &str = "65d000000000000000000007";
pub(super) const OPENER: &str = "65d000000000000000000005";
pub(super) const COMMENTER: &str = "65d000000000000000000008";
pub(super) const OLD_SHA: &str = "1111111111111111111111111111111111111111";
pub(super) const NEW_SHA: &str = "2222222222222222222222222222222222222222";

/// The payload of a sample delivery.
///
/// Its setters keep the payload consistent: [`repo`](Self::repo) also sets the URLs, for example. A setter for a
/// part that the sample does not have, such as [`title`](Self::title) for a commit, panics. What has no setter is
/// a field of the [`WebhookPayload`] that the sample converts to:
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::{Sample, comment_created, dataset_commit};
///
/// let mut payload: WebhookPayload = dataset_commit().repo("me/data").into();
/// payload.repo.owner.id = "65d0000000000000000000ff".to_owned();
///
/// assert_eq!(payload.repo.url.web, "https://huggingface.co/datasets/me/data");
///
/// /// A comment that the bot should act on.
/// fn command(text: &str) -> Sample {
///     comment_created().repo("me/model").text(format!("/bot {text}"))
/// }
/// # command("retrain");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Sample {
    pub(super) payload: WebhookPayload,
}

impl From<Sample> for WebhookPayload {
    fn from(sample: Sample) -> Self {
        sample.payload
    }
}

impl Serialize for Sample {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.payload.serialize(serializer)
    }
}

impl Sample {
    /// Makes a sample without optional parts.
    pub(super) fn new(action: EventAction, scope: EventScope, repo_type: RepoType) -> Self {
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
        Self { payload }.consistent()
    }

    /// Makes an update of the content of a dataset.
    pub(super) fn content(ref_name: &str, old_sha: Option<&str>, new_sha: Option<&str>) -> Self {
        let mut sample = Self::new(EventAction::Update, EventScope::RepoContent, RepoType::Dataset);
        sample.payload.repo.head_sha = Some(NEW_SHA.to_owned());
        sample.payload.updated_refs = Some(vec![WebhookPayloadUpdatedRef {
            ref_name: ref_name.to_owned(),
            old_sha: old_sha.map(str::to_owned),
            new_sha: new_sha.map(str::to_owned),
        }]);
        sample
    }

    /// Makes an event of a model as a whole, or of its settings.
    pub(super) fn repo_event(action: EventAction, scope: EventScope) -> Self {
        let mut sample = Self::new(action, scope, RepoType::Model);
        sample.payload.repo.head_sha = Some(NEW_SHA.to_owned());
        sample
    }

    /// Makes an event of an open discussion about a model.
    pub(super) fn discussion(action: EventAction, scope: EventScope) -> Self {
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

    /// Closes the discussion.
    pub(super) fn closed(mut self) -> Self {
        if let Some(discussion) = &mut self.payload.discussion {
            discussion.status = DiscussionStatus::Closed;
        }
        self
    }

    /// Adds a comment.
    pub(super) fn commented(mut self, author: &str) -> Self {
        self.payload.comment = Some(WebhookPayloadComment {
            id: "65d000000000000000000006".to_owned(),
            author: ObjectId { id: author.to_owned() },
            hidden: false,
            content: Some("Which seed was used?".to_owned()),
            url: WebhookPayloadUrl { web: String::new(), api: None },
        });
        self.consistent()
    }

    /// Sets everything that follows from the other fields.
    pub(super) fn consistent(mut self) -> Self {
        make_consistent(&mut self.payload);
        self
    }
}

/// Sets everything that follows from other fields: all URLs, and the owner after a move.
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

/// Returns the URLs of a repo. A model's page is at the root, and a bucket has no API URL.
fn url_of_repo(repo_type: &RepoType, name: &str) -> WebhookPayloadUrl {
    let below = |folder: &str| format!("https://huggingface.co/{folder}{name}");
    match repo_type {
        RepoType::Model => WebhookPayloadUrl { web: below(""), api: Some(below("api/models/")) },
        RepoType::Bucket => WebhookPayloadUrl { web: below("buckets/"), api: None },
        other => WebhookPayloadUrl {
            web: below(&format!("{}/", other.plural())),
            api: Some(below(&format!("api/{}/", other.plural()))),
        },
    }
}

/// Returns the part of a sample that a setter changes.
#[track_caller]
pub(super) fn part<'a, T>(part: Option<&'a mut T>, setter: &str, what: &str) -> &'a mut T {
    let Some(part) = part else { reject_setter(setter, what) };
    part
}

/// Panics, because the sample lacks the part that a setter changes.
#[track_caller]
#[allow(clippy::panic, reason = "a test that cannot continue")]
pub(super) fn reject_setter(setter: &str, what: &str) -> ! {
    panic!("`.{setter}(…)` is for a sample with {what}")
}

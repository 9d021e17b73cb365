//! Changes of a repo's content: commits, tags and files.

use crate::payload::{EventAction, EventScope, RepoType};
use crate::samples::sample::{MAIN, NEW_SHA, OLD_SHA, Sample};

const TAG: &str = "refs/tags/v1.0";

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
pub fn dataset_commit() -> Sample {
    Sample::content(MAIN, Some(OLD_SHA), Some(NEW_SHA))
}

/// A commit to the main branch of a model.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::model_commit;
///
/// let payload: WebhookPayload = model_commit().repo("me/model").into();
///
/// assert!(payload.event.matches("update", "repo.content"));
/// assert_eq!(payload.repo.repo_type, "model");
/// assert_eq!(payload.repo.url.web, "https://huggingface.co/me/model");
/// ```
pub fn model_commit() -> Sample {
    dataset_commit().repo_type(RepoType::Model)
}

/// A commit to the main branch of a Space.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::space_commit;
///
/// let payload: WebhookPayload = space_commit().repo("me/demo").into();
///
/// assert_eq!(payload.repo.repo_type, "space");
/// assert_eq!(payload.repo.subdomain.as_deref(), Some("me-demo"));
/// ```
pub fn space_commit() -> Sample {
    dataset_commit().repo_type(RepoType::Space)
}

/// A commit to a branch of a dataset that is not the main branch.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::branch_commit;
///
/// let payload: WebhookPayload = branch_commit().into();
///
/// let refs = payload.updated_refs.unwrap_or_default();
/// assert_eq!(refs[0].ref_name, "refs/heads/experiments");
/// assert_ne!(refs[0].new_sha, payload.repo.head_sha); // the head of the main branch
/// ```
pub fn branch_commit() -> Sample {
    dataset_commit().branch("experiments")
}

/// A new tag of a dataset.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::tag_created;
///
/// let payload: WebhookPayload = tag_created().tag("v2.0").into();
///
/// let refs = payload.updated_refs.unwrap_or_default();
/// assert_eq!(refs[0].ref_name, "refs/tags/v2.0");
/// assert_eq!(refs[0].old_sha, None);
/// assert!(refs[0].new_sha.is_some());
/// ```
pub fn tag_created() -> Sample {
    Sample::content(TAG, None, Some(NEW_SHA))
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
pub fn tag_deleted() -> Sample {
    Sample::content(TAG, Some(OLD_SHA), None)
}

/// A commit to a pull request of a model.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::pull_request_pushed;
///
/// let payload: WebhookPayload = pull_request_pushed().number(4).into();
///
/// assert!(payload.event.matches("update", "repo.content"));
/// assert_eq!(payload.updated_refs.unwrap_or_default()[0].ref_name, "refs/pr/4");
/// assert!(payload.discussion.is_none()); // only the number is known
/// ```
pub fn pull_request_pushed() -> Sample {
    model_commit().branch("refs/pr/1")
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
pub fn bucket_files() -> Sample {
    bucket().added(["step-100/model.safetensors"]).deleted(["step-1/model.safetensors"])
}

/// Several files that were uploaded to a bucket at once.
///
/// ```
/// use webhooks_runtime::WebhookPayload;
/// use webhooks_runtime::testing::bucket_upload;
///
/// let payload: WebhookPayload = bucket_upload().into();
///
/// let files = payload.updated_files.unwrap_or_default();
/// assert_eq!(files.len(), 4);
/// assert!(files.iter().all(|file| file.action == "add" && file.size.is_some()));
/// ```
pub fn bucket_upload() -> Sample {
    bucket().added([
        "step-200/config.json",
        "step-200/model-00001-of-00002.safetensors",
        "step-200/model-00002-of-00002.safetensors",
        "step-200/optimizer.pt",
    ])
}

/// Makes an update of a bucket in which no file has changed yet.
fn bucket() -> Sample {
    let mut sample = Sample::new(EventAction::Update, EventScope::RepoContent, RepoType::Bucket);
    sample.payload.repo.name = "me/checkpoints".to_owned();
    sample.payload.updated_files = Some(Vec::new());
    sample.consistent()
}
